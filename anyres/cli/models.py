"""`anyres train MODEL` and `anyres evaluate MODEL`, generated from the doors of the catalogue's rows.

A recipe door is a mapping from names to functions that make a recipe; a protocol door is a function that
measures. Of both, positional arguments are arguments here and keyword-only ones are options. A door is
opened, and torch loaded, only when its command is run or asked for its own help.
"""

import inspect
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from anyres.cli.options import given, options_of, unwrapped
from anyres.cli.report import INTERRUPTED, say
from anyres.core.errors import InputError
from anyres.models.catalog import CATALOG, Model, find_weights, load_door
from anyres.operations.operation import checked, declared_by

PASSED_ON = {"ignore_unknown_options": True, "help_option_names": []}  # all, --help too, to the door's own

train = typer.Typer(help="Train a model's weights by one of its recipes.", no_args_is_help=True)
evaluate = typer.Typer(help="Measure a model as its paper does.", no_args_is_help=True)


def train_command(model: Model) -> Callable[..., None]:
    """A function for typer that trains one model; opens its recipe door."""
    recipes: Mapping[str, Callable[..., Any]] = load_door(model.recipe)
    arguments: dict[str, inspect.Parameter] = {}
    options: dict[str, inspect.Parameter] = {}
    for recipe in recipes.values():
        ports, parameters, _ = declared_by(recipe)
        arguments |= {name: _argument(name) for name in ports}
        options |= {option.name: option for option in options_of(parameters)}

    def command(**values: Any) -> None:
        name = values["recipe"] or next(iter(recipes))
        if name not in recipes:
            raise InputError(f"{model.name} has no recipe {name!r}; it has {', '.join(recipes)}.")
        _train(_called(recipes[name], {one: values[one] for one in (*arguments, *options)}), values)

    own = list(inspect.signature(_every_training).parameters.values())
    listed = "\n\n".join(
        f"{name}: {unwrapped(inspect.getdoc(recipe) or '')}" for name, recipe in recipes.items()
    )
    command.__doc__ = f"Train {model.name} ({model.id}) to {model.task}.\n\nRecipes:\n\n{listed}"
    signature = inspect.Signature([*arguments.values(), *own, *options.values()])
    command.__signature__ = signature  # type: ignore[attr-defined]
    return command


def evaluate_command(model: Model) -> Callable[..., None]:
    """A function for typer that measures one model; opens its protocol door."""
    protocol: Callable[..., object] = load_door(model.protocol)
    ports, parameters, _ = declared_by(protocol)
    arguments = [_argument(name) for name in ports]

    def command(**values: Any) -> None:
        measured = _called(protocol, values)
        for line in _lines(measured):
            say(line)

    command.__doc__ = unwrapped(inspect.getdoc(protocol) or "")
    command.__signature__ = inspect.Signature([*arguments, *options_of(parameters)])  # type: ignore[attr-defined]
    return command


def runs_dir() -> Path:
    """Where runs of training live: $ANYRES_RUNS, or a folder of the user's cache."""
    from platformdirs import user_cache_path

    return Path(os.environ.get("ANYRES_RUNS") or user_cache_path("anyres", appauthor=False) / "runs")


def _every_training(
    *,
    recipe: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which recipe; the first one if not named.")
    ] = None,
    run: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder of the run; an unfinished run there goes on. Else a folder of the recipe's name in "
            "$ANYRES_RUNS, or in the user's cache.",
        ),
    ] = None,
    warm_start: Annotated[
        str | None,
        typer.Option(metavar="WEIGHTS", help="Weights to start from, by name or file, where no run goes on."),
    ] = None,
    precision: Annotated[
        str | None, typer.Option(metavar="auto|float32|bfloat16", help="Arithmetic; auto if not named.")
    ] = None,
    hours: Annotated[
        float | None, typer.Option(min=0, help="Stop after this time, ready to go on.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the first weights and of the batches.")] = 0,
) -> None:
    """The options that every training has beside its recipe's."""


def _train(recipe: Any, values: Mapping[str, Any]) -> None:
    from anyres.core.device import choose_precision
    from anyres.training.loop import this_machine
    from anyres.training.loop import train as steps_of

    machine = this_machine()
    if values["precision"]:
        machine = replace(machine, precision=choose_precision(values["precision"], machine.device))
    warm_start = _warm_start(recipe, values["warm_start"]) if values["warm_start"] else None
    folder = Path(values["run"]) if values["run"] else runs_dir() / recipe.name
    limit = {"time_limit_s": values["hours"] * 3600} if values["hours"] is not None else {}
    steps = steps_of(recipe, folder, machine=machine, seed=values["seed"], warm_start=warm_start, **limit)
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed} of {task.total} steps"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal or machine.rank > 0) as bar:
        task = bar.add_task(recipe.name, total=recipe.schedule.steps)
        try:
            for at in steps:
                left = f"{at.seconds_left / 3600:.1f} h left"
                bar.update(task, completed=at.step, description=f"{recipe.name}, loss {at.loss:.4f}, {left}")
                if at.figures and machine.rank == 0:
                    figures = ", ".join(f"{name} {figure:.3f}" for name, figure in at.figures.items())
                    say(f"step {at.step}: loss {at.loss:.4f}; {figures}")
        except KeyboardInterrupt:
            say(f"Stopped. The same command goes on from the last checkpoint in {folder}.", to_error=True)
            raise typer.Exit(INTERRUPTED) from None
    is_validated = (folder / "best.safetensors").exists()
    best = "its best weights are best.safetensors" if is_validated else "it ended before its first validation"
    say(f"The run is in {folder}; {best}.")


def _warm_start(recipe: Any, named: str) -> Any:
    """The weights of a file, or of that name."""
    from anyres.core.weights import file_sha256, read_header, read_weights
    from anyres.training.loop import WarmStart

    path = Path(named) if Path(named).is_file() else find_weights(named).path
    tensors = read_weights(read_header(path), recipe.build().state_dict())
    return WarmStart(tensors, f"{path.stem} {file_sha256(path)}")


def _called(function: Callable[..., Any], values: Mapping[str, Any]) -> Any:
    ports, parameters, _ = declared_by(function)
    options = {name: value for name, value in given(values).items() if name not in ports}
    valid = checked(function.__name__, parameters, options)
    inputs = {name: Path(values[name]) if kind is Path else values[name] for name, kind in ports.items()}
    return function(**inputs, **{name: getattr(valid, name) for name in type(valid).model_fields})


def _argument(name: str) -> inspect.Parameter:
    argument = typer.Argument(metavar=name.upper(), show_default=False)
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[str, argument])


def _lines(measured: object) -> list[str]:
    if isinstance(measured, Mapping):
        return [
            f"{name}: {figure:.3f}" if isinstance(figure, float) else f"{name}: {figure}"
            for name, figure in measured.items()
        ]
    return str(measured).splitlines()


def _opened_when_run(
    make: Callable[[Model], Callable[..., None]], model: Model, verb: str
) -> Callable[..., None]:
    def command(arguments: Annotated[list[str] | None, typer.Argument(hidden=True)] = None) -> None:
        opened = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        opened.command()(make(model))
        opened(args=arguments or [], prog_name=f"anyres {verb} {model.name}")

    command.__doc__ = f"{model.id}: {model.task}. Its own options: anyres {verb} {model.name} --help"
    return command


for _model in CATALOG:
    for _verb, _group, _make in (("train", train, train_command), ("evaluate", evaluate, evaluate_command)):
        _group.command(_model.name, context_settings=PASSED_ON)(_opened_when_run(_make, _model, _verb))
