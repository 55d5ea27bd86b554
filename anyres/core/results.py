"""What flows between operations beside an `Image`: features of a picture, a picture file, named figures.

Axes: c channels, h rows, w columns. Features are those of one network, at the picture's own size; values of
bfloat16 are held as their 16 bits, since NumPy has no such type. Loads no torch.
"""

import math
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from jaxtyping import Shaped

from anyres.core.errors import InputError
from anyres.core.formats import Format
from anyres.core.image import Image
from anyres.core.sizes import SizeHW

if TYPE_CHECKING:
    from anyres.core.files import Limits

FEATURE_TYPES: Final[dict[str, "np.dtype[Any]"]] = {  # by precision
    "float32": np.dtype(np.float32),
    "bfloat16": np.dtype(np.uint16),
}
Table = tuple[tuple[float, ...], ...]
_NO_NUMBERS: Final = {"infinity": math.inf, "-infinity": -math.inf, "not a number": math.nan}


@dataclass(frozen=True, eq=False)
class ContinuousImage:
    """A picture as a function of place: its features, and what is needed to render any part at any size.

    The arrays are taken, not copied, where they are contiguous already; leave them alone afterwards.

    Raises:
        InputError: Features of another size than the picture, or stored otherwise than the precision says.
    """

    image: Image  # the picture itself: its colours are added to the network's, its alpha and encoding stay
    features: tuple[Shaped[np.ndarray, "c h w"], ...]  # of the colours; then of the transparency, if any
    weights: str  # name of the weights that made the features, and that render them
    weights_sha256: str
    precision: str  # "float32", or "bfloat16": then the features are uint16, the bits of the values
    trained_scales: tuple[float, float]  # smallest and largest factor seen in training

    def __post_init__(self) -> None:
        """Check the features and make them contiguous and read-only."""
        kind = FEATURE_TYPES.get(self.precision)
        if kind is None:
            known = " or ".join(FEATURE_TYPES)
            raise InputError(f"Features are {known}, not {self.precision!r}. Encode the picture again.")
        if len(self.features) not in (1, 2):
            raise InputError(
                f"Features are of the colours, and of the transparency if there is any; {len(self.features)} "
                "arrays were given. Encode the picture again."
            )
        object.__setattr__(self, "features", tuple(self._checked(one, kind) for one in self.features))

    @property
    def size_hw(self) -> SizeHW:
        """Rows and columns of the picture."""
        return self.image.size_hw

    def _checked(
        self, values: Shaped[np.ndarray, "c h w"], kind: "np.dtype[Any]"
    ) -> Shaped[np.ndarray, "c h w"]:
        if values.ndim != 3 or values.shape[1:] != self.size_hw or values.dtype != kind:
            shape = " x ".join(str(length) for length in values.shape)
            raise InputError(
                f"Features of {self.precision} are channels x {self.size_hw[0]} x {self.size_hw[1]} of "
                f"{kind}; these are {shape} of {values.dtype}. Encode the picture again."
            )
        kept = np.ascontiguousarray(values).view()
        kept.flags.writeable = False
        return kept


@dataclass(frozen=True, eq=False)
class PictureFile:
    """A whole picture file on the disk, which nobody changes; a temporary one goes with its value."""

    path: Path
    size_hw: SizeHW  # upright
    format: Format
    is_temporary: bool = False  # the file is removed when this value is no longer used
    notices: tuple[str, ...] = ()  # what the format could not keep, a sentence each

    def __post_init__(self) -> None:
        """Tie a temporary file to this value."""
        if self.is_temporary:
            weakref.finalize(self, self.path.unlink, missing_ok=True)

    @classmethod
    def at(cls, path: str | Path, *, limits: "Limits | None" = None) -> "PictureFile":
        """The picture file that is there; its header says size and format. Default limits if none are given.

        Raises:
            InputError: Nothing there, no picture, or several in one file.
            LimitError: More bytes or pixels than the limits allow.
        """
        from anyres.core.files import Limits, check_header, read_header

        limits = limits or Limits()
        header = read_header(path, limits=limits)
        check_header(Path(path), header, limits)
        return cls(Path(path), header.size_hw, header.format)


@dataclass(frozen=True)
class Report:
    """Named figures, and what else is to be said. A figure may be infinite: the PSNR of equal pictures is."""

    title: str
    figures: Mapping[str, float]  # each name says its unit: "psnr_db"
    words: Mapping[str, str] = field(default_factory=dict)  # named as figures are: "status": "ok"
    notes: tuple[str, ...] = ()  # plain sentences
    tables: Mapping[str, Table] = field(default_factory=dict)  # rows of numbers: a matrix

    def __post_init__(self) -> None:
        """Keep copies that cannot be changed."""
        for name in ("figures", "words", "tables"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def __hash__(self) -> int:
        """Of all that it says."""
        named = (self.figures, self.words, self.tables)
        return hash((self.title, self.notes, *(tuple(one.items()) for one in named)))

    def as_json(self) -> dict[str, object]:
        """As JSON has it, without what is empty; what is no finite number is text: "infinity"."""
        figures = {name: _plain(value) for name, value in self.figures.items()}
        tables = {name: [[_plain(one) for one in row] for row in rows] for name, rows in self.tables.items()}
        more = {"words": dict(self.words), "notes": list(self.notes), "tables": tables}
        return {"title": self.title, "figures": figures, **{name: one for name, one in more.items() if one}}

    @classmethod
    def from_json(cls, content: object) -> "Report":
        """The report that `as_json` wrote; InputError where it is none."""
        try:
            assert isinstance(content, Mapping)
            figures = {str(name): _figure(value) for name, value in content["figures"].items()}
            words = {str(name): str(word) for name, word in content.get("words", {}).items()}
            notes = tuple(str(note) for note in content.get("notes", ()))
            tables = {str(name): _table(rows) for name, rows in content.get("tables", {}).items()}
            return cls(str(content["title"]), figures, words, notes, tables)
        except (AssertionError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"A report has a title and named figures; {content!r:.100} is none. Make it again."
            ) from error


def _table(rows: object) -> Table:
    assert isinstance(rows, list | tuple)
    return tuple(tuple(_figure(value) for value in row) for row in rows)


def figure_text(value: float) -> str:
    """A figure as people read it: six digits, or "infinity"."""
    plain = _plain(value)
    return plain if isinstance(plain, str) else f"{plain:.6g}"


def _plain(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "not a number" if math.isnan(value) else "infinity" if value > 0 else "-infinity"


def _figure(value: object) -> float:
    if isinstance(value, str):
        return _NO_NUMBERS[value]
    assert isinstance(value, int | float)
    return float(value)
