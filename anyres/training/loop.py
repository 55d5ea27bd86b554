"""The one training loop: resume, warm start, moving average, mixed precision, several processes, run folder.

A run folder holds `run.json` (recipe, seed, commit, machine), `curve.jsonl` (a line each validation),
`checkpoint.safetensors` (to go on from) and `best.safetensors` (weights ready to use). Nothing is printed:
progress is yielded. Several GPUs: start the same command under torchrun; each process draws its own batches
and gradients are averaged.
"""

import json
import math
import os
import time
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic

import numpy as np
import torch
from torch import Tensor, distributed, nn

from anyres.core.device import choose_device, choose_precision
from anyres.core.errors import InputError, RunError
from anyres.core.machine import describe_machine, source_commit
from anyres.core.weights import write_weights
from anyres.training.checkpoint import load_checkpoint, save_checkpoint
from anyres.training.recipe import Batch, Recipe

AHEAD = 3  # batches prepared while the network works


@dataclass(frozen=True)
class Progress:
    """Where a run stands."""

    step: int
    steps: int
    loss: float  # mean since the last report
    seconds_left: float
    figures: Mapping[str, float] | None = None  # of a validation, when there was one


@dataclass(frozen=True)
class Machine:
    """On what to train."""

    device: torch.device
    precision: torch.dtype = torch.float32  # bfloat16: autocast, weights stay float32
    rank: int = 0
    world: int = 1


@dataclass(frozen=True)
class WarmStart:
    """Weights that a run begins with."""

    tensors: Mapping[str, Tensor]
    source: str  # name and sha256 of their file, for the record


def train(
    recipe: Recipe[Batch],
    folder: Path,
    *,
    machine: Machine,
    seed: int = 0,
    warm_start: WarmStart | None = None,
    time_limit_s: float = math.inf,
    report_every: int = 50,
) -> Iterator[Progress]:
    """Train until the schedule or the time is over, going on from the folder's checkpoint if there is one.

    Args:
        recipe: what to train.
        folder: the run folder; made if missing.
        machine: device, precision, and which process of how many.
        seed: of initial weights and batches.
        warm_start: initial weights, used where no checkpoint is.
        time_limit_s: stop after this time, with a checkpoint, ready to go on.
        report_every: steps between two progress reports.

    Raises:
        RunError: on a loss that is not finite (naming the step; best weights stay) or a disk that is full.
        InputError: if the folder holds a run of other settings.
    """
    state = _State.start(recipe, folder, machine=machine, seed=seed, warm_start=warm_start)
    schedule, started, losses = recipe.schedule, time.monotonic(), []
    first = state.step
    with ThreadPoolExecutor(1) as pool:
        waiting = [
            _submit(pool, recipe, seed, step, machine)
            for step in range(first, min(first + AHEAD, schedule.steps))
        ]
        while state.step < schedule.steps:
            batch = waiting.pop(0).result()
            if state.step + AHEAD < schedule.steps:
                waiting.append(_submit(pool, recipe, seed, state.step + AHEAD, machine))
            losses.append(state.advance(batch))
            is_over = state.agree(time.monotonic() - started > time_limit_s or state.step == schedule.steps)
            figures = None
            if state.step % schedule.validate_every == 0 or state.step == schedule.steps:
                figures = state.validate()
            if state.step % schedule.checkpoint_every == 0 or is_over:
                state.save()
            if state.step % report_every == 0 or figures or is_over:
                pace = (time.monotonic() - started) / (state.step - first)
                left = pace * (schedule.steps - state.step)
                yield Progress(state.step, schedule.steps, float(np.mean(losses)), left, figures)
                losses = []
            if is_over:
                for future in waiting:
                    future.cancel()
                return


