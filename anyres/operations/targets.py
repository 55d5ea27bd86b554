"""How a person asks for a size: the parameters that enlarging, resizing and rendering share, and the label.

One of scale, width, height, longest, shortest and size names the target; `core/sizes.py` has the rules.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema

from anyres.core.sizes import (
    LARGEST_SCALE,
    TARGETS,
    Fit,
    Scale,
    SizeHW,
    parse_scale,
    parse_size,
    scale_text,
    size_text,
)

DEFAULT_SCALE = 2.0  # of what enlarges, where no target is named


@dataclass(frozen=True)
class MeantUnnamed:
    """Marks a parameter as the target that is meant where none is named, with the value that is meant."""

    value: object


_FACTOR = {"type": "number", "exclusiveMinimum": 0, "maximum": LARGEST_SCALE}
_PAIR = {"type": "array", "minItems": 2, "maxItems": 2}
_SCALE_SCHEMA = {"anyOf": [_FACTOR, {"type": "string", "format": "scale"}, {**_PAIR, "items": _FACTOR}]}
_SIZE_TEXT = {"type": "string", "format": "width x height", "pattern": r"^\s*\d+\s*[xX×]\s*\d+\s*$"}
_SIZE_SCHEMA = {"anyOf": [_SIZE_TEXT, {**_PAIR, "items": {"type": "integer", "minimum": 1}}]}
_FACTORS = "Factor, whole or not: 2, 1.7; or one per axis, horizontal x vertical: 1.5x2."
_ScaleValue = Annotated[Scale, BeforeValidator(parse_scale), WithJsonSchema(_SCALE_SCHEMA)]
_Side = Annotated[int, Field(ge=1, json_schema_extra={"format": "pixels"})]

AskedScale = Annotated[_ScaleValue | None, Field(description=_FACTORS)]
AskedScaleOrDouble = Annotated[
    _ScaleValue | None,
    Field(description=f"{_FACTORS} {DEFAULT_SCALE:g} if no target is named."),
    MeantUnnamed(DEFAULT_SCALE),
]
AskedWidth = Annotated[_Side | None, Field(description="Width of the result; the aspect is kept.")]
AskedHeight = Annotated[_Side | None, Field(description="Height of the result; the aspect is kept.")]
AskedLongest = Annotated[_Side | None, Field(description="Longest side of the result; the aspect is kept.")]
AskedShortest = Annotated[_Side | None, Field(description="Shortest side of the result; the aspect is kept.")]
AskedSize = Annotated[
    Annotated[SizeHW, BeforeValidator(parse_size), WithJsonSchema(_SIZE_SCHEMA)] | None,
    Field(description="Size of the result, width x height: 1200x800. See fit."),
]
AskedFit = Annotated[
    Fit,
    Field(
        description="How a size is filled. inside: aspect kept, within it. cover: aspect kept; what hangs "
        "over is cut off evenly. stretch: exactly it, whatever the aspect."
    ),
]


def named_or_double(**named: Any) -> dict[str, Any]:
    """The target that was named; a scale of two where none was."""
    return {name: value for name, value in named.items() if value is not None} or {"scale": DEFAULT_SCALE}


def named_parameters(checked: BaseModel) -> dict[str, Any]:
    """Validated parameters as JSON, but for what is meant without a word: equal work has equal ones.

    Defaults are left out, and so is the target that is meant where none is named.
    """
    named = checked.model_dump(mode="json", exclude_defaults=True)
    targets = [name for name in TARGETS if name in named]
    if len(targets) == 1:
        (target,) = targets
        marks = type(checked).model_fields[target].metadata
        if MeantUnnamed(named[target]) in [one for one in marks if isinstance(one, MeantUnnamed)]:
            del named[target]
    return named


def said_by_scale_or_size(
    output_hw: SizeHW,
    *,
    scale: Scale | None,
    width: int | None,
    height: int | None,
    longest: int | None,
    shortest: int | None,
    size: SizeHW | None,
) -> str:
    """The label rule: "x1.7" where a factor was asked for, "1200x800" where a size was."""
    target = named_or_double(
        scale=scale, width=width, height=height, longest=longest, shortest=shortest, size=size
    )
    return "x" + scale_text(target["scale"]) if "scale" in target else size_text(output_hw)
