"""From what a person asks for to a size in pixels: a factor, one side, or width by height.

Two orders, and one rule to keep them apart: Python's tuples are (height, width), as arrays are; text is width
first and joined by an x, as everybody writes a size: "1200x800", and "1.5x2" for a scale per axis.
All arithmetic is on fractions of the decimal that was typed: 1.005 x 100 pixels is a true half and goes up.
"""

import math
import re
import reprlib
from bisect import bisect_right
from fractions import Fraction
from numbers import Integral
from typing import Literal, TypeGuard, get_args

from anyres.core.errors import InputError

SizeHW = tuple[int, int]
Scale = float | tuple[float, float]
Fit = Literal["inside", "cover", "stretch"]

LARGEST_SCALE = 100.0  # a scale beyond it is a slip of the keyboard: 100 x 100 pixels for each one
TARGETS = ("scale", "width", "height", "longest", "shortest", "size")


def target_size_hw(
    size_hw: SizeHW,
    *,
    scale: Scale | None = None,
    width: int | None = None,
    height: int | None = None,
    longest: int | None = None,
    shortest: int | None = None,
    size: SizeHW | None = None,
    fit: Fit = "inside",
) -> SizeHW:
    """(height, width) in pixels of the result, at least 1 each; halves are rounded up.

    Exactly one of the targets is named. `scale` is a factor or a (y, x) pair of factors; a side keeps the
    aspect; `size` is (height, width) and `fit` says how: "inside" keeps the aspect and stays within it,
    "cover" keeps the aspect, covers it and is then cut to it, "stretch" takes it as it is.

    Raises InputError when no target, or more than one, is named, when `fit` is named without `size`, or when
    a value is out of its range.
    """
    enlarged_hw = enlarged_size_hw(
        size_hw,
        scale=scale,
        width=width,
        height=height,
        longest=longest,
        shortest=shortest,
        size=size,
        fit=fit,
    )
    return parse_size(size) if size is not None and fit == "cover" else enlarged_hw


def enlarged_size_hw(
    size_hw: SizeHW,
    *,
    scale: Scale | None = None,
    width: int | None = None,
    height: int | None = None,
    longest: int | None = None,
    shortest: int | None = None,
    size: SizeHW | None = None,
    fit: Fit = "inside",
) -> SizeHW:
    """(height, width) to which the whole picture is enlarged: `target_size_hw` before the cut of fit "cover".

    Raises InputError as `target_size_hw` does.
    """
    given = {
        "scale": scale,
        "width": width,
        "height": height,
        "longest": longest,
        "shortest": shortest,
        "size": size,
    }
    name = _only_target({key: value for key, value in given.items() if value is not None}, fit)
    if name == "scale":
        factors = parse_scale(scale)
        scale_y, scale_x = factors if isinstance(factors, tuple) else (factors, factors)
        return _scaled(size_hw, _exact(scale_y), _exact(scale_x))
    if name == "size":
        return _fitted(size_hw, parse_size(size), fit)
    side = _checked_side(name, given[name])
    reference = {
        "width": size_hw[1],
        "height": size_hw[0],
        "longest": max(size_hw),
        "shortest": min(size_hw),
    }[name]
    factor = Fraction(side, reference)
    return _scaled(size_hw, factor, factor)


def parse_scale(value: object) -> Scale:
    """A factor, or a (y, x) pair of factors, from a number, a pair, or text: "1.7", or "1.5x2" (width first).

    A pair of equal factors comes back as one factor. Raises InputError when it is not a number above 0 and at
    most `LARGEST_SCALE`.
    """
    if isinstance(value, str):
        texts = re.split(r"[x×]", value.strip().lower())
        factors = [_number(text, value) for text in reversed(texts)]
    elif isinstance(value, (tuple, list)):
        factors = [_number(part, value) for part in value]
    else:
        factors = [_number(value, value)]
    in_range = all(0 < factor <= LARGEST_SCALE for factor in factors)  # not so for NaN
    if len(factors) not in (1, 2) or not in_range:
        raise _scale_error(value)
    return factors[0] if len(set(factors)) == 1 else (factors[0], factors[1])


