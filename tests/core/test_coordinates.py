import math
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from anyres.core.coordinates import neighbours

SIZES = {"size_in": st.integers(1, 40), "size_out": st.integers(1, 120)}


def position(k: int, size_in: int, size_out: int) -> Fraction:
    """Where output pixel k has its centre, in input pixels."""
    return (k + Fraction(1, 2)) * Fraction(size_in, size_out) - Fraction(1, 2)


@given(**SIZES)
def test_neighbours_are_those_of_exact_arithmetic(size_in: int, size_out: int) -> None:
    table = neighbours(size_in, size_out)
    for k in range(size_out):
        p = position(k, size_in, size_out)
        lower = math.floor(p)
        share = p - lower
        for place, (unclamped, weight) in enumerate(((lower, 1 - share), (lower + 1, share))):
            index = min(max(unclamped, 0), size_in - 1)
            assert table.indices[place, k] == index
            assert table.offsets[place, k] == np.float32(p - index)
            assert table.weights[place, k] == np.float32(weight)


@given(**SIZES)
def test_the_two_weights_add_up_to_one(size_in: int, size_out: int) -> None:
    weights = neighbours(size_in, size_out).weights
    np.testing.assert_allclose(weights.sum(axis=0), 1, atol=1e-7)
    assert weights.min() >= 0


@given(**SIZES, cut=st.floats(0, 1))
def test_a_part_of_an_axis_is_the_part_of_the_whole(size_in: int, size_out: int, cut: float) -> None:
    start = int(cut * size_out)
    whole, part = neighbours(size_in, size_out), neighbours(size_in, size_out, start=start)
    for name in ("indices", "offsets", "weights"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[:, start:])


def test_a_tie_goes_up_as_published() -> None:  # x3: the middle output pixel sits on an input pixel
    table = neighbours(4, 12)
    assert table.indices[:, 4].tolist() == [1, 2]
    assert table.weights[:, 4].tolist() == [1.0, 0.0]


def test_a_very_wide_axis_is_exact() -> None:  # float32 could not tell these neighbours apart
    table = neighbours(2**24 + 1, 3 * (2**24 + 1), start=3 * 2**24, stop=3 * 2**24 + 1)
    assert table.indices[:, 0].tolist() == [2**24 - 1, 2**24]
    np.testing.assert_allclose(table.offsets[:, 0], [2 / 3, -1 / 3], rtol=1e-6)


def test_the_last_output_pixel_of_a_doubling_leans_outwards() -> None:  # the golden numbers
    table = neighbours(2, 4)
    assert table.indices.tolist() == [[0, 0, 0, 1], [0, 1, 1, 1]]
    assert table.offsets.tolist() == [[-0.25, 0.25, 0.75, 0.25], [-0.25, -0.75, -0.25, 0.25]]
    assert table.weights.tolist() == [[0.25, 0.75, 0.25, 0.75], [0.75, 0.25, 0.75, 0.25]]
