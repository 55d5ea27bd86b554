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
from anyres.training.batches import batches, processes_that_sample
from anyres.training.checkpoint import load_checkpoint, save_checkpoint
from anyres.training.recipe import Batch, Recipe
from anyres.training.recording import RecordedStep


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
    samplers: int = 0  # processes that prepare batches; 0: a thread of this one


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
    seeds = ([seed, step, machine.rank] for step in range(first, schedule.steps))
    for batch in batches(recipe.sample, seeds, processes=machine.samplers):
        state.advance(batch)
        is_over = state.agree(time.monotonic() - started > time_limit_s or state.step == schedule.steps)
        is_validated = state.step % schedule.validate_every == 0 or state.step == schedule.steps
        is_saved = state.step % schedule.checkpoint_every == 0 or is_over
        is_told = state.step % report_every == 0 or is_validated or is_over
        if is_told or is_saved or machine.device.type != "cuda":  # a GPU is not waited for at every step
            losses += state.settle()
        figures = state.validate() if is_validated else None
        if is_saved:
            state.save()
        if is_told:
            pace = (time.monotonic() - started) / (state.step - first)
            left = pace * (schedule.steps - state.step)
            yield Progress(state.step, schedule.steps, float(np.mean(losses)), left, figures)
            losses = []
        if is_over:
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
        self.recorded: RecordedStep | None = None
        self.step, self.best = 0, -math.inf
        self.waiting: list[tuple[int, Tensor, Tensor]] = []  # step, its loss and norm, not looked at yet
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

    def advance(self, batch: Batch) -> None:
        """One step; its loss is known, and looked at, by `settle`."""
        schedule = self.recipe.schedule
        for group in self.optimiser.param_groups:
            group["lr"] = schedule.rate(self.step) * group.get("rate_factor", 1.0)
        loss = self._loss_and_gradients(batch)
        largest = math.inf if schedule.clip_norm is None else schedule.clip_norm
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), largest)
        self.waiting.append((self.step, loss, norm))
        if self.machine.device.type != "cuda":
            self._refuse_not_finite()
        self.optimiser.step()
        self.step += 1
        decay = min(schedule.average_decay, (1 + self.step) / (10 + self.step))  # short memory at the start
        with torch.no_grad():
            torch._foreach_lerp_(
                list(self.average.values()), list(self.network.state_dict().values()), 1 - decay
            )

    def _loss_and_gradients(self, batch: Batch) -> Tensor:
        if self.recorded is not None:
            return self.recorded(batch)
        on_device = batch.to(self.machine.device)
        if self.recipe.is_static and self.machine.device.type == "cuda" and self.machine.world == 1:
            self.recorded = RecordedStep(self._backward, self.network, on_device)
            return self.recorded(batch)
        self.optimiser.zero_grad(set_to_none=True)
        return self._backward(on_device)

    def _backward(self, batch: Batch) -> Tensor:
        device, precision = self.machine.device, self.machine.precision
        with torch.autocast(device.type, precision, enabled=precision != torch.float32):
            loss = self.recipe.loss(self.parallel, batch)
        loss.backward()
        return loss.detach()

    def settle(self) -> list[float]:
        """The losses since the last time; raises RunError if one was not finite, before anything is kept."""
        self._refuse_not_finite()
        losses = [loss.item() for _, loss, _ in self.waiting]
        self.waiting = []
        self.loss_sum, self.loss_count = self.loss_sum + sum(losses), self.loss_count + len(losses)
        return losses

    def _refuse_not_finite(self) -> None:
        """Raise RunError for the first step that waits whose loss or gradient is not finite."""
        if not self.waiting:
            return
        pairs = torch.stack([torch.stack((loss.float(), norm.float())) for _, loss, norm in self.waiting])
        for (step, *_), pair in zip(self.waiting, pairs.tolist(), strict=True):
            for name, value in zip(("loss", "gradient"), pair, strict=True):
                if not math.isfinite(value):
                    raise self._not_finite(name, value, step)

    def _not_finite(self, name: str, value: float, step: int) -> RunError:
        best = self.folder / "best.safetensors"
        kept = f"The best weights so far are in {best}: s" if best.exists() else "S"
        way = f" and --warm-start {best}" if best.exists() else ""
        return RunError(
            f"The {name} is {value} at step {step}; nothing of that step was kept. {kept}tart a new run "
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
        torch.backends.cudnn.benchmark = True  # patches are all of one size
    if world > 1 and not distributed.is_initialized():
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    samplers = processes_that_sample() if device.type == "cuda" else 0
    return Machine(device, precision or choose_precision("auto", device), rank, world, samplers)


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
