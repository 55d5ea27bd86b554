"""Enlarge a picture to any size. The model is the catalogue's; this file only says what is asked of it."""

import functools
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from anyres.core.errors import InputError
from anyres.core.image import Image, Rows
from anyres.core.sizes import Fit, Scale, SizeHW, enlarged_size_hw, target_size_hw
from anyres.core.tiles import centre
from anyres.core.weights import file_sha256
from anyres.models.catalog import find_model, find_weights, load_door
from anyres.operations.operation import Progress, operation
from anyres.operations.targets import (
    AskedFit,
    AskedHeight,
    AskedLongest,
    AskedScaleOrDouble,
    AskedShortest,
    AskedSize,
    AskedWidth,
    named_or_double,
    said_by_scale_or_size,
)

MODEL = "liif"  # row of the catalogue whose weights enlarge
DEFAULT_MODEL = "liif-compact"

WeightsName = Annotated[
    str,
    Field(
        description="Weights to use.",
        json_schema_extra={"format": "weights", "examples": [*find_model(MODEL).weights]},
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
    target = named_or_double(
        scale=scale, width=width, height=height, longest=longest, shortest=shortest, size=size
    )
    return target_size_hw(size_hw, fit=fit, **target)


def weights_that_run(*, model: str) -> list[str]:
    """The weights rule: sha256 of the named file."""
    return [file_sha256(find_weights(model).path)]


@operation(version="1.0.0", size=enlarged_to, label=said_by_scale_or_size, weights=weights_that_run)
def upscale(
    image: Image,
    *,
    scale: AskedScaleOrDouble = None,
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
    target = named_or_double(
        scale=scale, width=width, height=height, longest=longest, shortest=shortest, size=size
    )
    enlarged_hw = enlarged_size_hw(image.size_hw, fit=fit, **target)
    size_hw = target_size_hw(image.size_hw, fit=fit, **target)
    window = None
    if size_hw != enlarged_hw:
        window = centre(enlarged_hw[0], length=size_hw[0]), centre(enlarged_hw[1], length=size_hw[1])
    rows: Rows = loaded_upscaler(model, precision).rows(image, enlarged_hw, window=window, progress=progress)
    return rows


def loaded_upscaler(model: str, precision: Precision) -> Any:
    """The door of these weights, loaded; kept for the next picture."""
    weights = find_weights(model)
    if weights.model.name != MODEL:
        raise InputError(
            f"{model!r} are weights of {weights.model.name}, to {weights.model.task}. "
            f"Enlarging takes weights of {MODEL}, such as {DEFAULT_MODEL}."
        )
    return _upscaler(weights.model.inference, weights.path, file_sha256(weights.path), precision)


@functools.lru_cache(maxsize=2)
def _upscaler(door: str, path: Path, _sha256: str, precision: Precision) -> Any:
    """A loaded model, kept for the next picture; other content under the same name is loaded anew."""
    return load_door(door).load(path, precision=precision)
