import reprlib
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyres.core.errors import InputError
from anyres.core.sizes import (
    Scale,
    enlarged_size_hw,
    largest_scale,
    parse_scale,
    parse_size,
    scale_text,
    size_text,
    target_size_hw,
)

sides = st.integers(1, 5000)


@pytest.mark.parametrize(
    ("target", "expected_hw"),
    [
        ({"scale": 2.0}, (400, 600)),
        ({"scale": 1.7}, (340, 510)),
        ({"scale": (2.0, 1.5)}, (400, 450)),
        ({"width": 450}, (300, 450)),
        ({"height": 300}, (300, 450)),
        ({"longest": 600}, (400, 600)),
        ({"shortest": 600}, (600, 900)),
        ({"size": (500, 600)}, (400, 600)),
        ({"size": (500, 600), "fit": "cover"}, (500, 600)),
        ({"size": (500, 600), "fit": "stretch"}, (500, 600)),
    ],
)
def test_each_way_of_naming_a_target_gives_its_size(
    target: dict[str, object], expected_hw: tuple[int, int]
) -> None:
    assert target_size_hw((200, 300), **target) == expected_hw  # type: ignore[arg-type]


def test_halves_are_rounded_up_in_the_decimals_that_were_typed() -> None:
    assert target_size_hw((5, 3), scale=1.5) == (8, 5)
    assert 1.005 * 100 < 100.5  # binary arithmetic would round this one down
    assert target_size_hw((100, 1), scale=1.005) == (101, 1)


def test_no_side_is_ever_less_than_one_pixel() -> None:
    assert target_size_hw((1000, 3), height=2) == (2, 1)
    assert target_size_hw((1, 1), scale=0.01) == (1, 1)


@given(height=sides, width=sides, box_height=sides, box_width=sides)
def test_inside_stays_within_the_box_and_touches_it(
    height: int, width: int, box_height: int, box_width: int
) -> None:
    got_hw = target_size_hw((height, width), size=(box_height, box_width), fit="inside")
    assert got_hw[0] <= box_height
    assert got_hw[1] <= box_width
    assert got_hw[0] == box_height or got_hw[1] == box_width


@given(height=sides, width=sides, box_height=sides, box_width=sides)
def test_cover_enlarges_until_the_box_is_covered(
    height: int, width: int, box_height: int, box_width: int
) -> None:
    got_hw = enlarged_size_hw((height, width), size=(box_height, box_width), fit="cover")
    assert got_hw[0] >= box_height
    assert got_hw[1] >= box_width
    assert got_hw[0] == box_height or got_hw[1] == box_width


@given(height=sides, width=sides, side=sides)
def test_a_named_side_is_met_exactly(height: int, width: int, side: int) -> None:
    assert target_size_hw((height, width), width=side)[1] == side
    assert max(target_size_hw((height, width), longest=side)) == side
    shorter = target_size_hw((height, width), shortest=side)
    assert (shorter[0] if height <= width else shorter[1]) == side


def test_naming_no_target_is_refused() -> None:
    with pytest.raises(InputError, match=r"exactly one way .*nothing was given"):
        target_size_hw((10, 10))


def test_naming_width_and_height_points_to_size() -> None:
    with pytest.raises(
        InputError, match=r"width=20 and height=30 was given\. Width and height together are size"
    ):
        target_size_hw((10, 10), width=20, height=30)


def test_a_fit_without_a_size_is_refused() -> None:
    with pytest.raises(InputError, match="fit 'cover' says how to fill a size"):
        target_size_hw((10, 10), scale=2.0, fit="cover")


@pytest.mark.parametrize("side", ["width", "height", "longest", "shortest"])
def test_a_side_below_one_pixel_is_refused(side: str) -> None:
    with pytest.raises(InputError, match=f"{side} is a whole number of pixels, at least 1; 0 was given"):
        target_size_hw((10, 10), **{side: 0})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "scale"),
    [
        (2, 2.0),
        (1.7, 1.7),
        ("1.7", 1.7),
        (" 3 ", 3.0),
        ("1.5x2", (2.0, 1.5)),
        ("1.5×2", (2.0, 1.5)),
        ((2, 1.5), (2.0, 1.5)),
        ([2, 1.5], (2.0, 1.5)),
        ("2x2", 2.0),
    ],
)
def test_a_scale_is_text_with_the_width_first_or_a_tuple_with_the_height_first(
    value: object, scale: Scale
) -> None:
    assert parse_scale(value) == scale


@pytest.mark.parametrize(
    "value",
    [
        *(0, -1, float("nan"), float("inf"), 1e9, 10**400, True, None),
        *("two", "", "nan", "0", "-1", "1e9", "2x0", "2x", "1x2x3"),
        *((), (1, 2, 3), [2, None], {}),
    ],
)
def test_a_scale_that_is_none_is_refused_with_the_value_seen(value: object) -> None:
    with pytest.raises(InputError, match="above 0 and at most 100") as refusal:
        parse_scale(value)
    assert reprlib.repr(value) in str(refusal.value)


def test_a_size_is_text_with_the_width_first_or_a_tuple_with_the_height_first() -> None:
    assert parse_size("1200x800") == (800, 1200)
    assert parse_size((800, 1200)) == (800, 1200)
    assert parse_size([800, 1200]) == (800, 1200)


@pytest.mark.parametrize(
    "value", ["1200", "0x5", "5x0", "ax5", "-1x5", "1.5x2", (1,), (1.5, 2), (True, 2), None]
)
def test_a_size_that_is_none_is_refused_with_the_value_seen(value: object) -> None:
    with pytest.raises(InputError, match="WIDTHxHEIGHT") as refusal:
        parse_size(value)
    assert reprlib.repr(value) in str(refusal.value)


def test_what_is_written_is_read_back_as_the_same() -> None:
    for scale in (2.0, 1.7, 1.2345678, 100.0, (2.0, 1.5)):
        assert parse_scale(scale_text(scale)) == scale
    assert (scale_text(2.0), scale_text(1.7), scale_text((2.0, 1.5))) == ("2", "1.7", "1.5x2")
    assert parse_size(size_text((800, 1200))) == (800, 1200)


@given(height=sides, width=sides, most_pixels=st.integers(1, 10**10))
def test_the_largest_scale_fits_and_one_hundredth_more_does_not(
    height: int, width: int, most_pixels: int
) -> None:
    def pixels(scale: Fraction) -> int:
        rows, columns = (max(1, int(side * scale + Fraction(1, 2))) for side in (height, width))
        return rows * columns

    hundredths = round(largest_scale((height, width), most_pixels=most_pixels) * 100)
    assert hundredths == 0 or pixels(Fraction(hundredths, 100)) <= most_pixels
    assert hundredths == 10_000 or pixels(Fraction(hundredths + 1, 100)) > most_pixels