class _State(Generic[Batch]):
    """A network in training; lives as long as one call of `train`."""

    def __init__(self, recipe: Recipe[Batch], folder: Path, *, machine: Machine, seed: int) -> None:
        torch.manual_seed(seed)
        self.recipe, self.folder, self.machine = recipe, folder, machine
        self.network = recipe.build().to(machine.device)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
        make = recipe.optimiser or (lambda network: torch.optim.Adam(network.parameters()))
        self.optimiser = make(self.network)
        self.parallel = self.network  # or the same behind the averaging of several processes
        self.step, self.best = 0, -math.inf
        self.loss_sum, self.loss_count = 0.0, 0  # since the last validation

    @classmethod
    def start(
        cls,
        recipe: Recipe[Batch],
        folder: Path,
        *,
        machine: Machine,
        seed: int,
        warm_start: WarmStart | None,
    ) -> "_State[Batch]":
        state = cls(recipe, folder, machine=machine, seed=seed)
        checkpoint = folder / "checkpoint.safetensors"
        _describe_run(recipe, folder, seed=seed, machine=machine, warm_start=warm_start)
        if checkpoint.exists():
            progress = load_checkpoint(
                checkpoint,
                network=state.network,
                average=state.average,
                optimiser=state.optimiser,
                memory=recipe.memory,
            )
            state.step, state.best = int(progress["step"]), progress["best"]
            state.loss_sum, state.loss_count = (
                progress.get("loss_sum", 0.0),
                int(progress.get("loss_count", 0)),
            )
        elif warm_start is not None:
            state.network.load_state_dict(warm_start.tensors)
            for name, value in state.network.state_dict().items():
                state.average[name].copy_(value)
        if machine.rank == 0:
            _cut_curve(folder / "curve.jsonl", state.step)
            for rest in folder.glob(".*.part"):  # of a run that was killed while it wrote
                rest.unlink()
        if machine.world > 1:
            state.parallel = nn.parallel.DistributedDataParallel(state.network)
        return state

    def advance(self, batch: Batch) -> float:
        schedule = self.recipe.schedule
        for group in self.optimiser.param_groups:
            group["lr"] = schedule.rate(self.step) * group.get("rate_factor", 1.0)
        self.optimiser.zero_grad(set_to_none=True)
        device, precision = self.machine.device, self.machine.precision
        with torch.autocast(device.type, precision, enabled=precision != torch.float32):
            loss = self.recipe.loss(self.parallel, batch.to(device))
        self._refuse_not_finite("loss", value := loss.item())
        loss.backward()
        largest = math.inf if schedule.clip_norm is None else schedule.clip_norm
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), largest)
        self._refuse_not_finite("gradient", norm.item())
        self.optimiser.step()
        self.step += 1
        self.loss_sum, self.loss_count = self.loss_sum + value, self.loss_count + 1
        decay = min(schedule.average_decay, (1 + self.step) / (10 + self.step))  # short memory at the start
        with torch.no_grad():
            for name, current in self.network.state_dict().items():
                self.average[name].lerp_(current, 1 - decay)
        return value

    def _refuse_not_finite(self, name: str, value: float) -> None:
        if math.isfinite(value):
            return
        best = self.folder / "best.safetensors"
        kept = f"The best weights so far are in {best}: s" if best.exists() else "S"
        way = f" and --warm-start {best}" if best.exists() else ""
        raise RunError(
            f"The {name} is {value} at step {self.step}; nothing of that step was kept. {kept}tart a new run "
            f"with another --run and --seed{way}."
        )

    def agree(self, is_over: bool) -> bool:
        """What the first process says: clocks differ, and none may wait for another that has stopped."""
        if self.machine.world == 1:
            return is_over
        flag = torch.tensor(float(is_over), device=self.machine.device)
        distributed.broadcast(flag, src=0)
        return bool(flag.item())

    def validate(self) -> Mapping[str, float]:
        network = self.recipe.build().to(self.machine.device)
        network.load_state_dict(self.average)
        figures = dict(self.recipe.validate(network.eval().requires_grad_(False)))
        loss, self.loss_sum, self.loss_count = self.loss_sum / self.loss_count, 0.0, 0
        if self.machine.rank == 0:
            line = {"step": self.step, "loss": loss, **figures}
            _append(self.folder / "curve.jsonl", json.dumps(line) + "\n")
            if figures[self.recipe.score] > self.best:
                self.best = figures[self.recipe.score]
                write_weights(
                    self.folder / "best.safetensors",
                    self.average,
                    model=self.recipe.model,
                    config=self.recipe.config,
                    record={
                        **self.recipe.record,
                        "step": self.step,
                        "validation": figures,
                        "score": self.recipe.score,
                    },
                )
        return figures

    def save(self) -> None:
        if self.machine.rank == 0:
            save_checkpoint(
                self.folder / "checkpoint.safetensors",
                network=self.network,
                average=self.average,
                optimiser=self.optimiser,
                memory=self.recipe.memory,
                progress={
                    "step": self.step,
                    "best": self.best,
                    "loss_sum": self.loss_sum,
                    "loss_count": self.loss_count,
                },
            )


def this_machine(*, precision: torch.dtype | None = None) -> Machine:
    """The device of this process: under torchrun its own GPU and rank, else the first GPU or the CPU."""
    world, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    device = choose_device("auto")
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    if world > 1 and not distributed.is_initialized():
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return Machine(device, precision or choose_precision("auto", device), rank, world)


def _submit(
    pool: ThreadPoolExecutor, recipe: Recipe[Batch], seed: int, step: int, machine: Machine
) -> Future[Batch]:
    return pool.submit(recipe.sample, np.random.default_rng([seed, step, machine.rank]))


def _describe_run(
    recipe: Recipe[Batch], folder: Path, *, seed: int, machine: Machine, warm_start: WarmStart | None
) -> None:
    """Write run.json, or compare with the one that is there."""
    fixed = {
        "recipe": recipe.name,
        "model": recipe.model,
        "seed": seed,
        "config": asdict(recipe.config),  # type: ignore[call-overload]
        "settings": asdict(recipe.settings),  # type: ignore[call-overload]
        "schedule": asdict(recipe.schedule),
        "processes": machine.world,
    }
    fixed = json.loads(json.dumps(fixed, default=str))
    path = folder / "run.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists():
            before = _read_run(path)
            changed = [name for name in fixed if before.get(name) != fixed[name]]
            if changed:
                raise InputError(
                    f"{folder} holds a run with other {' and '.join(changed)}. "
                    "Give this one a name of its own with --run, or delete that folder."
                )
            return
        about = {
            "commit": source_commit(),
            "machine": describe_machine(),
            "torch": torch.__version__,
            "device": str(machine.device),
            "precision": str(machine.precision),
            "warm_start": warm_start.source if warm_start else None,
        }
        _write_run(path, fixed | about)
    except OSError as error:
        raise RunError(
            f"Cannot write into {folder}: {error.strerror}. Set ANYRES_RUNS to another folder."
        ) from error


def _write_run(path: Path, run: Mapping[str, Any]) -> None:
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.part")  # one for each process
    try:
        temporary.write_text(json.dumps(run, indent=1), encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _read_run(path: Path) -> dict[str, Any]:
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(
            f"{path} is damaged ({error}). Delete its folder, or name another one with --run."
        ) from error
    return run if isinstance(run, dict) else {}


def _append(path: Path, line: str) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(line)
    except OSError as error:
        raise RunError(
            f"Cannot write {path}: {error.strerror}. Free some space; the same command then goes on from the "
            "last checkpoint."
        ) from error


def _cut_curve(path: Path, step: int) -> None:
    """Take out what a killed run wrote after its last checkpoint: those steps are done again."""
    if path.exists():
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
        path.write_text("".join(kept), encoding="utf-8")
