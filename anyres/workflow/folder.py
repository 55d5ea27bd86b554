"""From what a person names, pictures and folders, to the items of a batch and where each result goes.

`photo.jpg` becomes `photo.x2.jpg` beside it, or in the output folder; what comes from a folder keeps its
place below it. A folder is searched all the way down. What is no picture by its name is passed over and
counted, and so are our own earlier results: `photo.x2.jpg` beside `photo.jpg`.
"""

import os
import re
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from anyres.core.errors import AnyresError, InputError
from anyres.core.files import Header, Limits, output_format, read_header
from anyres.core.formats import FORMATS, format_of_suffix
from anyres.operations.operation import OPERATIONS, Operation
from anyres.workflow.addresses import Address, Place, fetch, files_below, is_folder, place_of_text
from anyres.workflow.items import Item, place_text
from anyres.workflow.journal import JOURNAL_NAME
from anyres.workflow.names import RESULT
from anyres.workflow.provenance import SUFFIX
from anyres.workflow.staging import is_staged

_NUMBER = r"\d+(\.\d+)?"
_SIZE_OR_SCALE = re.compile(
    rf"(.+?)\.(x{_NUMBER}(x{_NUMBER})?|\d+x\d+)"
)  # a stem with what was done behind it


@dataclass(frozen=True)
class Plan:
    """The items, and how many files were passed over."""

    items: tuple[Item, ...]
    others: int = 0  # no pictures by their names
    earlier_results: int = 0


@dataclass(frozen=True)
class FoundPicture:
    """A picture that was named, or that stands in a folder that was."""

    place: Place
    below: PurePath  # its folder, relative to the folder that was named; "." for one that was named itself


def plan_items(
    operation: Operation[..., Any],
    places: Sequence[Place],
    *,
    parameters: Mapping[str, object],
    output: str | None = None,
    limits: Limits | None = None,
) -> Plan:
    """Items for pictures and folders, in the order named and by name below a folder.

    Args:
        operation: What will be done; it has one port.
        places: Pictures and folders.
        parameters: For every item.
        output: A folder; or, for a single picture, the name of its result. Beside the inputs if left out.
        limits: On the bytes of an input: a larger one is not even looked at.

    Raises:
        InputError: For a wrong parameter, a name in no format that is written, or folders without a picture.
    """
    checked = operation.check_parameters(parameters)
    (port,) = operation.ports
    target = None if output is None else place_of_text(output)
    found, others, earlier_results = found_pictures(places, target)
    if not found:
        named = ", ".join(str(place) for place in places)
        passed = f" {others} other files and {earlier_results} earlier results are there." if others else ""
        raise InputError(
            f"There is no picture to work on in {named}.{passed} Name a picture, or another folder."
        )
    if output is not None and target is not None and _is_file_name(output, places):
        output_format(target.name)  # its own sentence about a suffix that is not written
        return Plan((Item({port: places[0]}, {RESULT: target}, parameters),))
    items = []
    for one in found:
        folder = one.place.parent if target is None else target / str(one.below)
        label, suffix = _label_and_suffix(operation, one.place, checked, limits)
        result = folder / f"{one.place.stem}.{label}{suffix}"
        items.append(Item({port: one.place}, {RESULT: result}, parameters))
    return Plan(tuple(items), others, earlier_results)


def found_pictures(
    places: Sequence[Place], output: Place | None, *, results: Collection[str] = ()
) -> tuple[list[FoundPicture], int, int]:
    """Pictures that were named or stand in folders that were; how many others and earlier results do too.

    `output` is passed over where it lies in a folder, and so is what ends in one of `results`:
    photo.large.jpg.
    """
    found: dict[tuple[str, str], FoundPicture] = {}  # by folder and name: a picture named twice is one item

    def add(place: Place, below: PurePath) -> None:
        found.setdefault((place_text(place.parent), place.name), FoundPicture(place, below))

    endings = {*OPERATIONS, *results}
    others = earlier_results = 0
    for place in places:
        if not is_folder(place):
            add(place, PurePath())
            continue
        for folder, below, names in _folders(place, output):
            pictures = [name for name in names if format_of_suffix(Path(name).suffix) and name[0] != "."]
            stems = {Path(name).stem for name in pictures}
            new = [name for name in pictures if not _is_earlier_result(Path(name).stem, stems, endings)]
            others += sum(not _is_own(name) for name in names) - len(pictures)
            earlier_results += len(pictures) - len(new)
            for name in new:
                add(folder / name, below)
    return list(found.values()), others, earlier_results


def _folders(place: Place, output: Place | None) -> Iterator[tuple[Place, PurePath, list[str]]]:
    """A folder and all below it: where each is, where below, and the names of its files."""
    if isinstance(place, Path):
        without = output if isinstance(output, Path) else None
        for folder, names in _folders_below(place, without=without):
            yield folder, folder.relative_to(place), names
        return
    by_folder: dict[Address, list[str]] = {}
    for file in files_below(place):
        by_folder.setdefault(file.parent, []).append(file.name)
    for at, names in by_folder.items():
        below = at.path.relative_to(place.path)
        is_output = (
            isinstance(output, Address) and output != place and output.path in (at.path, *at.path.parents)
        )
        if not is_output and not any(part.startswith(".") for part in below.parts):
            yield at, below, sorted(names)


def _folders_below(folder: Path, *, without: Path | None) -> Iterator[tuple[Path, list[str]]]:
    """A folder and all below it, with their files; not hidden ones, nor the one that results go to."""
    left_out = None if without is None or place_text(without) == place_text(folder) else place_text(without)
    for place, folders, names in os.walk(folder):
        here = Path(place)
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and place_text(here / name) != left_out
        )
        yield here, sorted(names)


def _is_earlier_result(stem: str, stems: set[str], endings: Collection[str]) -> bool:
    """Whether a picture's name is that of another beside it with what was done behind it."""
    enlarged = _SIZE_OR_SCALE.fullmatch(stem)
    source, _, name = stem.rpartition(".")
    return (enlarged is not None and enlarged[1] in stems) or (name in endings and source in stems)


def _is_own(name: str) -> bool:
    """Whether a file is no picture because it is of ours: a journal, a record, something in work."""
    return name == JOURNAL_NAME or name.endswith(SUFFIX) or is_staged(name)


def _is_file_name(output: str, places: Sequence[Place]) -> bool:
    ends_like_a_folder = output.endswith(("/", os.sep)) or not Path(output).suffix
    if len(places) != 1 or ends_like_a_folder:
        return False
    return not is_folder(places[0]) and not is_folder(place_of_text(output))


def _label_and_suffix(
    operation: Operation[..., Any], place: Place, parameters: Any, limits: Limits | None
) -> tuple[str, str]:
    try:
        header = _header(place, limits)
    except (AnyresError, UnicodeEncodeError):  # the item will say why it fails, whatever its output is called
        return operation.name, place.suffix
    size_hw = operation.output_size_hw([header.size_hw], parameters)
    assert size_hw is not None, f"{operation.name} gives no picture"
    family = FORMATS[header.format]
    suffix = place.suffix if place.suffix.lower() in family.suffixes else family.suffixes[0]
    return operation.label(size_hw, parameters), suffix


def _header(place: Place, limits: Limits | None) -> Header:
    """The header of a picture; what is elsewhere comes here for it."""
    if isinstance(place, Path):
        return read_header(place, limits=limits)
    with tempfile.TemporaryDirectory(prefix="anyres-") as folder:
        copy = Path(folder) / f"copy{place.suffix}"
        fetch(place, copy, limits=limits or Limits())
        return read_header(copy, limits=limits)
