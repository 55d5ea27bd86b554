"""Muon: momentum whose matrices are made orthogonal before each step; Adam for what is no matrix.

Jordan and others, 2024, https://github.com/KellerJordan/Muon; the size of a step is that of Liu and
others, 2025, https://arxiv.org/abs/2502.16982, so that rates chosen for Adam hold. torch.optim.Muon (2.13)
takes matrices alone; here a convolution is the matrix of its output channels by all it sums over, and
matrices of one shape are made orthogonal in one batch.
"""

import math
from collections.abc import Callable
from typing import Any, overload

import torch
from jaxtyping import Float
from torch import Tensor, nn

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # of the odd polynomial that draws singular values towards 1
ITERATIONS = 5
SMALLEST_SIDE = 4  # a matrix with fewer rows or columns (colours in, colours out) is left to Adam
ADAM_DECAYS = (0.9, 0.999)
MATCHED_RMS = 0.2  # root mean square of an update in units of the rate, about that of Adam


class Muon(torch.optim.Optimizer):
    """Muon for matrices and convolutions of a network, Adam for its other parameters."""

    def __init__(self, network: nn.Module, *, learning_rate: float = 1e-3, momentum: float = 0.95) -> None:
        matrices = [one for one in network.parameters() if _is_matrix(one)]
        others = [one for one in network.parameters() if not _is_matrix(one)]
        groups = [{"params": matrices, "is_muon": True}, {"params": others, "is_muon": False}]
        super().__init__([group for group in groups if group["params"]], {"lr": learning_rate})
        self.momentum = momentum

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Move every parameter that has a gradient."""
        assert closure is None, "the loop computes the gradient itself"
        for group in self.param_groups:
            moved = [one for one in group["params"] if one.grad is not None]
            if group["is_muon"]:
                self._move_matrices(moved, rate=group["lr"])
            else:
                for parameter in moved:
                    self._move_by_adam(parameter, rate=group["lr"])
        return None

    def _move_matrices(self, parameters: list[Tensor], *, rate: float) -> None:
        alike: dict[tuple[int, int], list[Tensor]] = {}
        for parameter in parameters:
            alike.setdefault((parameter.shape[0], parameter[0].numel()), []).append(parameter)
        for shape, group in alike.items():
            updates = orthogonal(torch.stack([self._momentum(one).reshape(shape) for one in group]))
            length = MATCHED_RMS * math.sqrt(max(shape)) * rate
            for parameter, update in zip(group, updates, strict=True):
                parameter.sub_(update.reshape(parameter.shape), alpha=length)

    def _momentum(self, parameter: Tensor) -> Tensor:
        """Nesterov's: the gradient, and where the sum of the past ones leads from there."""
        assert parameter.grad is not None
        state = self._state(parameter, "sum")
        state["sum"].mul_(self.momentum).add_(parameter.grad)
        ahead: Tensor = parameter.grad.add(state["sum"], alpha=self.momentum)
        return ahead

    def _move_by_adam(self, parameter: Tensor, *, rate: float) -> None:
        assert parameter.grad is not None
        state = self._state(parameter, "mean", "square", step=torch.zeros(()))
        first, second = ADAM_DECAYS
        state["step"] += 1
        state["mean"].lerp_(parameter.grad, 1 - first)
        state["square"].lerp_(parameter.grad.square(), 1 - second)
        done = float(state["step"])
        mean, square = state["mean"] / (1 - first**done), state["square"] / (1 - second**done)
        parameter.sub_(mean / (square.sqrt() + 1e-8), alpha=rate)

    def _state(self, parameter: Tensor, *names: str, **more: Tensor) -> dict[str, Any]:
        state: dict[str, Any] = self.state[parameter]
        if not state:
            state.update({name: torch.zeros_like(parameter) for name in names} | more)
        return state


def orthogonal(matrices: Float[Tensor, "n rows columns"]) -> Float[Tensor, "n rows columns"]:
    """Each matrix with its singular vectors as they were and its singular values drawn to about 1."""
    is_tall = matrices.shape[1] > matrices.shape[2]
    wide: Tensor = matrices.mT if is_tall else matrices
    wide = wide / (wide.norm(dim=(1, 2), keepdim=True) + 1e-7)
    first, third, fifth = NEWTON_SCHULZ
    for _ in range(ITERATIONS):
        square = wide @ wide.mT
        wide = first * wide + (third * square + fifth * square @ square) @ wide
    return wide.mT if is_tall else wide


def _is_matrix(parameter: Tensor) -> bool:
    return parameter.ndim > 1 and min(parameter.shape[:2]) >= SMALLEST_SIDE
