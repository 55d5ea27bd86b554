"""From what a person names, pictures and folders, to the items of a batch and where each result goes.

`photo.jpg` becomes `photo.x2.jpg` beside it, or in the output folder; what comes from a folder keeps its
place below it. A folder is searched all the way down. What is no picture by its name is passed over and
counted, and so are our own earlier results: `photo.x2.jpg` beside `photo.jpg`.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyres.core.errors import AnyresError, InputError
from anyres.core.files import Limits, output_format, read_header
from anyres.core.formats import FORMATS, format_of_suffix
from anyres.operations.operation import OPERATIONS, Operation
from anyres.workflow.run import Item, place_of

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
class _Found:
    path: Path
    below: Path  # its folder, relative to the folder that was named; "." for a picture that was named itself


def plan_items(
    operation: Operation[..., Any],
    paths: Sequence[Path],
    *,
    parameters: Mapping[str, object],
    output: str | None = None,
    limits: Limits | None = None,
) -> Plan:
    """Items for pictures and folders, in the order named and by name below a folder.

    Args:
        operation: What will be done; it has one port.
        paths: Pictures and folders.
        parameters: For every item.
        output: A folder; or, for a single picture, the name of its result. Beside the inputs if left out.
        limits: On the bytes of an input: a larger one is not even looked at.

    Raises:
        InputError: For a wrong parameter, a name in no format that is written, or folders without a picture.
    """
    checked = operation.check_parameters(parameters)
    (port,) = operation.ports
    found, others, earlier_results = _found(paths, None if output is None else Path(output))
    if not found:
        named = ", ".join(str(path) for path in paths)
        passed = f" {others} other files and {earlier_results} earlier results are there." if others else ""
        raise InputError(
            f"There is no picture to work on in {named}.{passed} Name a picture, or another folder."
        )
    if output is not None and _is_file_name(output, paths):
        output_format(Path(output))  # its own sentence about a suffix that is not written
        return Plan((Item({port: paths[0]}, Path(output), parameters),))
    items = []
    for one in found:
        folder = one.path.parent if output is None else Path(output) / one.below
        label, suffix = _label_and_suffix(operation, one.path, checked, limits)
        items.append(Item({port: one.path}, folder / f"{one.path.stem}.{label}{suffix}", parameters))
    return Plan(tuple(items), others, earlier_results)


def _found(paths: Sequence[Path], output: Path | None) -> tuple[list[_Found], int, int]:
    found: dict[tuple[str, str], _Found] = {}  # by folder and name: a picture named twice is one item

    def add(path: Path, below: Path) -> None:
        found.setdefault((place_of(path.parent), path.name), _Found(path, below))

    others = earlier_results = 0
    for path in paths:
        if not path.is_dir():
            add(path, Path())
            continue
        for folder, names in _folders_below(path, without=output):
            pictures = [name for name in names if format_of_suffix(Path(name).suffix) and name[0] != "."]
            stems = {Path(name).stem for name in pictures}
            new = [name for name in pictures if not _is_earlier_result(Path(name).stem, stems)]
            others += len(names) - len(pictures)
            earlier_results += len(pictures) - len(new)
            for name in new:
                add(folder / name, folder.relative_to(path))
    return list(found.values()), others, earlier_results


def _folders_below(folder: Path, *, without: Path | None) -> Iterator[tuple[Path, list[str]]]:
    """A folder and all below it, with their files; not hidden ones, nor the one that results go to."""
    left_out = None if without is None or place_of(without) == place_of(folder) else place_of(without)
    for place, folders, names in os.walk(folder):
        here = Path(place)
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and place_of(here / name) != left_out
        )
        yield here, sorted(names)


def _is_earlier_result(stem: str, stems: set[str]) -> bool:
    """Whether a picture's name is that of another beside it with what was done behind it."""
    enlarged = _SIZE_OR_SCALE.fullmatch(stem)
    source, _, name = stem.rpartition(".")
    return (enlarged is not None and enlarged[1] in stems) or (name in OPERATIONS and source in stems)


def _is_file_name(output: str, paths: Sequence[Path]) -> bool:
    ends_like_a_folder = output.endswith(("/", os.sep)) or not Path(output).suffix
    return len(paths) == 1 and not paths[0].is_dir() and not Path(output).is_dir() and not ends_like_a_folder


def _label_and_suffix(
    operation: Operation[..., Any], path: Path, parameters: Any, limits: Limits | None
) -> tuple[str, str]:
    try:
        header = read_header(path, limits=limits)
    except (AnyresError, UnicodeEncodeError):  # the item will say why it fails, whatever its output is called
        return operation.name, path.suffix
    size_hw = operation.output_size_hw([header.size_hw], parameters)
    family = FORMATS[header.format]
    suffix = path.suffix if path.suffix.lower() in family.suffixes else family.suffixes[0]
    return operation.label(size_hw, parameters), suffix
