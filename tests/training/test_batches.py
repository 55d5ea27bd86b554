"""Batches are those of their seeds, in order, whoever prepares them."""

import multiprocessing
import os
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from anyres.training.batches import AHEAD, batches, processes_that_sample
from anyres.training.recording import tensors_of


@dataclass(frozen=True)
class Drawn:
    values: Tensor
    process: int

    def to(self, device: torch.device) -> "Drawn":
        return Drawn(self.values.to(device), self.process)


def drawn(generator: np.random.Generator) -> Drawn:
    return Drawn(torch.from_numpy(generator.random(5)), os.getpid())


SEEDS = [[7, step, 0] for step in range(11)]
forked = pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="processes cannot be forked here"
)


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more than this machine has cores
@pytest.mark.parametrize("processes", [0, pytest.param(1, marks=forked), pytest.param(3, marks=forked)])
def test_each_batch_is_its_seeds(processes: int) -> None:
    made = list(batches(drawn, iter(SEEDS), processes=processes))
    assert len(made) == len(SEEDS)
    for seed, batch in zip(SEEDS, made, strict=True):
        assert torch.equal(batch.values, drawn(np.random.default_rng(seed)).values)


@forked
def test_processes_are_others() -> None:
    assert {batch.process for batch in batches(drawn, SEEDS)} == {os.getpid()}
    assert os.getpid() not in {batch.process for batch in batches(drawn, SEEDS, processes=1)}


def test_few_batches_are_prepared_ahead() -> None:
    asked = []

    def counted(generator: np.random.Generator) -> Drawn:
        asked.append(1)
        return drawn(generator)

    source = batches(counted, ([step] for step in range(1000)))
    next(source)
    del source  # waits for what was begun
    assert len(asked) <= 1 + AHEAD


def test_an_error_of_a_sample_reaches_the_training() -> None:
    def broken(generator: np.random.Generator) -> Drawn:
        raise ValueError("no picture")

    with pytest.raises(ValueError, match="no picture"):
        list(batches(broken, SEEDS))


def test_some_cores_are_left_for_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["fork", "spawn"])
    for cores, processes in ((1, 0), (2, 0), (8, 6), (64, 12)):
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        assert processes_that_sample() == processes
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    assert processes_that_sample() == 0


def test_the_tensors_of_a_batch_are_found_in_what_it_holds() -> None:
    @dataclass(frozen=True)
    class Nested:
        inner: Drawn
        more: Tensor

    inner, more = Drawn(torch.zeros(2), 1), torch.ones(3)
    assert [id(one) for one in tensors_of(Nested(inner, more))] == [id(inner.values), id(more)]
