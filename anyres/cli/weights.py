"""`anyres weights`: the weights at hand, and those that others published."""

import math
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from anyres.cli.report import INTERRUPTED, say
from anyres.core.errors import AnyresError
from anyres.core.weights import file_sha256, read_header
from anyres.models.catalog import NamedWeights, find_weights, weights_paths
from anyres.models.store import (
    add_weights,
    by_hand,
    get_weights,
    published_weights,
    remove_weights,
    shipped_names,
)

app = typer.Typer(help="List, add, fetch, show and remove weights.", no_args_is_help=True)

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace your weights of that name.")]
WeightsName = Annotated[str, typer.Argument(metavar="NAME", show_default=False)]


@app.command("add")
def add(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A checkpoint.", show_default=False)],
    *,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of the weights; the file's own if not given.")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Add weights from a file, converted once and stored in your data folder.

    LIIF with EDSR or RDN: the authors' or mmagic's .pth, or safetensors. No code in a file is ever run.
    """
    _tell(add_weights(file, name=name, overwrite=overwrite))


@app.command("get")
def get(
    name: WeightsName,
    *,
    address: Annotated[
        str | None,
        typer.Option("--from", metavar="URL", help="Fetch from this https address, not from the authors'."),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Fetch weights that others published, check their sha256, and add them.

    `anyres weights list` has their names. A fetch that was stopped goes on where it was.
    """
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(name, total=None)
        try:
            added = get_weights(
                name,
                address=address,
                overwrite=overwrite,
                progress=lambda there, total: bar.update(task, completed=there, total=total),
            )
        except KeyboardInterrupt:
            say("Stopped. The same command goes on from what has arrived.", to_error=True)
            raise typer.Exit(INTERRUPTED) from None
    _tell(added)


@app.command("list")
def list_all() -> None:
    """List the weights at hand, then those that can be fetched."""
    paths = weights_paths()
    for name, path in paths.items():
        owner = "ships with anyres" if name in shipped_names() else "yours"
        try:
            weights = find_weights(name)
            say(f"{name}: {weights.model.id}, {path.stat().st_size / 1e6:.1f} MB, {owner}")
        except AnyresError as error:
            say(f"{name}: {owner}, but cannot be used. {error}")
    for model, published in published_weights():
        if published.name not in paths:
            size = f", {published.size_bytes / 1e6:.1f} MB" if published.size_bytes else ""
            say(f"{published.name}: {model.id}{size}, to fetch with `anyres weights get {published.name}`")


@app.command("show")
def show(name: WeightsName) -> None:
    """Show all that is known of weights: file, model, configuration, origin, licence."""
    published = {one.name: one for _, one in published_weights()}
    if name in published and name not in weights_paths():
        say(f"{name} is not here. `anyres weights get {name}` fetches it.")
        say(f"licence: {published[name].licence}")
        say(by_hand(published[name]))
        return
    weights = find_weights(name)
    header = read_header(weights.path)
    numbers = sum(math.prod(shape) for shape in header.tensors.values())
    say(f"{name}: weights of {weights.model.id}, to {weights.model.task}")
    say(f"file: {weights.path}")
    say(f"size: {weights.path.stat().st_size} bytes, {numbers} parameters in {len(header.tensors)} tensors")
    say(f"sha256: {file_sha256(weights.path)}")
    for title, values in (("config", header.config), ("record", header.record)):
        for line in _lines(title, values):
            say(line)


@app.command("remove")
def remove(name: WeightsName) -> None:
    """Remove weights of your own."""
    say(f"Removed {remove_weights(name)}.")


def _tell(weights: NamedWeights) -> None:
    header = read_header(weights.path)
    say(f"{weights.name}: {weights.model.id}, {weights.path.stat().st_size / 1e6:.1f} MB, in {weights.path}")
    say(f"licence: {header.record.get('licence', weights.model.licence)}")
    say(f"Use it: anyres upscale PHOTO --model {weights.name}")


def _lines(title: str, value: object) -> list[str]:
    """A line for each value of nested objects, named by the path to it."""
    if isinstance(value, dict):
        return [line for key, inner in value.items() for line in _lines(f"{title}.{key}", inner)]
    if isinstance(value, list | tuple):
        return [f"{title}: {', '.join(map(str, value))}"]
    return [f"{title}: {value}"]
