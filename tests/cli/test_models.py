from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

import pytest
import torch
from pydantic import Field

from anyres.cli import models as subject
from anyres.core.errors import InputError
from anyres.models.catalog import CATALOG

Run = Callable[..., Any]
Doors = dict[str, object]


@pytest.fixture
def doors(monkeypatch: pytest.MonkeyPatch) -> Doors:
    """Doors to put in the place of the catalogue's."""
    put: Doors = {}
    monkeypatch.setattr(subject, "load_door", put.__getitem__)
    return put


def small(data: Path, *, steps: Annotated[int, Field(ge=1, description="How many.")] = 3) -> Any:
    """A recipe of a few steps."""
    schedule = SimpleNamespace(steps=steps)
    return SimpleNamespace(name="small", data=data, schedule=schedule)


def large(data: Path) -> Any:
    """A recipe that takes no steps."""
    return SimpleNamespace(name="large", data=data, schedule=SimpleNamespace(steps=1))


@pytest.fixture
def trained(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Path, dict[str, Any]]]:
    """Puts a loop that only notes what it is asked in the place of training."""
    calls: list[tuple[Any, Path, dict[str, Any]]] = []
    doors[CATALOG[0].recipe] = {"small": small, "large": large}

    def loop(recipe: Any, folder: Path, **options: Any) -> Iterator[Any]:
        calls.append((recipe, folder, options))
        yield SimpleNamespace(step=2, loss=0.5, seconds_left=60.0, figures={"mean": 31.25})

    monkeypatch.setattr("anyres.training.loop.train", loop)
    return calls


def test_training_goes_by_the_first_recipe_with_its_defaults(
    run: Run, trained: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANYRES_RUNS", str(tmp_path / "runs"))
    said = run("train", "liif", "photos")
    assert said.code == 0
    ((recipe, folder, options),) = trained
    assert (recipe.name, recipe.data, recipe.schedule.steps) == ("small", Path("photos"), 3)
    assert folder == tmp_path / "runs" / "small"
    assert (options["seed"], options["warm_start"]) == (0, None)
    assert "time_limit_s" not in options
    assert "step 2: loss 0.5000; mean 31.250" in said.out
    assert str(folder) in said.out


def test_the_options_of_a_training_reach_it(run: Run, trained: list[Any], tmp_path: Path) -> None:
    options = ["--steps", 7, "--seed", 3, "--hours", 0.5, "--run", tmp_path, "--precision", "float32"]
    assert run("train", "liif", "photos", "--recipe", "small", *options).code == 0
    ((recipe, folder, given),) = trained
    assert recipe.schedule.steps == 7
    assert folder == tmp_path
    assert (given["seed"], given["time_limit_s"], given["machine"].precision) == (3, 1800, torch.float32)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--recipe", "huge"], "liif has no recipe 'huge'; it has small, large"),
        (["--steps", "0"], "steps should be greater than or equal to 1; '0' was given"),
        (["--recipe", "large", "--steps", "3"], "large has no parameter steps"),
        (["--warm-start", "nothing"], "no weights called 'nothing'"),
    ],
)
def test_a_wrong_training_is_bad_input(
    run: Run, trained: list[Any], arguments: list[str], message: str
) -> None:
    said = run("train", "liif", "photos", *arguments)
    assert said.code == 2
    assert message in said.err
    assert not trained


def test_an_interrupted_training_says_how_to_go_on(
    run: Run, trained: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> Iterator[Any]:
        yield SimpleNamespace(step=1, loss=0.5, seconds_left=60.0, figures=None)
        raise KeyboardInterrupt

    monkeypatch.setattr("anyres.training.loop.train", interrupted)
    said = run("train", "liif", "photos")
    assert said.code == 130
    assert "goes on from the last checkpoint" in said.err


@pytest.mark.usefixtures("trained")
def test_the_help_of_a_training_lists_its_recipes_and_their_options(run: Run) -> None:
    said = run("train", "liif", "--help")
    assert said.code == 0
    for text in (
        "small: A recipe of a few steps.",
        "large: ",
        "--steps",
        "How many. Default: 3.",
        "--warm-start",
    ):
        assert text in said.out


def test_an_evaluation_is_called_with_its_options_and_its_figures_are_said(run: Run, doors: Doors) -> None:
    def protocol(
        data: Path, *, weights: Annotated[str, Field(description="Which.")] = "liif-compact", shave: int = 2
    ) -> Mapping[str, float]:
        """Measure."""
        assert (data, weights, shave) == (Path("set5"), "mine", 2)
        return {"x2": 37.51234, "x3": 33.7}

    doors[CATALOG[0].protocol] = protocol
    said = run("evaluate", "liif", "set5", "--weights", "mine")
    assert said.code == 0, said.err
    assert said.out == "x2: 37.512\nx3: 33.700\n"


def test_an_error_of_a_door_keeps_its_exit_code(run: Run, doors: Doors) -> None:
    def protocol(data: Path) -> None:
        raise InputError(f"{data} holds no pictures.")

    doors[CATALOG[0].protocol] = protocol
    said = run("evaluate", "liif", "empty")
    assert (said.code, said.err) == (2, "anyres: empty holds no pictures.\n")


@pytest.mark.parametrize("verb", ["train", "evaluate"])
def test_the_models_of_the_catalogue_are_listed_without_opening_a_door(
    run: Run, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setattr(subject, "load_door", lambda door: pytest.fail("a door was opened"))
    said = run(verb, "--help")
    assert said.code == 0
    assert all(model.id in said.out for model in CATALOG)


def test_a_model_that_is_not_there_is_bad_input(run: Run) -> None:
    said = run("train", "esrgan")
    assert said.code == 2
    assert "esrgan" in said.err
