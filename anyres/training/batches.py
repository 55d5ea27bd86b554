"""Batches prepared while the network works: by a thread beside a CPU, by processes beside a GPU."""

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from anyres.training.recipe import Batch

AHEAD = 3  # batches that wait, by the thread or by each process
MOST_PROCESSES = 12

Seed = Sequence[int]
Sample = Callable[[np.random.Generator], Batch]


def batches(sample: Sample[Batch], seeds: Iterable[Seed], *, processes: int = 0) -> Iterator[Batch]:
    """The batch of each seed, in order, whoever prepares it."""
    if processes:
        yield from DataLoader(
            _Sampled(sample),
            batch_size=None,
            sampler=seeds,
            num_workers=processes,
            prefetch_factor=AHEAD,
            multiprocessing_context="fork",  # a recipe holds functions, which are not sent to a process
            collate_fn=lambda batch: batch,
            worker_init_fn=lambda _: torch.set_num_threads(1),
        )
        return
    rest = iter(seeds)
    with ThreadPoolExecutor(1) as pool:
        waiting = deque(pool.submit(_sampled, sample, seed) for seed in islice(rest, AHEAD))
        try:
            while waiting:
                batch = waiting.popleft().result()
                waiting.extend(pool.submit(_sampled, sample, seed) for seed in islice(rest, 1))
                yield batch
        finally:
            for future in waiting:
                future.cancel()


def processes_that_sample() -> int:
    """How many processes keep a GPU fed here; none where a process cannot be forked."""
    if "fork" not in multiprocessing.get_all_start_methods():
        return 0
    return max(0, min(MOST_PROCESSES, (os.cpu_count() or 1) - 2))


def _sampled(sample: Sample[Batch], seed: Seed) -> Batch:
    return sample(np.random.default_rng(seed))


class _Sampled(Dataset[Batch]):
    """Batches by their seeds."""

    def __init__(self, sample: Sample[Batch]) -> None:
        self._sample = sample

    def __getitem__(self, seed: Seed) -> Batch:
        return _sampled(self._sample, seed)
