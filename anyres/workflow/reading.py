"""The input files of one item: looked at, hashed, brought here where they are elsewhere, and read."""

import math
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from anyres.core.errors import AnyresError, InputError
from anyres.core.files import Header, Limits, read_header, read_image
from anyres.core.formats import FORMATS
from anyres.core.results import PictureFile
from anyres.core.sizes import SizeHW
from anyres.core.weights import file_sha256
from anyres.workflow import addresses
from anyres.workflow.addresses import Address, Place
from anyres.workflow.graph import Graph
from anyres.workflow.graph_run import LoadedInput
from anyres.workflow.items import Item, each_of
from anyres.workflow.provenance import UNREADABLE

_NO_FILES: Final = {  # kinds of values that are no file, and the way out
    "ContinuousImage": "Render it first.",
    "Alignment": "Take its verdict, or lay a picture by it.",
}


@dataclass(frozen=True)
class InputFile:
    """A picture file on this machine."""

    place: Place  # as the item names it
    path: Path
    header: Header | None  # None: an element of a list that is no picture, which its reading will say
    sha256: str  # UNREADABLE for an element of a list that is not there, or that nobody may read

    @property
    def size_hw(self) -> SizeHW:
        """(height, width) by the header; a pixel for what has none."""
        return self.header.size_hw if self.header else (1, 1)

    @property
    def file_name(self) -> str:
        """Its name, with a suffix of what it holds."""
        suffixes = FORMATS[self.header.format if self.header else "png"].suffixes
        return self.place.stem + (self.place.suffix if self.place.suffix.lower() in suffixes else suffixes[0])


@dataclass(frozen=True)
class Inputs:
    """The files of every input of an item."""

    graph: Graph
    files: Mapping[str, tuple[InputFile, ...]]
    limits: Limits
    temporary: Path | None  # a folder that goes with them, where some place is on another machine

    @property
    def sha256(self) -> dict[str, str | tuple[str, ...]]:
        """Of the files, by input; several for a list."""
        return self._each(lambda file: file.sha256)

    @property
    def sizes_hw(self) -> dict[str, SizeHW | tuple[SizeHW, ...]]:
        """(height, width) of the pictures, by input; several for a list."""
        return self._each(lambda file: file.size_hw)

    def values(self) -> dict[str, Any]:
        """What flows into the graph: pictures, read in full and within the limits; files as they are."""
        return {
            name: self._shaped(name, tuple(self._loaded(name, file) for file in files))
            for name, files in self.files.items()
        }

    def copied(self, address: Address) -> Path:
        """A copy, on this machine, of what a batch made there before; however large it is."""
        assert self.temporary is not None
        path = self.temporary / f"made{address.suffix}"
        addresses.fetch(address, path, limits=Limits(max_megabytes=math.inf))
        return path

    def _loaded(self, name: str, file: InputFile) -> LoadedInput:
        """A picture read now; one of a list when its turn comes, so that memory holds one at a time."""
        is_file = self.graph.inputs[name].kind == "PictureFile"
        load: Callable[[], Any] = (
            partial(PictureFile.at, file.path, limits=self.limits)
            if is_file
            else partial(read_image, file.path, limits=self.limits, header=file.header)
        )
        is_later = self.graph.inputs[name].is_list
        return LoadedInput(load if is_later else load(), file.sha256, file.place.name)

    def _each(self, fact: Any) -> dict[str, Any]:
        return {
            name: self._shaped(name, tuple(fact(file) for file in files))
            for name, files in self.files.items()
        }

    def _shaped(self, name: str, values: tuple[Any, ...]) -> Any:
        return values if self.graph.inputs[name].is_list else values[0]


@contextmanager
def opened_inputs(graph: Graph, item: Item, limits: Limits) -> Iterator[Inputs]:
    """The inputs of an item; copies of what is elsewhere last as long as this.

    Raises:
        InputError: A file that is not there, is no picture, or cannot be reached.
        LimitError: More bytes than the limits allow.
    """
    if all(isinstance(place, Path) for place in (*item.input_places, *item.outputs.values())):
        yield _inputs(graph, item, limits, None)
        return
    with tempfile.TemporaryDirectory(prefix="anyres-") as folder:
        yield _inputs(graph, item, limits, Path(folder))


def check_inputs(graph: Graph, item: Item) -> None:
    """InputError where an item has not what the graph takes and gives: unknown names, no files."""
    name = graph.document.name
    taken = {one: declared for one, declared in graph.inputs.items() if not declared.is_scalar}
    for given, known, what in ((item.inputs, taken, "input"), (item.outputs, graph.outputs, "output")):
        for one in (*given, *known):
            if one not in known:
                raise InputError(f"{name} has no {what} {one}; it has {', '.join(known) or 'none'}.")
            if one not in given:
                raise InputError(f"{name} has the {what} {one}, and nothing is named for it. Name a file.")
    for one, declared in taken.items():
        files = each_of(item.inputs[one])
        if not files or (len(files) > 1 and not declared.is_list):
            takes = "one picture or more" if declared.is_list else "one picture"
            raise InputError(f"The input {one} of {name} takes {takes}; {len(files)} were given.")
        if declared.kind == "ContinuousImage":
            raise InputError(
                f"The input {one} of {name} is a ContinuousImage, which no file holds. Encode one in it."
            )
    for one, source in graph.outputs.items():
        if way_out := _NO_FILES.get(graph.kind(source)):
            raise InputError(
                f"The output {one} of {name} is of kind {graph.kind(source)}, which no file holds. {way_out}"
            )


def _inputs(graph: Graph, item: Item, limits: Limits, folder: Path | None) -> Inputs:
    files = {
        name: tuple(
            _input_file(place, limits, folder, name=f"{name}-{index}", may_be_bad=graph.inputs[name].is_list)
            for index, place in enumerate(each_of(places))
        )
        for name, places in item.inputs.items()
    }
    return Inputs(graph, files, limits, folder)


def _input_file(
    place: Place, limits: Limits, folder: Path | None, *, name: str, may_be_bad: bool
) -> InputFile:
    if isinstance(place, Path):
        path = place
    else:
        assert folder is not None
        path = folder / (name + place.suffix)
        addresses.fetch(place, path, limits=limits)
    try:
        header = read_header(path, limits=limits)  # the clear sentence about a file that is no picture
    except AnyresError:
        if not may_be_bad:
            raise
        return InputFile(place, path, None, _sha256_of_bad(path))
    return InputFile(place, path, header, file_sha256(path))


def _sha256_of_bad(path: Path) -> str:
    """Of a file that is no picture, if it is a file at all: a link may lead nowhere, a pipe without end."""
    try:
        return file_sha256(path) if path.is_file() else UNREADABLE
    except OSError:
        return UNREADABLE
