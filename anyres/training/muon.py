"""Muon: momentum whose matrices are made orthogonal before each step; Adam for what is no matrix.

Jordan and others, 2024, https://github.com/KellerJordan/Muon; the size of a step is that of Liu and
others, 2025, https://arxiv.org/abs/2502.16982, so that rates chosen for Adam hold. torch.optim.Muon (2.13)
takes matrices alone; here a convolution is the matrix of its output channels by all it sums over, and
matrices of one shape are made orthogonal in one batch. PyTorch's `_foreach` functions, on which its own
optimisers stand, do all parameters in one call, which spares a GPU thousands of small ones.
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
            if moved:
                move = self._move_matrices if group["is_muon"] else self._move_by_adam
                move(moved, [one.grad for one in moved], rate=group["lr"])
        return None

    def _move_matrices(self, parameters: list[Tensor], gradients: list[Tensor], *, rate: float) -> None:
        alike: dict[tuple[int, int], tuple[list[Tensor], list[Tensor]]] = {}
        for parameter, ahead in zip(parameters, self._momentum(parameters, gradients), strict=True):
            of_shape = alike.setdefault((parameter.shape[0], parameter[0].numel()), ([], []))
            of_shape[0].append(parameter)
            of_shape[1].append(ahead.reshape(parameter.shape[0], -1))
        for shape, (group, matrices) in alike.items():
            updates = orthogonal(torch.stack(matrices))
            length = MATCHED_RMS * math.sqrt(max(shape)) * rate
            shaped = [one.reshape(parameter.shape) for parameter, one in zip(group, updates, strict=True)]
            torch._foreach_add_(group, shaped, alpha=-length)

    def _momentum(self, parameters: list[Tensor], gradients: list[Tensor]) -> tuple[Tensor, ...]:
        """Nesterov's: the gradients, and where the sum of the past ones leads from there."""
        sums = [self._state(one, "sum")["sum"] for one in parameters]
        torch._foreach_mul_(sums, self.momentum)
        torch._foreach_add_(sums, gradients)
        return torch._foreach_add(gradients, sums, alpha=self.momentum)

    def _move_by_adam(self, parameters: list[Tensor], gradients: list[Tensor], *, rate: float) -> None:
        states = [self._state(one, "mean", "square", step=torch.zeros(())) for one in parameters]
        means, squares = [one["mean"] for one in states], [one["square"] for one in states]
        first, second = ADAM_DECAYS
        for state in states:
            state["step"] += 1
        torch._foreach_lerp_(means, gradients, 1 - first)
        torch._foreach_mul_(squares, second)
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - second)
        done = [float(state["step"]) for state in states]
        lengths = torch._foreach_sqrt(torch._foreach_div(squares, [1 - second**one for one in done]))
        torch._foreach_add_(lengths, 1e-8)
        torch._foreach_addcdiv_(parameters, means, lengths, [-rate / (1 - first**one) for one in done])

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
