"""Muon: the matrices become orthogonal, small parameters go by Adam, and its state survives a checkpoint."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from anyres.training.checkpoint import load_checkpoint, save_checkpoint
from anyres.training.muon import Muon, orthogonal


@pytest.mark.parametrize("shape", [(3, 8, 40), (2, 40, 8), (1, 16, 16)])
def test_singular_values_are_drawn_to_one(shape: tuple[int, int, int]) -> None:
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    values = torch.linalg.svdvals(orthogonal(matrices))
    assert values.min() > 0.4
    assert values.max() < 1.3


def test_singular_vectors_stay() -> None:
    left, _ = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(1)))
    right, _ = torch.linalg.qr(torch.randn(9, 9, generator=torch.Generator().manual_seed(2)))
    matrix = left @ torch.diag(torch.linspace(1, 2, 6)) @ right[:6]
    between = left.T @ orthogonal(matrix[None])[0] @ right.T
    assert (between[:, :6] - between[:, :6].diag().diag()).abs().max() < 1e-4
    assert between[:, 6:].abs().max() < 1e-4


def test_other_parameters_move_as_by_adam() -> None:
    ours, theirs = nn.Conv2d(3, 8, 3), nn.Conv2d(3, 8, 3)  # three channels in: no matrix
    theirs.load_state_dict(ours.state_dict())
    muon, adam = Muon(ours, learning_rate=1e-2), torch.optim.Adam(theirs.parameters(), lr=1e-2)
    for step in range(5):
        for network, optimiser in ((ours, muon), (theirs, adam)):
            optimiser.zero_grad()
            _loss(network, seed=step).backward()
            optimiser.step()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_updates_have_the_length_of_the_rate() -> None:
    network = nn.Linear(64, 32, bias=False)
    before = network.weight.detach().clone()
    muon = Muon(network, learning_rate=1e-3)
    network(torch.randn(256, 64)).square().mean().backward()
    muon.step()
    moved = (network.weight - before).square().mean().sqrt().item()
    assert moved == pytest.approx(0.2e-3, rel=0.25)


def test_it_learns() -> None:
    network = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 3, 3, padding=1))
    muon, first = Muon(network, learning_rate=3e-3), _loss(network, seed=0).item()
    for _ in range(60):
        muon.zero_grad()
        _loss(network, seed=0).backward()
        muon.step()
    assert _loss(network, seed=0).item() < 0.8 * first


def test_a_resumed_run_moves_as_one_that_went_on(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 3, 3))
    muon = Muon(network)
    _step(network, muon)
    average: dict[str, Tensor] = {}
    save_checkpoint(
        tmp_path / "c.safetensors",
        network=network,
        average=average,
        optimiser=muon,
        memory={},
        progress={"step": 1},
    )
    other = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 3, 3))
    resumed = Muon(other)
    load_checkpoint(tmp_path / "c.safetensors", network=other, average=average, optimiser=resumed, memory={})
    for run, optimiser in ((network, muon), (other, resumed)):
        _step(run, optimiser)
    for one, two in zip(network.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, two)


def _step(network: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    optimiser.zero_grad()
    _loss(network, seed=1).backward()
    optimiser.step()


def _loss(network: nn.Module, *, seed: int) -> Tensor:
    pixels = torch.randn(2, 3, 12, 12, generator=torch.Generator().manual_seed(seed))
    loss: Tensor = (network(pixels) - 0.3).square().mean()
    return loss
