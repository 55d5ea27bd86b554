"""A step's loss and gradients, recorded on a GPU and played again: no Python between its kernels.

A network of many small layers is launched more slowly than a GPU computes it; CUDA keeps the launches of one
step as a graph (PyTorch's notes on CUDA, "CUDA Graphs"). That is the same step as long as each batch has the
first one's shapes and the loss takes one path: see `Recipe.is_static`.
"""

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor, nn

WARM_UP = 3  # steps before the recording, in which libraries choose their algorithms


class RecordedStep:
    """Loss and gradients of one batch after another, by one recording."""

    def __init__(self, step: Callable[[Any], Tensor], network: nn.Module, batch: Any) -> None:
        """Record `step`, which computes the loss of a batch and adds its gradients; `batch` is on the GPU."""
        self._batch = batch
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM_UP):
                network.zero_grad(set_to_none=True)
                step(batch)
        torch.cuda.current_stream().wait_stream(aside)
        network.zero_grad(set_to_none=True)  # so that the recording writes the gradients and does not add
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._loss = step(batch)

    def __call__(self, batch: Any) -> Tensor:
        """The loss; the gradients lie where they lay before."""
        for ours, given in zip(tensors_of(self._batch), tensors_of(batch), strict=True):
            ours.copy_(given, non_blocking=True)
        self._graph.replay()
        return self._loss.clone()


def tensors_of(batch: Any) -> Iterator[Tensor]:
    """The tensors of a batch: a dataclass of tensors and of dataclasses of them."""
    if isinstance(batch, Tensor):
        yield batch
    elif is_dataclass(batch):
        for field in fields(batch):
            yield from tensors_of(getattr(batch, field.name))
