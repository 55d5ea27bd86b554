import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from anyres.core.errors import InputError, RunError
from anyres.core.weights import read_header, read_tensors, read_weights
from anyres.training.loop import Machine, Progress, WarmStart, train
from anyres.training.recipe import Recipe, Schedule

CPU = Machine(torch.device("cpu"))


@dataclass(frozen=True)
class LineConfig:
    width: int = 8


@dataclass(frozen=True)
class Points:
    x: Tensor
    y: Tensor

    def to(self, device: torch.device) -> "Points":
        return Points(self.x.to(device), self.y.to(device))


def line_recipe(*, steps: int = 40, spoilt_at: int = -1, learning_rate: float = 0.03) -> Recipe[Points]:
    """A tiny network that learns a curve; `spoilt_at` is the step whose batch is not a number."""
    drawn = []

    def build() -> nn.Module:
        first, last = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 1, 3, padding=1)  # kept channels last
        return nn.Sequential(nn.Unflatten(1, (1, 1, 1)), first, nn.Tanh(), last, nn.Flatten())

    def sample(generator: np.random.Generator) -> Points:
        x = torch.from_numpy(generator.uniform(-1, 1, (32, 1)).astype(np.float32))
        drawn.append(1)
        return Points(x * (math.nan if len(drawn) - 1 == spoilt_at else 1), (2 * x).sin())

    def validate(network: nn.Module) -> Mapping[str, float]:
        x = torch.linspace(-1, 1, 21)[:, None]
        with torch.no_grad():
            return {"fit": -float((network(x) - (2 * x).sin()).square().mean())}

    return Recipe(
        name="line",
        model="liif",
        config=LineConfig(),
        settings=LineConfig(),
        schedule=Schedule(
            steps,
            learning_rate,
            1e-4,
            warmup_steps=2,
            validate_every=10,
            checkpoint_every=5,
            average_decay=0.9,
        ),
        build=build,
        sample=sample,
        loss=lambda network, batch: (network(batch.x) - batch.y).abs().mean(),
        validate=validate,
        score="fit",
        record={"trained_scales": [1, 4]},
    )


