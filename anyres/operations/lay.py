"""Lay a picture on another by their alignment, or both in one picture to judge it by."""

from typing import Annotated, Literal

from pydantic import Field

from anyres.core.alignment import Alignment
from anyres.core.errors import InputError
from anyres.core.image import Image
from anyres.core.sizes import SizeHW, size_text
from anyres.operations.operation import operation

View = Annotated[
    Literal["registered", "overlay", "checkerboard", "difference"],
    Field(
        description="registered: the moving picture as the fixed camera would have seen it. overlay: the "
        "fixed one green, the moving one red; what lies on its like is yellow. checkerboard: tiles of both "
        "in turn. difference: grey where both are alike."
    ),
]
Force = Annotated[bool, Field(description="Also by an alignment that failed.")]


def size_of_aligned(fixed_hw: SizeHW, moving_hw: SizeHW, alignment_hw: SizeHW) -> SizeHW:
    """The size rule: that of the picture that stays; InputError if the alignment is of another one."""
    if fixed_hw != alignment_hw:
        raise InputError(
            f"The alignment is of a fixed picture of {size_text(alignment_hw)} pixels; this one has "
            f"{size_text(fixed_hw)}. Lay the pictures that were registered, in their order."
        )
    return fixed_hw


def named_by_view(_size_hw: SizeHW, *, view: str) -> str:
    """The label rule."""
    return view


@operation(version="1.0.0", size=size_of_aligned, label=named_by_view)
def lay(
    fixed: Image, moving: Image, alignment: Alignment, *, view: View = "registered", force: Force = False
) -> Image:
    """Lay a picture on another by their alignment, or both in one picture to judge it by.

    Refused where the alignment failed, so that nobody takes the result for one; low confidence is said in a
    notice.
    """
    from anyres.models.retina.inference import laid, transform_of  # loads OpenCV
    from anyres.models.retina.pictures import checkerboard, difference, overlay

    size_of_aligned(fixed.size_hw, moving.size_hw, alignment.size_hw)
    if moving.size_hw != alignment.moving_hw:
        raise InputError(
            f"The alignment is of a moving picture of {size_text(alignment.moving_hw)} pixels; this one has "
            f"{size_text(moving.size_hw)}. Lay the pictures that were registered, in their order."
        )
    transform = transform_of(alignment)
    reasons = " ".join(alignment.reasons)
    if transform is None or (alignment.status == "failed" and not force):
        way_out = "" if transform is None else " Give force to lay the pictures all the same."
        raise InputError(f"The pictures cannot be laid on each other. {reasons}{way_out}")
    found = laid(moving, transform, fixed.size_hw)
    views = {"overlay": overlay, "checkerboard": checkerboard, "difference": difference}
    made = views[view](fixed, found) if view in views else found
    if alignment.status == "ok":
        return made
    said = f"The alignment is not to be trusted: {alignment.status.replace('_', ' ')}, probability "
    notice = f"{said}{alignment.probability:.2f}. {reasons}"
    return Image(
        pixels=made.pixels, alpha=made.alpha, encoding=made.encoding, notices=(*made.notices, notice)
    )
