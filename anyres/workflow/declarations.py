"""Declared inputs of a workflow: its pictures and its parameters, each with type, range and meaning."""

import math
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import AfterValidator, ConfigDict, Field, StrictFloat, StrictStr

from anyres.workflow.names import checked_line

InputType = Literal[
    "Image",
    "list[Image]",
    "PictureFile",
    "list[PictureFile]",
    "ContinuousImage",
    "number",
    "integer",
    "text",
    "boolean",
    "choice",
]
"""What flows through wires into a workflow, then what is a parameter of it: a scalar."""

Scalar = float | int | str | bool
MAX_TEXT = 10_000  # letters of a scalar of type text
MAX_CHOICES = 500
_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}

_Choices = Annotated[
    tuple[Annotated[StrictStr, AfterValidator(checked_line)], ...], Field(max_length=MAX_CHOICES)
]


@dataclass(frozen=True)
class InputDeclaration:
    """What may be given to a workflow under one name; without a default it must be."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    type: InputType
    description: StrictStr = ""
    default: Any = None  # of a scalar; None: there is none
    minimum: StrictFloat | None = None  # of a number or an integer
    maximum: StrictFloat | None = None
    choices: _Choices = ()

    def __post_init__(self) -> None:
        if self.type not in ("number", "integer") and (self.minimum, self.maximum) != (None, None):
            raise ValueError(f"minimum and maximum are of numbers; the type is {self.type}")
        if (self.type == "choice") != bool(self.choices):
            raise ValueError("choices are of the type choice, which needs one at least")
        if len(set(self.choices)) < len(self.choices):
            twice = next(one for one in self.choices if self.choices.count(one) > 1)
            raise ValueError(f"{reprlib.repr(twice)} is among the choices twice")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"its minimum {self.minimum:g} is above its maximum {self.maximum:g}")
        if self.default is None:
            return
        if not self.is_scalar:
            raise ValueError(f"a default is of scalars; the type is {self.type}")
        if isinstance(self.default, str) and self.type not in ("text", "choice"):
            raise ValueError(f"default is no {self.type}: {self.default!r}")
        self.checked(self.default)

    @property
    def is_scalar(self) -> bool:
        """Whether it is a parameter, and not something that flows through wires."""
        return self.type in _READERS

    @property
    def is_list(self) -> bool:
        """Whether it is a list of what flows."""
        return self.type.startswith("list[")

    @property
    def kind(self) -> str:
        """What flows from it: the kind of a port, without the list."""
        return self.type.removeprefix("list[").removesuffix("]")

    def written(self, value: object) -> Scalar:
        """The value of a scalar as JSON holds it, where text is no number; ValueError as of `checked`."""
        if isinstance(value, str) and self.type not in ("text", "choice"):
            raise ValueError(f"{_article(self.type)} is expected")
        return self.checked(value)

    def checked(self, value: object) -> Scalar:
        """The value of a scalar as its type; text, as a command line gives it, is read.

        Raises ValueError that says what it should be.
        """
        found = _READERS[self.type](value)
        if found is None:
            raise ValueError(f"{_article(self.type)} is expected")
        if self.minimum is not None and float(found) < self.minimum:
            raise ValueError(f"it is {self.minimum:g} at least")
        if self.maximum is not None and float(found) > self.maximum:
            raise ValueError(f"it is {self.maximum:g} at most")
        if self.type == "choice" and found not in self.choices:
            raise ValueError(f"it is one of {', '.join(self.choices)}")
        return found


def _number(value: object) -> float | int | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return value


def _integer(value: object) -> int | None:
    found = _number(value)
    return int(found) if found is not None and found == int(found) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and len(value) <= MAX_TEXT else None


def _boolean(value: object) -> bool | None:
    if isinstance(value, str):
        return _TRUTHS.get(value.strip().lower())
    return value if isinstance(value, bool) else None


_READERS: Mapping[str, Callable[[object], Scalar | None]] = {
    "number": _number,
    "integer": _integer,
    "text": _text,
    "boolean": _boolean,
    "choice": _text,
}
assert set(_READERS) < set(get_args(InputType))


def _article(type_name: str) -> str:
    return f"{'an' if type_name == 'integer' else 'a'} {type_name}"