def curve(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "curve.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def run(recipe: Recipe[Points], folder: Path, **options: Any) -> list[Progress]:
    return list(train(recipe, folder, machine=CPU, **options))


def stop_after(recipe: Recipe[Points], folder: Path, step: int) -> None:
    """Begin a run and leave it as a killed process does, some steps after its last checkpoint."""
    for progress in train(recipe, folder, machine=CPU, report_every=1):
        if progress.step == step:
            return


def test_the_loss_falls_and_the_best_weights_are_ready_to_use(tmp_path: Path) -> None:
    recipe = line_recipe(steps=120)
    assert run(recipe, tmp_path)[-1].step == 120
    assert curve(tmp_path)[-1]["loss"] < curve(tmp_path)[0]["loss"] / 2
    header = read_header(tmp_path / "best.safetensors")
    network = recipe.build()
    network.load_state_dict(read_weights(header, network.state_dict()))
    best = max(line["fit"] for line in curve(tmp_path))
    assert recipe.validate(network)["fit"] == pytest.approx(best)
    assert header.record["validation"]["fit"] == best
    assert header.record["trained_scales"] == [1, 4]


def test_a_run_that_was_killed_goes_on_to_the_same_weights_and_the_same_curve(tmp_path: Path) -> None:
    run(line_recipe(), tmp_path / "whole", report_every=1)
    for step in (3, 12, 19, 33):  # before a checkpoint, between two, after a validation
        stop_after(line_recipe(), tmp_path / "parts", step)
    run(line_recipe(), tmp_path / "parts", report_every=1)
    for name in ("checkpoint.safetensors", "best.safetensors"):
        whole, parts = (read_tensors(tmp_path / folder / name)[0] for folder in ("whole", "parts"))
        assert whole.keys() == parts.keys()
        assert all(torch.equal(whole[key], parts[key]) for key in whole)
    assert curve(tmp_path / "parts") == curve(tmp_path / "whole")


def remembering_recipe() -> Recipe[Points]:
    """A recipe whose loss counts its calls, and is larger by them."""
    plain = line_recipe()
    memory = {"calls": torch.zeros(1)}

    def loss(network: nn.Module, batch: Points) -> Tensor:
        memory["calls"] += 1
        return plain.loss(network, batch) * (1 + memory["calls"] / 100).sum()

    return replace(plain, loss=loss, memory=memory)


def test_what_a_loss_remembers_is_kept_for_a_run_that_goes_on(tmp_path: Path) -> None:
    whole, parts = remembering_recipe(), remembering_recipe()
    run(whole, tmp_path / "whole")
    stop_after(remembering_recipe(), tmp_path / "parts", 19)
    run(parts, tmp_path / "parts")
    assert whole.memory["calls"] == parts.memory["calls"] == 40
    assert curve(tmp_path / "parts") == curve(tmp_path / "whole")


def test_what_a_kill_left_half_written_is_removed(tmp_path: Path) -> None:
    rest = tmp_path / ".checkpoint.safetensors.0123456789ab.part"
    rest.write_bytes(b"half")
    run(line_recipe(steps=2), tmp_path)
    assert not rest.exists()


def test_the_loss_in_the_curve_does_not_depend_on_where_a_run_was_stopped(tmp_path: Path) -> None:
    run(line_recipe(steps=20), tmp_path / "whole", report_every=7)
    stop_after(line_recipe(steps=20), tmp_path / "parts", 8)
    run(line_recipe(steps=20), tmp_path / "parts", report_every=7)
    assert curve(tmp_path / "parts") == curve(tmp_path / "whole")


def test_a_validation_that_is_done_again_stands_in_the_curve_once(tmp_path: Path) -> None:
    recipe = line_recipe()
    seldom = replace(recipe, schedule=replace(recipe.schedule, checkpoint_every=15))
    stop_after(seldom, tmp_path, 22)  # validated at 10 and 20, checkpoint at 15
    run(seldom, tmp_path)
    assert [line["step"] for line in curve(tmp_path)] == [10, 20, 30, 40]


def test_a_time_limit_stops_with_a_checkpoint_and_the_next_call_goes_on(tmp_path: Path) -> None:
    (first,) = run(line_recipe(), tmp_path, time_limit_s=0.0)
    assert first.step == 1
    assert run(line_recipe(), tmp_path)[-1].step == 40


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    run(line_recipe(), tmp_path)
    before = (tmp_path / "checkpoint.safetensors").read_bytes()
    assert run(line_recipe(), tmp_path) == []
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before


def test_a_warm_start_begins_with_the_weights_that_are_given(tmp_path: Path) -> None:
    run(line_recipe(steps=120), tmp_path / "cold")
    header = read_header(tmp_path / "cold" / "best.safetensors")
    given = read_weights(header, line_recipe().build().state_dict())
    reports = run(
        line_recipe(steps=10, learning_rate=1e-5), tmp_path / "warm", warm_start=WarmStart(given, "cold 12ab")
    )
    assert json.loads((tmp_path / "warm" / "run.json").read_text())["warm_start"] == "cold 12ab"
    assert reports[-1].figures is not None
    assert reports[-1].figures["fit"] == pytest.approx(header.record["validation"]["fit"], abs=1e-3)


def test_the_seed_decides_weights_and_batches(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("again", 1), ("two", 2)):
        run(line_recipe(steps=10), tmp_path / name, seed=seed)
    one, again, two = (curve(tmp_path / name) for name in ("one", "again", "two"))
    assert one == again
    assert one != two


def test_a_folder_of_another_run_is_refused_naming_what_differs(tmp_path: Path) -> None:
    run(line_recipe(steps=5), tmp_path)
    with pytest.raises(InputError, match="other schedule"):
        run(line_recipe(steps=6), tmp_path)
    with pytest.raises(InputError, match="other seed"):
        run(line_recipe(steps=5), tmp_path, seed=1)


def test_a_loss_that_is_no_number_stops_at_its_step_and_leaves_the_best_weights(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="The loss is nan at step 23"):
        run(line_recipe(spoilt_at=23), tmp_path)
    tensors, _ = read_tensors(tmp_path / "best.safetensors")
    assert all(tensor.isfinite().all() for tensor in tensors.values())
    assert read_header(tmp_path / "best.safetensors").record["step"] == 20
    state, _ = read_tensors(tmp_path / "checkpoint.safetensors")
    assert all(tensor.isfinite().all() for tensor in state.values())


def test_a_gradient_that_is_no_number_stops_before_it_spoils_the_weights(tmp_path: Path) -> None:
    steep = replace(line_recipe(), loss=lambda network, batch: network(batch.x).sum().mul(0).sqrt())
    with pytest.raises(RunError, match=r"The gradient is nan at step 0.*another --run and --seed\.$"):
        run(steep, tmp_path)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_recorded_step_trains_as_one_that_is_not(tmp_path: Path) -> None:
    gpu = Machine(torch.device("cuda"))
    for name, is_static in (("played", True), ("plain", False)):
        recipe = replace(line_recipe(steps=30), is_static=is_static)
        list(train(recipe, tmp_path / name, machine=gpu))
    played, plain = (
        read_tensors(tmp_path / name / "checkpoint.safetensors")[0] for name in ("played", "plain")
    )
    for key, value in plain.items():
        torch.testing.assert_close(played[key], value, rtol=1e-4, atol=1e-5)


def test_a_full_disk_during_a_checkpoint_leaves_the_one_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_after(line_recipe(), tmp_path, 6)
    before = (tmp_path / "checkpoint.safetensors").read_bytes()

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(RunError, match="No space left on device"):
        run(line_recipe(), tmp_path)
    monkeypatch.undo()
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before
    assert not list(tmp_path.glob(".*"))
    assert run(line_recipe(), tmp_path)[-1].step == 40


def test_a_full_disk_during_a_validation_is_told_and_the_run_goes_on_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_after(line_recipe(), tmp_path, 6)
    whole = Path.open

    def full(path: Path, mode: str = "r", **options: Any) -> Any:
        if path.name == "curve.jsonl" and mode == "a":
            raise OSError(28, "No space left on device")
        return whole(path, mode, **options)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(RunError, match=r"curve\.jsonl: No space left on device. Free some space"):
        run(line_recipe(), tmp_path)
    monkeypatch.undo()
    assert run(line_recipe(), tmp_path)[-1].step == 40
    assert [line["step"] for line in curve(tmp_path)] == [10, 20, 30, 40]


def test_a_full_disk_at_the_start_leaves_no_half_description(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, text: str, **_: object) -> None:
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(RunError, match="No space left on device"):
        run(line_recipe(), tmp_path / "run")
    assert list((tmp_path / "run").iterdir()) == []


@pytest.mark.parametrize("content", ["", '{"recipe": "li', "\x00"])
def test_a_description_that_is_damaged_is_refused_with_the_way_out(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(InputError, match=r"run\.json is damaged .*--run"):
        run(line_recipe(), tmp_path)


@pytest.mark.parametrize("steps", [0, -3])
def test_a_schedule_of_no_steps_is_refused(steps: int) -> None:
    with pytest.raises(InputError, match=f"at least 1 step; {steps} were asked for"):
        Schedule(steps, 1e-3, 1e-5)


def test_the_run_folder_says_what_was_run_and_on_what(tmp_path: Path) -> None:
    run(line_recipe(steps=5), tmp_path, seed=3)
    said = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert said["recipe"] == "line"
    assert said["seed"] == 3
    assert said["schedule"]["steps"] == 5
    assert {"commit", "torch", "device", "precision", "machine"} <= said.keys()


def test_the_rate_warms_up_and_comes_down_by_half_a_cosine() -> None:
    schedule = Schedule(1000, 1e-3, 1e-5, warmup_steps=100)
    assert schedule.rate(0) == pytest.approx(1e-5, rel=0.01)
    assert schedule.rate(500) == pytest.approx((1e-3 + 1e-5) / 2)
    assert schedule.rate(1000) == pytest.approx(1e-5)
    assert all(schedule.rate(step) >= schedule.rate(step + 1) for step in range(100, 1000))


TWO_PROCESSES = """
import sys
from pathlib import Path
from anyres.training.loop import this_machine, train
from tests.training.test_loop import line_recipe
import torch
for _ in train(line_recipe(), Path(sys.argv[1]), machine=this_machine(precision=torch.float32)): pass
torch.distributed.destroy_process_group()
"""


@pytest.mark.slow
def test_two_processes_train_one_network(tmp_path: Path) -> None:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TWO_PROCESSES, str(tmp_path)],
            env={**common, "RANK": str(rank), "LOCAL_RANK": str(rank), "CUDA_VISIBLE_DEVICES": ""},
            cwd=Path(__file__).parents[2],
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in (0, 1)
    ]
    said = [process.communicate(timeout=300)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert [line["step"] for line in curve(tmp_path)] == [10, 20, 30, 40]
    assert json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))["processes"] == 2


def broken(error: Exception) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


def test_a_run_folder_that_cannot_be_made_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "mkdir", broken(PermissionError(13, "Permission denied")))
    with pytest.raises(RunError, match=r"Permission denied.*ANYRES_RUNS"):
        run(line_recipe(), tmp_path / "sealed")