def parse_size(value: object) -> SizeHW:
    """(height, width) from such a pair, or from text with the width first: "1200x800".

    Raises InputError when it is not two whole numbers of at least 1.
    """
    pair: object = value
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(\d+)\s*[x×]\s*(\d+)\s*", value.lower())
        pair = (int(match[2]), int(match[1])) if match else None
    if isinstance(pair, (tuple, list)) and len(pair) == 2:
        height, width = pair
        if _is_whole(height) and _is_whole(width) and height >= 1 and width >= 1:
            return int(height), int(width)
    raise InputError(
        "A size is WIDTHxHEIGHT in whole pixels, for example 1200x800 (in Python also (height, width)); "
        f"{reprlib.repr(value)} was given."
    )


def size_text(size_hw: SizeHW) -> str:
    """The size as people write it, width first: "1200x800"."""
    return f"{size_hw[1]}x{size_hw[0]}"


def scale_text(scale: Scale) -> str:
    """The scale as people write it, horizontal first: "2", "1.7", "1.5x2"."""
    factors = scale[::-1] if isinstance(scale, tuple) else (scale,)
    return "x".join(f"{factor:g}" if float(f"{factor:g}") == factor else repr(factor) for factor in factors)


def largest_scale(size_hw: SizeHW, *, most_pixels: int) -> float:
    """The largest factor, in hundredths, that keeps a picture within so many pixels; 0.0 if there is none."""

    def pixels(hundredths: int) -> int:
        height, width = _scaled(size_hw, Fraction(hundredths, 100), Fraction(hundredths, 100))
        return height * width

    return bisect_right(range(1, round(100 * LARGEST_SCALE) + 1), most_pixels, key=pixels) / 100


def _only_target(given: dict[str, object], fit: str) -> str:
    names = ", ".join(TARGETS)
    if len(given) != 1:
        seen = " and ".join(f"{name}={value!r}" for name, value in given.items()) or "nothing"
        hint = " Width and height together are size." if {"width", "height"} <= set(given) else ""
        raise InputError(f"Name the target in exactly one way ({names}); {seen} was given.{hint}")
    if fit not in get_args(Fit):
        raise InputError(f"fit is one of {', '.join(get_args(Fit))}; {fit!r} was given.")
    if fit != "inside" and "size" not in given:
        raise InputError(
            f"fit {fit!r} says how to fill a size, and none was given: name one, for example 1200x800."
        )
    return next(iter(given))


def _fitted(size_hw: SizeHW, box_hw: SizeHW, fit: Fit) -> SizeHW:
    if fit == "stretch":
        return box_hw
    factors = Fraction(box_hw[0], size_hw[0]), Fraction(box_hw[1], size_hw[1])
    factor = min(factors) if fit == "inside" else max(factors)
    return _scaled(size_hw, factor, factor)


def _scaled(size_hw: SizeHW, scale_y: Fraction, scale_x: Fraction) -> SizeHW:
    height, width = (
        max(1, math.floor(side * factor + Fraction(1, 2)))
        for side, factor in zip(size_hw, (scale_y, scale_x), strict=True)
    )
    return height, width


def _exact(factor: float) -> Fraction:
    return Fraction(repr(float(factor)))


def _checked_side(name: str, value: object) -> int:
    if not _is_whole(value) or value < 1:
        raise InputError(f"{name} is a whole number of pixels, at least 1; {reprlib.repr(value)} was given.")
    return int(value)


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _number(part: object, whole: object) -> float:
    try:
        if isinstance(part, str) or (hasattr(part, "__float__") and not isinstance(part, bool)):
            return float(part)
    except (ValueError, OverflowError):
        pass  # text that is no number, or an endless one: said below, with all else that is no scale
    raise _scale_error(whole)


def _scale_error(value: object) -> InputError:
    return InputError(
        f"A scale is a number above 0 and at most {LARGEST_SCALE:g}, for example 1.7, or 1.5x2 (horizontal x "
        f"vertical; in Python also (y, x)); {reprlib.repr(value)} was given."
    )
