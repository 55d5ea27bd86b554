"""What a model says about its training; the loop knows nothing else.

A recipe is values and functions, no class to inherit. The batch of a step is a function of a generator
seeded by (seed, step, process) alone, so a run that was killed and resumed sees the same batches as one
that was not. What a loss remembers from step to step stands in `memory`, which checkpoints keep.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from anyres.core.errors import InputError

Moved = TypeVar("Moved")


@runtime_checkable
class Movable(Protocol):
    """A batch: anything that can be put on a device."""

    def to(self: Moved, device: torch.device) -> Moved:
        """The same batch on another device."""
        ...


Batch = TypeVar("Batch", bound=Movable)


@dataclass(frozen=True)
class Schedule:
    """How long, how fast, how averaged; InputError for a training of no steps."""

    steps: int
    learning_rate: float
    final_learning_rate: float  # at the last step, by half a cosine; unused where the rate is halved instead
    halved_at: tuple[float, ...] = ()  # shares of the steps at which the rate is halved
    warmup_steps: int = 200  # from zero, linearly
    average_decay: float = 0.999  # of the moving average of the weights, per step; 0 keeps the last weights
    clip_norm: float | None = None  # largest norm of the gradient
    validate_every: int = 1000  # steps
    checkpoint_every: int = 500  # steps

    def __post_init__(self) -> None:
        """Refuse a length that trains nothing."""
        if self.steps < 1:
            raise InputError(f"A training takes at least 1 step; {self.steps} were asked for. Give more.")

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        warm = min(1.0, (step + 1) / max(1, self.warmup_steps))
        done = min(1.0, step / self.steps)
        if self.halved_at:
            return warm * self.learning_rate * 0.5 ** sum(done >= share for share in self.halved_at)
        cosine = 0.5 * (1 + math.cos(math.pi * done))
        return warm * (self.final_learning_rate + (self.learning_rate - self.final_learning_rate) * cosine)


@dataclass(frozen=True)
class Recipe(Generic[Batch]):
    """Everything the loop asks of a model."""

    name: str  # of the run folder and of the weights
    model: str  # row of the catalogue
    config: object  # frozen dataclass that `build` was made from; goes into the weights file
    settings: object  # frozen dataclass of everything else that decides the result; written to run.json
    schedule: Schedule
    build: Callable[[], nn.Module]  # the network, with random weights
    sample: Callable[[np.random.Generator], Batch]
    loss: Callable[[nn.Module, Batch], Tensor]  # calls the network it is given, and no other
    validate: Callable[[nn.Module], Mapping[str, float]]  # figures of the averaged weights, by name
    score: str  # the figure that says which weights are best; higher is better
    record: Mapping[str, Any]  # goes into the weights file: data, licence, paper
    optimiser: Callable[[nn.Module], torch.optim.Optimizer] | None = None  # Adam if not given
    memory: Mapping[str, Tensor] = field(default_factory=dict)  # on the CPU; the loss changes it in place
    is_static: bool = False  # the loss takes one path at every step, through shapes that stay the same
