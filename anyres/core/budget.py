"""Does a result fit the memory or the disk? Asked before the work, and refused with the largest that does.

The figures that the machine gives (`free_disk_bytes`, and `core.device.free_memory_bytes`) are arguments
here, so that the decision itself is a pure function of numbers.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anyres.core.errors import LimitError
from anyres.core.sizes import LARGEST_SCALE, SizeHW, largest_scale, size_text, target_size_hw

DISK_SHARE = 0.95  # of what is free: a disk filled to the last byte stops other programs
MEMORY_SHARE = 0.8  # of what is free: the network's own tiles need a part, and so do other programs
LONGER_FORMATS = "; .tif and .png hold more"


def check_fits(
    input_hw: SizeHW,
    output_hw: SizeHW,
    *,
    bytes_per_pixel: int,
    free_bytes: int,
    place: str,
    has_scale: bool = True,
) -> None:
    """Refuse a result that needs more than the free bytes of a place.

    Args:
        input_hw: (height, width) in pixels of what is enlarged; the largest scale is a factor of it.
        output_hw: (height, width) in pixels of the result.
        bytes_per_pixel: what a pixel of the result takes in that place, its temporary copies included.
        free_bytes: what may be used of it.
        place: how the place is called in the message: "memory", "the disk of /home/me".
        has_scale: whether a smaller scale is the way out.

    Raises:
        LimitError: naming what is needed, what is free and the largest scale that fits.
    """
    needed_bytes = output_hw[0] * output_hw[1] * bytes_per_pixel
    if needed_bytes <= free_bytes:
        return
    scale = largest_scale(input_hw, most_pixels=max(0, free_bytes) // bytes_per_pixel)
    way_out = "Not even a single pixel fits; free some space."
    if not has_scale:
        way_out = "Ask for a smaller result."
    elif scale > 0:
        largest_hw = target_size_hw(input_hw, scale=scale)
        way_out = f"The largest scale that fits is {scale:g} ({size_text(largest_hw)})."
    raise LimitError(
        f"A result of {size_text(output_hw)} pixels needs {bytes_text(needed_bytes)} of {place}, and "
        f"{bytes_text(free_bytes)} can be used. {way_out}"
    )


def check_side(
    input_hw: SizeHW, output_hw: SizeHW, *, longest_side: int, suffix: str, has_scale: bool = True
) -> None:
    """Refuse a result with a side longer than its file format can say.

    Args:
        input_hw: (height, width) in pixels of what is enlarged; the largest scale is a factor of it.
        output_hw: (height, width) in pixels of the result.
        longest_side: that the format can say.
        suffix: of the file.
        has_scale: whether a smaller scale is the way out.

    Raises:
        LimitError: naming the side, the format's longest, and the largest scale that fits.
    """
    if max(output_hw) <= longest_side:
        return
    scale = min(LARGEST_SCALE, 100 * longest_side // max(input_hw) / 100)
    way_out = f"The largest scale that fits is {scale:g}" if has_scale else "Ask for a smaller result"
    sentence = side_sentence(output_hw, longest_side=longest_side, suffix=suffix)
    raise LimitError(f"{sentence} {way_out}{LONGER_FORMATS}.")


def side_sentence(output_hw: SizeHW, *, longest_side: int, suffix: str) -> str:
    """That a side is longer than a format can say."""
    return (
        f"A result of {size_text(output_hw)} pixels cannot be written as {suffix}, whose sides have at most "
        f"{longest_side} pixels."
    )


@contextmanager
def memory_as_limit(*, operation: str) -> Iterator[None]:
    """Inside it, memory that runs out is a LimitError, whoever asked for it."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        from anyres.core.device import is_out_of_memory  # loads torch, which --help does without

        if not is_out_of_memory(error):
            raise
        raise LimitError(
            f"Memory ran out in {operation} ({str(error) or type(error).__name__}). Close other programs, "
            "or ask for a smaller result."
        ) from error


def bytes_per_pixel_in_memory(*, has_alpha: bool) -> int:
    """Bytes a pixel takes in a float picture that is held whole."""
    return 4 * (3 + has_alpha)


def free_disk_bytes(folder: Path) -> int:
    """Bytes that may be used on the disk of a folder, which need not be there yet."""
    folder = folder.absolute()
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    return int(DISK_SHARE * shutil.disk_usage(existing).free)


def bytes_text(size_bytes: int) -> str:
    """A number of bytes as people say it: "812 bytes", "3.2 GB"."""
    size = float(max(0, size_bytes))
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
