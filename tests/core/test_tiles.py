import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyres.core.coordinates import neighbours
from anyres.core.errors import InputError
from anyres.core.tiles import Interval, output_interval, pieces


@given(size=st.integers(1, 500), length=st.integers(1, 600), halo=st.integers(0, 80))
def test_pieces_cover_the_axis_once_and_see_their_halo(size: int, length: int, halo: int) -> None:
    made = list(pieces(size, length=length, halo=halo))
    covered = [pixel for piece in made for pixel in range(piece.inner.start, piece.inner.stop)]
    assert covered == list(range(size))
    for piece in made:
        assert 1 <= piece.inner.length <= length
        assert piece.outer.start == max(0, piece.inner.start - halo)
        assert piece.outer.stop == min(size, piece.inner.stop + halo)


@given(size=st.integers(1, 500), length=st.integers(1, 600), share=st.floats(0, 1, exclude_max=True))
def test_pieces_can_start_inside_the_axis_and_still_see_before_it(
    size: int, length: int, share: float
) -> None:
    start = int(share * size)
    made = list(pieces(size, length=length, halo=3, start=start))
    assert made[0].inner.start == start
    assert made[0].outer.start == max(0, start - 3)
    assert sum(piece.inner.length for piece in made) == size - start


@given(size=st.integers(1, 500), length=st.integers(1, 600))
def test_pieces_are_as_even_as_can_be(size: int, length: int) -> None:
    lengths = [piece.inner.length for piece in pieces(size, length=length, halo=0)]
    assert max(lengths) - min(lengths) <= 1
    assert len(lengths) == -(-size // length)


@given(size_in=st.integers(1, 80), size_out=st.integers(1, 300), length=st.integers(1, 90))
def test_output_intervals_of_pieces_cover_the_output_once(size_in: int, size_out: int, length: int) -> None:
    intervals = [
        output_interval(piece.inner, size_in=size_in, size_out=size_out)
        for piece in pieces(size_in, length=length, halo=0)
    ]
    covered = [pixel for interval in intervals for pixel in range(interval.start, interval.stop)]
    assert covered == list(range(size_out))


@given(size_in=st.integers(1, 80), size_out=st.integers(1, 300), length=st.integers(1, 90))
def test_a_halo_of_one_holds_every_neighbour_of_a_piece(size_in: int, size_out: int, length: int) -> None:
    for piece in pieces(size_in, length=length, halo=1):
        interval = output_interval(piece.inner, size_in=size_in, size_out=size_out)
        if interval.length:
            table = neighbours(size_in, size_out, start=interval.start, stop=interval.stop)
            assert table.indices.min() >= piece.outer.start
            assert table.indices.max() < piece.outer.stop


def test_the_centre_of_an_output_pixel_decides_its_piece() -> (
    None
):  # golden: x1.5 of 4 pixels, cut in the middle
    assert output_interval(Interval(0, 2), size_in=4, size_out=6) == Interval(0, 3)
    assert output_interval(Interval(0, 1), size_in=4, size_out=6) == Interval(0, 1)
    assert output_interval(Interval(1, 2), size_in=4, size_out=6) == Interval(1, 3)


def test_an_interval_indexes_what_it_names() -> None:
    assert list(range(10))[Interval(3, 6).slice] == [3, 4, 5]
    assert Interval(3, 6).length == 3


@pytest.mark.parametrize(("length", "halo"), [(0, 4), (8, -1)])
def test_a_tile_without_pixels_or_with_a_negative_halo_is_refused(length: int, halo: int) -> None:
    with pytest.raises(InputError, match="at least"):
        list(pieces(10, length=length, halo=halo))
