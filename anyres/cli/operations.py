"""The command of an operation, generated from its declaration."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from anyres.cli.options import given, options_of, unwrapped
from anyres.cli.report import INTERRUPTED, bar, exit_code, say, tell
from anyres.core.files import Limits
from anyres.operations.operation import Operation
from anyres.workflow.folder import Plan, plan_items
from anyres.workflow.run import BatchFinished, ItemDone, ItemSkipped, run_batch

_LIMITS = Limits()


def command_of(operation: Operation[..., Any]) -> Callable[..., None]:
    """A function for typer: pictures and folders, an option for each parameter, and those of all commands."""

    def command(**values: Any) -> None:
        _run(operation, values)

    pictures, *of_files = inspect.signature(_every_command).parameters.values()
    command.__doc__ = unwrapped(operation.description)
    command.__name__ = operation.name
    signature = inspect.Signature([pictures, *options_of(operation.parameters), *of_files])
    command.__signature__ = signature  # type: ignore[attr-defined]
    return command


def _every_command(
    *,
    pictures: Annotated[
        list[str], typer.Argument(metavar="PICTURE", help="Pictures and folders.", show_default=False)
    ],
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="PATH",
            help="Folder of the results, or the name of a single one. Beside the pictures if not named.",
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")] = False,
    strip: Annotated[
        bool, typer.Option("--strip", help="Leave colour profile, EXIF, XMP and DPI out of the results.")
    ] = False,
    max_megapixels: Annotated[
        float, typer.Option(min=0, help="Largest picture that is read, in millions of pixels.")
    ] = _LIMITS.max_megapixels,
    max_megabytes: Annotated[
        float, typer.Option(min=0, help="Largest file that is read, in millions of bytes.")
    ] = _LIMITS.max_megabytes,
) -> None:
    """The arguments that every command on pictures has beside its operation's parameters."""


FILE_OPTIONS = tuple(inspect.signature(_every_command).parameters)


def _run(operation: Operation[..., Any], values: dict[str, Any]) -> None:
    parameters = given({name: value for name, value in values.items() if name not in FILE_OPTIONS})
    paths = [Path(text) for text in values["pictures"]]
    limits = Limits(values["max_megapixels"], values["max_megabytes"])
    plan = plan_items(operation, paths, parameters=parameters, output=values["output"], limits=limits)
    is_batch = len(plan.items) > 1 or any(path.is_dir() for path in paths)
    finished = _run_plan(operation, plan, values, limits=limits, is_batch=is_batch)
    tell(finished, plan)
    raise typer.Exit(exit_code(finished))


def _run_plan(
    operation: Operation[..., Any], plan: Plan, values: dict[str, Any], *, limits: Limits, is_batch: bool
) -> BatchFinished:
    ended = 0
    try:
        with bar() as shown:
            for event in run_batch(
                operation,
                plan.items,
                overwrite=values["overwrite"],
                strip=values["strip"],
                limits=limits,
                is_resumable=is_batch,
                on_progress=shown.advance,
            ):
                shown.take(event)
                ended += isinstance(event, ItemDone | ItemSkipped)
    except KeyboardInterrupt:
        resume = " Run the same command again: what is done is not done twice." if is_batch else ""
        counted = f"Stopped with {ended} of {len(plan.items)} done; nothing is half-written.{resume}"
        say(counted, to_error=True)
        raise typer.Exit(INTERRUPTED) from None
    assert isinstance(event, BatchFinished)
    return event
