"""`anyres workflow`: run, check, show, list and begin workflows."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from anyres.cli.batch import run_and_leave
from anyres.cli.forecast import check_items, tell_document
from anyres.cli.options import MaxMegabytes, MaxMegapixels
from anyres.cli.report import say
from anyres.cli.workflow_inputs import (
    bound_graph,
    checked_without_pictures,
    document_named,
    pictures_by_input,
    settings_of,
)
from anyres.core.budget import free_disk_bytes
from anyres.core.errors import InputError
from anyres.core.files import Limits
from anyres.core.memory import free_machine_bytes
from anyres.workflow.document import document_text, read_document
from anyres.workflow.events import NodeKind
from anyres.workflow.finding import workflow_folder, workflow_paths
from anyres.workflow.graph import resolve
from anyres.workflow.items import Item
from anyres.workflow.looking import Machine
from anyres.workflow.names import name_given
from anyres.workflow.plan import plan_workflow

app = typer.Typer(help="Run, check, draw and begin workflows.", no_args_is_help=True)
_LIMITS = Limits()
_DRAWINGS = {".svg": "svg", ".mmd": "mermaid", ".md": "mermaid", ".txt": "mermaid", "": "mermaid"}

Named = Annotated[
    str,
    typer.Argument(metavar="WORKFLOW", help="A workflow's file, or a name that `anyres workflow list` says."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the workflow; once for each."),
]
Pictures = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        "-i",
        metavar="NAME=PATH",
        help="A picture or folder for an input; once for each picture. PATH alone where there is one input.",
    ),
]
Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="PATH",
        help="Folder of the results, or the name of a single one. Beside the pictures if not named.",
    ),
]


Stripped = Annotated[
    bool, typer.Option("--strip", help="Leave profile, metadata and the record out of the results.")
]
Cached = Annotated[bool, typer.Option("--cache/--no-cache", help="Keep results of nodes for the next run.")]


@app.command("run")
def run(
    workflow: Named,
    *,
    inputs: Pictures = None,
    settings: Settings = None,
    output: Output = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")] = False,
    strip: Stripped = False,
    engine: Annotated[str, typer.Option(help="Where the items run: local, or ray.")] = "local",
    address: Annotated[str | None, typer.Option(help="Of a Ray cluster; else one is begun here.")] = None,
    is_cached: Cached = True,
    max_megapixels: MaxMegapixels = _LIMITS.max_megapixels,
    max_megabytes: MaxMegabytes = _LIMITS.max_megabytes,
) -> None:
    """Run a workflow on pictures; a folder for an input that takes one picture is a batch.

    Each result carries a record of what made it, and the same record lies beside it as JSON.
    """
    limits = Limits(max_megapixels, max_megabytes)
    graph = bound_graph(workflow, settings or [])
    plan = plan_workflow(
        graph, pictures_by_input(graph, inputs or []), parameters=graph.scalars, output=output
    )
    from anyres.workflow.cache import Cache
    from anyres.workflow.run import run_batch

    run_and_leave(
        lambda told: run_batch(
            graph,
            plan.items,
            engine=engine,
            address=address,
            overwrite=overwrite,
            strip=strip,
            is_record_beside=True,
            cache=Cache() if is_cached else None,
            limits=limits,
            on_progress=told,
        ),
        plan,
    )


@app.command("check")
def check(
    workflow: Named,
    *,
    inputs: Pictures = None,
    settings: Settings = None,
    output: Output = None,
    max_megapixels: MaxMegapixels = _LIMITS.max_megapixels,
    max_megabytes: MaxMegabytes = _LIMITS.max_megabytes,
) -> None:
    """Say what a workflow will make of pictures, and what it needs, without running it.

    A result that does not fit memory, disk or the format of its file is refused with the largest scale that
    fits. Times are those of earlier runs on this machine.
    """
    graph = resolve(document_named(workflow))
    scalars = settings_of(graph, settings or [])
    if not inputs:
        tell_document(graph, checked_without_pictures(graph, scalars))
        return
    from anyres.workflow.making import work_of

    graph = graph.bind(scalars)
    work_of(graph)  # finds the weights
    pictures = pictures_by_input(graph, inputs)
    plan = plan_workflow(graph, pictures, parameters=graph.scalars, output=output, is_written=False)
    free_disk = free_disk_bytes(_local_folder(plan.items[0]))
    machine = Machine(free_machine_bytes(), free_disk, _times)
    code = check_items(graph, plan, Limits(max_megapixels, max_megabytes), machine)
    if code:
        raise typer.Exit(code)


@app.command("show")
def show(
    workflow: Named,
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File of the drawing; else it is printed.")
    ] = None,
    format_: Annotated[
        str | None,
        typer.Option("--format", metavar="svg|mermaid", help="SVG for a name in .svg, else Mermaid."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
) -> None:
    """Draw a workflow."""
    from anyres.workflow.draw import mermaid, svg
    from anyres.workflow.sketch import graph_to_draw

    by_name = None if output is None else _drawing_of(output)
    named = format_ or by_name or "mermaid"
    drawers = {"svg": svg, "mermaid": mermaid}
    if named not in drawers:
        raise InputError(f"A drawing is svg or mermaid; {named!r} was given.")
    if by_name not in (None, named):
        raise InputError(f"{output} is a name for {by_name}; {named} was asked for. Leave --format out.")
    graph, reason = graph_to_draw(document_named(workflow))
    drawing = drawers[named](graph)
    if reason is not None:
        say(f"It is drawn as far as it is known here. {reason}", to_error=True)
    if output is None:
        say(drawing.rstrip("\n"))
    else:
        _write_new(output, drawing, overwrite=overwrite)
        say(str(output))


@app.command("list")
def list_() -> None:
    """Say which workflows there are by name."""
    for name, path in sorted(workflow_paths().items()):
        try:
            document = read_document(path)
        except InputError as error:
            say(f"{name}: {error}", to_error=True)
            continue
        say(f"{name:<24} {document.title or document.description.partition('.')[0]}".rstrip())


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="Of the workflow: a-z, 0-9, - and _.")],
    *,
    example: Annotated[
        str, typer.Option("--from", metavar="WORKFLOW", help="What to begin from, by name or file.")
    ] = "enlarge-photo",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Its file; in the folder of your own workflows if not named."),
    ] = None,
) -> None:
    """Begin a workflow: a file to edit. `run` knows it by its name where it is in your folder."""
    begun = replace(document_named(example), name=name_given(name), version="1.0.0")
    path = output or workflow_folder() / f"{name}.json"
    if output is None and name in workflow_paths():
        raise InputError(f"There is a workflow {name} already. Choose another name, or name a file with -o.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"The folder {path.parent} cannot be made ({error.strerror}). Choose another one with -o."
        ) from error
    _write_new(path, document_text(begun), overwrite=False)
    say(str(path))


def _drawing_of(output: Path) -> str:
    """What the name of a file says it holds, svg or mermaid; InputError for the name of something else."""
    suffix = output.suffix.lower()
    if suffix not in _DRAWINGS:
        known = ", ".join(filter(None, _DRAWINGS))
        raise InputError(f"{output.name!r} is no name for a drawing; it ends in one of {known}.")
    return _DRAWINGS[suffix]


def _times() -> Mapping[NodeKind, float]:
    """Of earlier runs on this machine, seconds a megapixel."""
    from anyres.workflow.store import seconds_a_megapixel

    return seconds_a_megapixel()


def _local_folder(item: Item) -> Path:
    places = [place for place in item.outputs.values() if isinstance(place, Path)]
    return places[0].parent if places else Path()


def _write_new(path: Path, text: str, *, overwrite: bool) -> None:
    try:
        with path.open("w" if overwrite else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InputError(f"{path} exists already. Choose another name.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}). Choose another folder.") from error
