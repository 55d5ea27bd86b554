from pathlib import Path

import pytest

from anyres.core.budget import bytes_per_pixel_in_memory, bytes_text, check_fits, check_side, free_disk_bytes
from anyres.core.errors import LimitError


def test_a_result_that_just_fits_is_let_through() -> None:
    check_fits((10, 10), (20, 20), bytes_per_pixel=6, free_bytes=2400, place="memory")


def test_one_byte_too_few_is_refused_with_the_largest_scale_that_fits() -> None:
    with pytest.raises(LimitError) as refusal:
        check_fits((10, 10), (20, 20), bytes_per_pixel=6, free_bytes=2399, place="the disk of here")
    assert str(refusal.value) == (
        "A result of 20x20 pixels needs 2.4 kB of the disk of here, and 2.4 kB can be used. "
        "The largest scale that fits is 1.94 (19x19)."
    )


def test_the_scale_that_is_named_does_fit() -> None:
    check_fits((10, 10), (19, 19), bytes_per_pixel=6, free_bytes=2399, place="memory")


def test_a_full_disk_says_that_nothing_fits() -> None:
    with pytest.raises(LimitError, match="free some space"):
        check_fits((10, 10), (20, 20), bytes_per_pixel=6, free_bytes=0, place="memory")


def test_a_side_that_the_format_cannot_say_is_refused_with_the_largest_scale_that_fits() -> None:
    check_side((100, 3000), (500, 15_000), longest_side=16_383, suffix=".webp")
    with pytest.raises(LimitError, match=r"18000x600 .*\.webp.* 16383 pixels.* scale that fits is 5\.46;"):
        check_side((100, 3000), (600, 18_000), longest_side=16_383, suffix=".webp")


def test_a_float_picture_takes_four_bytes_a_channel() -> None:
    assert bytes_per_pixel_in_memory(has_alpha=False) == 12
    assert bytes_per_pixel_in_memory(has_alpha=True) == 16


def test_the_disk_of_a_folder_to_come_is_that_of_its_parent(tmp_path: Path) -> None:
    assert free_disk_bytes(tmp_path / "a" / "b") > 0


def test_bytes_are_said_in_the_unit_that_fits() -> None:
    assert [bytes_text(size) for size in (812, 3200, 3_200_000, 3_200_000_000, 3_200_000_000_000)] == [
        "812 bytes",
        "3.2 kB",
        "3.2 MB",
        "3.2 GB",
        "3.2 TB",
    ]
