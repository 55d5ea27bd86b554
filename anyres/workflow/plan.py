"""From what a person names for a workflow, pictures and folders for its inputs, to the items of a batch.

A picture for each input is one item. Several pictures or a folder for an input that takes one picture are as
many items, the other inputs the same for all; for an input that takes a list they are the list. `photo.jpg`
becomes `photo.large.jpg` for an output `large`; a list goes into a folder under the names of its pictures.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from anyres.core.errors import InputError
from anyres.core.files import output_format
from anyres.core.formats import FORMATS, Format, format_of_suffix
from anyres.workflow.addresses import Place, is_folder, place_of_text
from anyres.workflow.folder import FoundPicture, Plan, found_pictures
from anyres.workflow.graph import Graph
from anyres.workflow.items import Item
from anyres.workflow.names import Source

_ANY_PICTURE = ".png"  # where no input says the format: it holds all that a picture can have


@dataclass(frozen=True)
class _Given:
    """What was named for one input."""

    pictures: tuple[FoundPicture, ...]
    is_folder: bool
    others: int
    earlier_results: int


def plan_workflow(
    graph: Graph,
    inputs: Mapping[str, Sequence[str]],
    *,
    parameters: Mapping[str, object],
    output: str | None = None,
    is_written: bool = True,
) -> Plan:
    """The items, in the order named and by name below a folder.

    Args:
        graph: Bound.
        inputs: For each input that is no scalar: pictures and folders, as paths or addresses.
        parameters: Values of scalar inputs, for every item.
        output: A folder; or, where there will be one picture, its name. Beside the pictures if left out.
        is_written: Whether the results will be written; a list of them then needs a folder.

    Raises:
        InputError: An input that is missing or unknown, several for more than one input, no picture in a
            folder, or an output that cannot be one.
    """
    given = _given(graph, inputs, output)
    varying = [name for name, one in given.items() if not graph.inputs[name].is_list and _is_many(one)]
    if len(varying) > 1:
        raise InputError(
            f"{' and '.join(varying)} were given several pictures; one input can vary over a batch. Give one "
            "picture for the others, or run them one after the other."
        )
    lead = varying[0] if varying else next(iter(given))
    is_batch = bool(varying)
    count = len(given[lead].pictures) if is_batch else 1
    items = []
    for index in range(count):
        picture = given[lead].pictures[index]
        files = {name: _files(graph, name, one, (name in varying) * index) for name, one in given.items()}
        outputs = _outputs(graph, picture, output, is_batch=is_batch, is_written=is_written)
        items.append(Item(files, outputs, parameters))
    return Plan(
        tuple(items),
        sum(one.others for one in given.values()),
        sum(one.earlier_results for one in given.values()),
    )


def _given(graph: Graph, inputs: Mapping[str, Sequence[str]], output: str | None) -> dict[str, _Given]:
    taken = {name: one for name, one in graph.inputs.items() if not one.is_scalar}
    for name in inputs:
        if name not in taken:
            known = ", ".join(f"{one} ({taken[one].type})" for one in taken)
            raise InputError(f"{graph.document.name} takes no pictures as {name}; it takes {known}.")
    for name, declared in taken.items():
        if not inputs.get(name):
            what = "pictures or a folder" if declared.is_list else "a picture"
            about = f" {declared.description}" if declared.description else ""
            raise InputError(
                f"{graph.document.name} needs {what} as {name}: name it with --input {name}=PATH.{about}"
            )
    return {name: _found(name, inputs[name], output, set(graph.outputs)) for name in taken}


def _found(name: str, texts: Sequence[str], output: str | None, results: set[str]) -> _Given:
    places = [place_of_text(text) for text in texts]
    target = None if output is None else place_of_text(output)
    pictures, others, earlier_results = found_pictures(places, target, results=results)
    given = _Given(tuple(pictures), any(is_folder(place) for place in places), others, earlier_results)
    if not given.pictures:
        raise InputError(
            f"There is no picture for {name} in {', '.join(texts)}. Name a picture, or another folder."
        )
    return given


def _is_many(given: _Given) -> bool:
    return given.is_folder or len(given.pictures) > 1


def _files(graph: Graph, name: str, given: _Given, index: int) -> Place | tuple[Place, ...]:
    if graph.inputs[name].is_list:
        return tuple(one.place for one in given.pictures)
    return given.pictures[index].place


def _outputs(
    graph: Graph, lead: FoundPicture, output: str | None, *, is_batch: bool, is_written: bool
) -> dict[str, Place]:
    """Where each output of one item goes."""
    lists = [name for name, source in graph.outputs.items() if graph.is_list(source)]
    if output is not None and not is_batch and _is_file_name(output):
        if len(graph.outputs) > 1 or lists:
            names = ", ".join(graph.outputs)
            raise InputError(f"{output!r} names one file; {names} are made. Name a folder: {output}/.")
        (name,) = graph.outputs
        place = place_of_text(output)
        if graph.kind(graph.outputs[name]) == "Image":
            output_format(place.name)  # its own sentence about a suffix that is not written
        return {name: place}
    if output is None and lists and is_written:
        raise InputError(
            f"{', '.join(lists)} of {graph.document.name} is a list. Name a folder for it with -o."
        )
    folder = lead.place.parent if output is None else place_of_text(output) / str(lead.below)
    stem = lead.place.stem
    places: dict[str, Place] = {}
    for name, source in graph.outputs.items():
        if name in lists:
            alone = len(graph.outputs) == 1 and not is_batch
            places[name] = folder if alone else folder / (f"{stem}.{name}" if is_batch else name)
        else:
            places[name] = folder / f"{stem}.{name}{_suffix(graph, source, lead.place)}"
    return places


def _suffix(graph: Graph, source: Source, lead: Place) -> str:
    """The suffix of an output's file: as its lead's for pictures, as it was saved for files."""
    kind = graph.kind(source)
    if kind == "Report":
        return ".json"
    if kind == "PictureFile" and source.node is not None:
        saved: Format | None = getattr(graph.nodes[source.node].checked, "format", None)
        if saved in FORMATS:
            return FORMATS[saved].suffixes[0]
    return lead.suffix if format_of_suffix(lead.suffix) else _ANY_PICTURE


def _is_file_name(output: str) -> bool:
    place = place_of_text(output)
    return bool(place.suffix) and not output.endswith(("/", os.sep)) and not is_folder(place)
