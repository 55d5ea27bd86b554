"""Render an encoded picture, whole or in part, at any size."""

from typing import Any

from anyres.core.errors import WeightsError
from anyres.core.image import Rows
from anyres.core.results import ContinuousImage
from anyres.core.sizes import Fit, Scale, SizeHW, enlarged_size_hw, target_size_hw
from anyres.core.tiles import Interval, centre
from anyres.operations.crop import BoxHeight, BoxLeft, BoxTop, BoxWidth, box_within
from anyres.operations.operation import Progress, operation
from anyres.operations.targets import (
    AskedFit,
    AskedLongest,
    AskedScaleOrDouble,
    AskedShortest,
    AskedSize,
    named_or_double,
)
from anyres.operations.upscale import Precision, loaded_upscaler


def window_size_hw(
    size_hw: SizeHW,
    *,
    scale: Scale | None,
    longest: int | None,
    shortest: int | None,
    size: SizeHW | None,
    fit: Fit,
    left: int,
    top: int,
    width: int | None,
    height: int | None,
) -> SizeHW:
    """The size rule: that of the box."""
    target = named_or_double(scale=scale, longest=longest, shortest=shortest, size=size)
    whole_hw = target_size_hw(size_hw, fit=fit, **target)
    rows, columns = box_within(whole_hw, left=left, top=top, width=width, height=height)
    return rows.length, columns.length


def weights_of_the_features() -> list[str]:
    """The weights rule: none beside those that the features name."""
    return []


@operation(version="1.0.0", size=window_size_hw, weights=weights_of_the_features)
def render(
    continuous: ContinuousImage,
    *,
    scale: AskedScaleOrDouble = None,
    longest: AskedLongest = None,
    shortest: AskedShortest = None,
    size: AskedSize = None,
    fit: AskedFit = "inside",
    left: BoxLeft = 0,
    top: BoxTop = 0,
    width: BoxWidth = None,
    height: BoxHeight = None,
    progress: Progress | None = None,
) -> Rows:
    """Render an encoded picture, whole or in part, at any size.

    The target is that of the whole picture; left, top, width and height name the part of the result that is
    wanted, in its pixels. Only that part is computed.
    """
    target = named_or_double(scale=scale, longest=longest, shortest=shortest, size=size)
    enlarged_hw = enlarged_size_hw(continuous.size_hw, fit=fit, **target)
    whole_hw = target_size_hw(continuous.size_hw, fit=fit, **target)
    box = box_within(whole_hw, left=left, top=top, width=width, height=height)
    window = None
    if (box[0].length, box[1].length) != enlarged_hw:
        window = tuple(
            _moved(interval, by=centre(enlarged_hw[axis], length=whole_hw[axis]).start)
            for axis, interval in enumerate(box)
        )
    door = _door_of(continuous)
    rows: Rows = door.rows(continuous, enlarged_hw, window=window, progress=progress)
    return rows


def _moved(interval: Interval, *, by: int) -> Interval:
    return Interval(interval.start + by, interval.stop + by)


def _door_of(continuous: ContinuousImage) -> Any:
    """The network that made the features, in their precision."""
    precision: Precision = "bfloat16" if continuous.precision == "bfloat16" else "float32"
    door = loaded_upscaler(continuous.weights, precision)
    if door.weights.sha256 != continuous.weights_sha256:
        raise WeightsError(
            f"The features were made by weights {continuous.weights} with sha256 "
            f"{continuous.weights_sha256[:16]}; those of that name here have {door.weights.sha256[:16]}. "
            "Encode the picture again."
        )
    return door
