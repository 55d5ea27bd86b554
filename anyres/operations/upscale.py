"""Enlarge a picture to any size. The model is the catalogue's; this file only says what is asked of it."""

import functools
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from anyres.core.image import Image, Rows
from anyres.core.sizes import (
    LARGEST_SCALE,
    Fit,
    Scale,
    SizeHW,
    enlarged_size_hw,
    parse_scale,
    parse_size,
    scale_text,
    size_text,
    target_size_hw,
)
from anyres.core.tiles import centre
from anyres.core.weights import file_sha256
from anyres.models.catalog import CATALOG, find_weights, load_door
from anyres.operations.operation import Progress, operation

DEFAULT_SCALE = 2.0
DEFAULT_MODEL = "liif-compact"

_FACTOR = {"type": "number", "exclusiveMinimum": 0, "maximum": LARGEST_SCALE}
_PAIR = {"type": "array", "minItems": 2, "maxItems": 2}
_SCALE_SCHEMA = {"anyOf": [_FACTOR, {"type": "string", "format": "scale"}, {**_PAIR, "items": _FACTOR}]}
_SIZE_TEXT = {"type": "string", "format": "width x height", "pattern": r"^\s*\d+\s*[xX×]\s*\d+\s*$"}
_SIZE_SCHEMA = {"anyOf": [_SIZE_TEXT, {**_PAIR, "items": {"type": "integer", "minimum": 1}}]}
_Side = Annotated[int, Field(ge=1, json_schema_extra={"format": "pixels"})]

AskedScale = Annotated[
    Annotated[Scale, BeforeValidator(parse_scale), WithJsonSchema(_SCALE_SCHEMA)] | None,
    Field(
        description="Factor, whole or not: 2, 1.7; or one per axis, horizontal x vertical: 1.5x2. "
        f"{DEFAULT_SCALE:g} if no target is named."
    ),
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
WeightsName = Annotated[
    str,
    Field(
        description="Weights to use.",
        json_schema_extra={"format": "weights", "examples": [*chain(*(row.weights for row in CATALOG))]},
    ),
]
Precision = Annotated[
    Literal["auto", "float32", "bfloat16"],
    Field(description="Arithmetic. auto: bfloat16 where this machine does it fast."),
]


def enlarged_to(
    size_hw: SizeHW,
    *,
    scale: Scale | None,
    width: int | None,
    height: int | None,
    longest: int | None,
    shortest: int | None,
    size: SizeHW | None,
    fit: Fit,
) -> SizeHW:
    """The size rule: (height, width) of the result."""
    target = _target(scale=scale, width=width, height=height, longest=longest, shortest=shortest, size=size)
    return target_size_hw(size_hw, fit=fit, **target)


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
    target = _target(scale=scale, width=width, height=height, longest=longest, shortest=shortest, size=size)
    return "x" + scale_text(target["scale"]) if "scale" in target else size_text(output_hw)


def weights_that_run(*, model: str) -> list[str]:
    """The weights rule: sha256 of the named file."""
    return [file_sha256(find_weights(model).path)]


@operation(version="1.0.0", size=enlarged_to, label=said_by_scale_or_size, weights=weights_that_run)
def upscale(
    image: Image,
    *,
    scale: AskedScale = None,
    width: AskedWidth = None,
    height: AskedHeight = None,
    longest: AskedLongest = None,
    shortest: AskedShortest = None,
    size: AskedSize = None,
    fit: AskedFit = "inside",
    model: WeightsName = DEFAULT_MODEL,
    precision: Precision = "auto",
    progress: Progress | None = None,
) -> Rows:
    """Enlarge a picture to any size, whole factor or not.

    Faithful, not generative: no face or letter is invented. Alpha, bit depth, colour profile and metadata
    stay. Name the target in one way: a scale, a side or a size; nothing named is a scale of 2.
    """
    target = _target(scale=scale, width=width, height=height, longest=longest, shortest=shortest, size=size)
    enlarged_hw = enlarged_size_hw(image.size_hw, fit=fit, **target)
    size_hw = target_size_hw(image.size_hw, fit=fit, **target)
    window = None
    if size_hw != enlarged_hw:
        window = centre(enlarged_hw[0], length=size_hw[0]), centre(enlarged_hw[1], length=size_hw[1])
    rows: Rows = _loaded(model, precision).rows(image, enlarged_hw, window=window, progress=progress)
    return rows


def _target(**named: Any) -> dict[str, Any]:
    return {name: value for name, value in named.items() if value is not None} or {"scale": DEFAULT_SCALE}


def _loaded(model: str, precision: Precision) -> Any:
    weights = find_weights(model)
    return _upscaler(weights.model.inference, weights.path, file_sha256(weights.path), precision)


@functools.lru_cache(maxsize=2)
def _upscaler(door: str, path: Path, _sha256: str, precision: Precision) -> Any:
    """A loaded model, kept for the next picture; other content under the same name is loaded anew."""
    return load_door(door).load(path, precision=precision)
