"""Figures as a Markdown table, and in a file that says where each comes from."""

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from anyres.core.errors import InputError, RunError
from anyres.core.machine import Provenance, provenance

Cell = str | float | None  # a float is written with the table's digits, None as a dash


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[Cell]], *, digits: int = 2) -> str:
    """A table whose columns line up as plain text too: the first to the left, the others to the right."""
    lines = [list(header), *([_text(cell, digits) for cell in row] for row in rows)]
    assert all(len(line) == len(header) for line in lines), "every row has a cell in every column"
    widths = [max(3, *(len(line[column]) for line in lines)) for column in range(len(header))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(_line(line, widths) for line in [lines[0], rule, *lines[1:]])


def write_figures(
    path: Path, name: str, figures: Mapping[str, Any], *, source: Provenance | None = None
) -> None:
    """Put figures under a name into a JSON file, with their provenance; other names in the file stay.

    Raises:
        InputError: if the file is there and holds something else than figures.
        RunError: if it cannot be written; what was there stays.
    """
    known = read_figures(path) if path.exists() else {}
    known[name] = {**asdict(source or provenance()), "figures": figures}
    temporary = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):  # its folder may be none
            temporary.unlink()
        raise RunError(f"Cannot write figures to {path}: {error.strerror}. Choose another file.") from error


def read_figures(path: Path) -> dict[str, Any]:
    """All figures of a file, by name; InputError if it holds none."""
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as figures: {error}. Give another file.") from error
    if not isinstance(known, dict) or not all(isinstance(one, dict) for one in known.values()):
        raise InputError(f"{path} holds JSON, but no figures by name. Give another file.")
    return known


def _text(cell: Cell, digits: int) -> str:
    if cell is None:
        return "-"
    return f"{cell:.{digits}f}" if isinstance(cell, float) else cell


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(cells, widths, strict=True)
    padded = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
    return "| " + " | ".join(padded) + " |"
