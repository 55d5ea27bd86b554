"""What an item of a workflow will need, from the headers of its pictures: nothing is decoded or run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from anyres.core.errors import AnyresError, InputError
from anyres.core.files import Limits, check_header, read_header
from anyres.workflow.addresses import Place
from anyres.workflow.events import NodeKind
from anyres.workflow.graph import Graph
from anyres.workflow.items import Item, each_of
from anyres.workflow.preflight import Forecast, preflight, suffixes_of
from anyres.workflow.reading import InputFile, Inputs, check_inputs
from anyres.workflow.writing import targets_of


@dataclass(frozen=True)
class Machine:
    """What is known of this machine when a workflow is checked."""

    free_memory_bytes: int
    free_disk_bytes: int  # where the results go
    times: Callable[[], Mapping[NodeKind, float]]  # seconds a megapixel; a database, so asked last


def forecast_of(
    graph: Graph, item: Item, limits: Limits, machine: Machine
) -> tuple[Forecast, tuple[AnyresError, ...]]:
    """What an item needs, and why parts of it cannot be made.

    Raises:
        InputError: No picture, or a graph that leaves nothing for such pictures.
        LimitError: What does not fit; it names the largest scale that does.
    """
    looked = looked_at(graph, item, limits)
    names = {port: [file.file_name for file in files] for port, files in looked.inputs.files.items()}
    needs = partial(
        preflight,
        graph,
        looked.inputs.sizes_hw,
        free_memory_bytes=machine.free_memory_bytes,
        free_disk_bytes=machine.free_disk_bytes,
        suffixes=suffixes_of(targets_of(graph, item, names)),
    )
    needs(times={})  # what is refused needs no times
    forecast = needs(times=machine.times())
    return forecast, (*looked.refused, *map(InputError, forecast.refusals))


@dataclass(frozen=True)
class Looked:
    """The pictures of an item, by their headers."""

    inputs: Inputs
    refused: tuple[AnyresError, ...]  # elements of lists that a run would leave out


def looked_at(graph: Graph, item: Item, limits: Limits) -> Looked:
    """What the headers of an item's pictures say; nothing is decoded.

    Raises:
        InputError: No picture, one on another machine, or a graph that no file goes into or comes out of.
        LimitError: More bytes or pixels than the limits allow.
    """
    check_inputs(graph, item)
    files: dict[str, tuple[InputFile, ...]] = {}
    refused: list[AnyresError] = []
    for name, places in item.inputs.items():
        of_input = []
        for place in each_of(places):
            try:
                of_input.append(_looked_at(place, limits))
            except AnyresError as error:
                if not graph.inputs[name].is_list:
                    raise
                refused.append(error)
                of_input.append(InputFile(place, Path(), None, ""))
        files[name] = tuple(of_input)
        if all(one.header is None for one in of_input):
            raise refused[-1]
    return Looked(Inputs(graph, files, limits, None), tuple(refused))


def _looked_at(place: Place, limits: Limits) -> InputFile:
    if not isinstance(place, Path):
        raise InputError(
            f"{place} is on another machine; a check looks at pictures on this one. Copy it here."
        )
    try:
        header = read_header(place, limits=limits)
    except UnicodeEncodeError as error:  # libvips takes names in UTF-8 alone
        raise InputError(
            f"A name that is no UTF-8 cannot be opened: {error.object!r}. Rename the file or folder."
        ) from error
    check_header(place, header, limits)
    return InputFile(place, place, header, sha256="")
