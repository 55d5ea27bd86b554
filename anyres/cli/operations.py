"""The command of an operation, generated from its declaration.

An operation on one picture takes pictures and folders, and works on each; one on several takes a picture for
each of its ports, or all for its list. What measures prints its figures. What takes or gives anything but
pictures and reports is for workflows and for Python, and has no command.
"""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from anyres.cli.batch import run_and_leave
from anyres.cli.options import MaxMegabytes, MaxMegapixels, given, options_of, unwrapped
from anyres.cli.report import say
from anyres.core.files import Limits, read_image
from anyres.core.results import figure_text
from anyres.operations.operation import Operation
from anyres.workflow.addresses import is_folder, place_of_text
from anyres.workflow.folder import plan_items
from anyres.workflow.run import ENGINES, run_batch
from anyres.workflow.together import inputs_of, plan_one_item

_LIMITS = Limits()


def command_of(operation: Operation[..., Any]) -> Callable[..., None]:
    """A function for typer: pictures, an option for each parameter, and those of all commands."""

    def command(**values: Any) -> None:
        if operation.output_type.kind == "Report":
            _report(operation, values)
        else:
            _run(operation, values)

    pictures, *of_files = inspect.signature(_every_command).parameters.values()
    command.__doc__ = unwrapped(operation.description)
    command.__name__ = operation.name
    if operation.output_type.kind == "Report":
        of_files = [option for option in of_files if option.name in REPORT_OPTIONS]
    arguments = [pictures] if is_of_one(operation) or is_of_list(operation) else _arguments(operation)
    signature = inspect.Signature([*arguments, *options_of(operation.parameters), *of_files])
    command.__signature__ = signature  # type: ignore[attr-defined]
    return command


def is_of_one(operation: Operation[..., Any]) -> bool:
    """Whether it works on one picture: then its command works on any number, one after the other."""
    return [type_.is_list for type_ in operation.port_types.values()] == [False]


def is_of_list(operation: Operation[..., Any]) -> bool:
    """Whether it takes any number of pictures together."""
    return [type_.is_list for type_ in operation.port_types.values()] == [True]


def _arguments(operation: Operation[..., Any]) -> list[inspect.Parameter]:
    """A picture for each port, by the port's name."""
    return [
        inspect.Parameter(
            port,
            inspect.Parameter.KEYWORD_ONLY,
            annotation=Annotated[
                str, typer.Argument(metavar=port.upper(), help="A picture.", show_default=False)
            ],
        )
        for port in operation.ports
    ]


def _every_command(
    *,
    pictures: Annotated[
        list[str],
        typer.Argument(
            metavar="PICTURE", help="Pictures and folders, as paths or addresses.", show_default=False
        ),
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
    record: Annotated[
        bool, typer.Option("--record", help="Put the record of what made a result beside it, too, as JSON.")
    ] = False,
    engine: Annotated[
        str,
        typer.Option(metavar="|".join(ENGINES), help="Where the pictures are worked on: here, or over Ray."),
    ] = ENGINES[0],
    address: Annotated[
        str | None, typer.Option(help="Of a Ray cluster; one is begun on this machine if left out.")
    ] = None,
    max_megapixels: MaxMegapixels = _LIMITS.max_megapixels,
    max_megabytes: MaxMegabytes = _LIMITS.max_megabytes,
) -> None:
    """The arguments that every command on pictures has beside its operation's parameters."""


FILE_OPTIONS = tuple(inspect.signature(_every_command).parameters)
REPORT_OPTIONS = ("max_megapixels", "max_megabytes")  # of them, for what writes no file


def _parted(
    operation: Operation[..., Any], values: dict[str, Any]
) -> tuple[list[Path], dict[str, object], Limits]:
    """The pictures, the parameters that were given, and the limits."""
    texts = values["pictures"] if "pictures" in values else [values[port] for port in operation.ports]
    named = {name: value for name, value in values.items() if name in operation.parameters.model_fields}
    limits = Limits(values["max_megapixels"], values["max_megabytes"])
    return [Path(text) for text in texts], given(named), limits


def _report(operation: Operation[..., Any], values: dict[str, Any]) -> None:
    paths, parameters, limits = _parted(operation, values)
    images = [
        tuple(read_image(path, limits=limits) for path in one)
        if isinstance(one, tuple)
        else read_image(one, limits=limits)
        for one in inputs_of(operation, paths).values()
    ]
    for name, value in operation(*images, **parameters).figures.items():
        say(f"{name}: {figure_text(value)}")


def _run(operation: Operation[..., Any], values: dict[str, Any]) -> None:
    paths, parameters, limits = _parted(operation, values)
    if is_of_one(operation):
        places = [place_of_text(text) for text in values["pictures"]]
        plan = plan_items(operation, places, parameters=parameters, output=values["output"], limits=limits)
    else:
        plan = plan_one_item(operation, paths, parameters=parameters, output=values["output"], limits=limits)
    is_batch = len(plan.items) > 1 or any(
        is_folder(place_of_text(str(text))) for text in values.get("pictures", ())
    )
    run_and_leave(
        lambda told: run_batch(
            operation,
            plan.items,
            engine=values["engine"],
            address=values["address"],
            overwrite=values["overwrite"],
            strip=values["strip"],
            is_record_beside=values["record"],
            limits=limits,
            is_resumable=is_batch,
            on_progress=told,
        ),
        plan,
        is_resumable=is_batch,
    )
