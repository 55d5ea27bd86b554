import math

import pytest
import torch

from anyres.models.retina.losses import MARGIN, dice, triplet


def test_dice_is_nothing_for_equal_maps_and_one_without_overlap() -> None:
    generator = torch.Generator().manual_seed(0)
    heat = torch.rand(2, 1, 16, 16, generator=generator)
    left, right = heat.clone(), heat.clone()
    left[..., :8], right[..., 8:] = 0, 0
    assert dice(heat, heat) == pytest.approx(0, abs=1e-6)
    assert dice(torch.zeros(4), torch.zeros(4)) == pytest.approx(0, abs=1e-6)
    assert dice(left, right) == pytest.approx(1, abs=1e-4)


def test_dice_by_hand() -> None:
    one, other = torch.tensor([1.0, 0.5]), torch.tensor([0.5, 0.5])
    assert dice(one, other) == pytest.approx(1 - (1.5 + 1e-3) / (1.75 + 1e-3), abs=1e-6)


def test_a_triplet_by_hand() -> None:
    angles = torch.tensor([0.0, math.pi / 2, math.pi])
    anchors = torch.stack((angles.cos(), angles.sin()), 1)
    found = triplet(anchors, anchors, torch.tensor([1, 2, 0]))
    # Positives are at distance 0. Hardest negatives are at cosine 0; random ones at cosine 0, 0 and -1.
    spread = MARGIN - 0.5 * (1 + torch.tensor([1.0, 1.0, 2.0]))
    assert found == pytest.approx(float(spread.clamp(min=0).mean()) + 0 + 1 / 3, abs=1e-5)


def test_a_wrong_positive_costs_the_margin_and_more() -> None:
    anchors = torch.eye(2)
    swapped = anchors.flip(0)
    assert triplet(anchors, swapped, torch.tensor([0, 1])) == pytest.approx(MARGIN + 1 + 1 + 1, abs=1e-5)
    assert triplet(anchors, anchors, torch.tensor([0, 1])) == pytest.approx(0, abs=1e-5)


def test_a_single_place_has_no_negative_and_a_gradient_of_zero() -> None:
    anchor = torch.ones(1, 3, requires_grad=True)
    loss = triplet(anchor, torch.ones(1, 3), torch.zeros(1, dtype=torch.long))
    loss.backward()
    assert loss == 0
    assert anchor.grad is not None
    assert anchor.grad.abs().max() == 0
