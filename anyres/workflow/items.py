"""The items of a batch, and where their results go: no two to one place, and none over an input."""

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anyres.core.errors import InputError
from anyres.core.sizes import SizeHW
from anyres.workflow.addresses import Address, Place, place_of_text, refuse_read_only


@dataclass(frozen=True)
class Item:
    """One piece of work: the files of each input, where each output goes, and the values of scalar inputs.

    An output that is a list goes into the folder that its place names. A text in place of a path is taken as
    a person types it: a path, or an address such as "s3://bucket/a.png". Raises InputError for what is none.
    """

    inputs: Mapping[str, Place | tuple[Place, ...]]
    outputs: Mapping[str, Place]
    parameters: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Turn texts into places."""
        for what, given in (("inputs", self.inputs), ("outputs", self.outputs)):
            if not isinstance(given, Mapping):
                raise InputError(
                    f"The {what} of an item are places by name; {given!r:.80} was given. Name it: "
                    f'{{"image": ...}} or {{"result": ...}}.'
                )
            object.__setattr__(self, what, {name: _placed(name, places) for name, places in given.items()})

    @property
    def output(self) -> Path:
        """The path of the only output, for an item with one on this machine."""
        (place,) = self.outputs.values()
        assert isinstance(place, Path), f"{place} is no path"
        return place

    @property
    def input_places(self) -> tuple[Place, ...]:
        """All files of all inputs."""
        return tuple(place for places in self.inputs.values() for place in each_of(places))

    def inputs_text(self, *, is_short: bool = False) -> str:
        """Its inputs as people name them: "a.png", "a.png with b.png", "a.png and 99 more"."""
        texts = []
        for places in self.inputs.values():
            first, *more = each_of(places) or ("nothing",)
            text = first.name if is_short and not isinstance(first, str) else str(first)
            texts.append(f"{text} and {len(more)} more" if more else text)
        return " with ".join(texts)


@dataclass(frozen=True)
class Result:
    """A file that an item made."""

    output: str  # name of the output; of a list, several files have the same
    place: Place
    sha256: str
    bytes: int
    size_hw: SizeHW | None  # None for what is no picture


def each_of(places: Place | tuple[Place, ...]) -> tuple[Place, ...]:
    """The files of one input, of which a list has several."""
    return places if isinstance(places, tuple) else (places,)


def _placed(name: str, given: Any) -> Any:
    """A place, or several of them, from what was given."""
    if isinstance(given, list | tuple):
        return tuple(_placed(name, one) for one in given)
    if isinstance(given, str):
        return place_of_text(given)
    if not isinstance(given, Place):
        raise InputError(
            f"{name} is {given!r:.80}, which is no place. Give a path, or an address such as s3://bucket/a.png."
        )
    return given


def refuse_inputs(inputs: Iterable[Place], results: Iterable[Place]) -> None:
    """InputError where a result would go over an input."""
    names = {name for place in inputs for name in _file_names(place)}
    for place in results:
        _refuse_one_of(names, place)


def refuse_shared_places(items: Sequence[Item], elements: Iterable[Place] = ()) -> None:
    """InputError where two results would go to one place, or one over an input of any item.

    Args:
        items: The whole batch.
        elements: Where the elements of outputs go that are lists.
    """
    inputs = {name for item in items for place in item.input_places for name in _file_names(place)}
    for element in elements:
        _refuse_one_of(inputs, element)
    taken: dict[str, Item] = {}
    for item in items:
        for output in item.outputs.values():
            place = _refuse_one_of(inputs, output)
            if place in taken:
                pair = " and ".join(one.inputs_text() for one in (taken[place], item))
                raise InputError(
                    f"{pair} would both become {output}. Rename one, or run them into two folders."
                )
            taken[place] = item


def place_text(place: Place) -> str:
    """One text for one place, however it is written: with `..`, over links, in letters of another case."""
    return str(place) if isinstance(place, Address) else os.path.normcase(os.path.realpath(place))


def refuse_unwritable(folder: Place) -> None:
    """Make the folder of results; InputError where it cannot be written."""
    if isinstance(folder, Address):
        refuse_read_only(folder)
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(
            f"Cannot write into the folder {folder}: {error.strerror}. Choose another one with -o."
        ) from error


def output_folders(items: Sequence[Item], lists: frozenset[str] = frozenset()) -> Iterator[Place]:
    """The folders that results go to, each once; a list's place is a folder itself.

    Args:
        items: The whole batch.
        lists: Names of the outputs that are lists.
    """
    seen: set[Place] = set()
    for item in items:
        for name, place in item.outputs.items():
            folder = place if name in lists else place.parent
            if folder not in seen:
                seen.add(folder)
                yield folder


def _refuse_one_of(inputs: set[object], place: Place) -> str:
    """InputError for a result that would go over an input; gives back the text of its place."""
    text, *same = _file_names(place)
    if text in inputs or not inputs.isdisjoint(same):
        raise InputError(f"{place} is an input, and would be replaced by a result. Name another output.")
    return str(text)


def _file_names(place: Place) -> list[object]:
    """The text of its place and, where it is there, the file itself: on some disks letters have no case."""
    names: list[object] = [place_text(place)]
    if isinstance(place, Path):
        with contextlib.suppress(OSError):
            there = place.stat()
            names.append((there.st_dev, there.st_ino))
    return names
