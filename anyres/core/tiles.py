"""Pieces of a picture with enough around them: what a network makes of them is what it makes of the whole.

A network whose output pixel sees `halo` pixels on each side gives, in the inside of a piece cut out with that
much around it, exactly the values it gives on the whole picture. Where the picture ends the piece ends too,
so padding happens only there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from anyres.core.errors import InputError


@dataclass(frozen=True)
class Interval:
    """Pixels `start` to `stop` of an axis."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        """How many pixels."""
        return self.stop - self.start

    @property
    def slice(self) -> slice:
        """The same, to index with."""
        return slice(self.start, self.stop)


@dataclass(frozen=True)
class Piece:
    """A stretch of one axis: what it answers for, and what it has to see for that."""

    inner: Interval
    outer: Interval


def pieces(size: int, *, length: int, halo: int, start: int = 0, end: int | None = None) -> Iterator[Piece]:
    """An axis, or its part, in even stretches, none longer than `length`, with `halo` around each."""
    if length < 1 or halo < 0:
        raise InputError(
            f"A tile has at least 1 pixel and a halo of at least 0; these are {length} and {halo}."
        )
    whole = (size if end is None else end) - start
    count = -(-whole // length)
    edges = [start + whole * number // count for number in range(count + 1)]
    for first, stop in pairwise(edges):
        yield Piece(Interval(first, stop), Interval(max(0, first - halo), min(size, stop + halo)))


def output_interval(inner: Interval, *, size_in: int, size_out: int) -> Interval:
    """The output pixels whose centres lie in a stretch of input pixels; no two stretches share one."""

    def first(edge: int) -> int:  # the smallest k with (k + 1/2) size_in / size_out >= edge
        return max(0, -(-(2 * size_out * edge - size_in) // (2 * size_in)))

    return Interval(first(inner.start), size_out if inner.stop == size_in else first(inner.stop))


def input_interval(outputs: Interval, *, size_in: int, size_out: int) -> Interval:
    """The input pixels in which the centres of some output pixels lie; `output_interval` goes back."""

    def under(output: int) -> int:
        return (2 * output + 1) * size_in // (2 * size_out)

    return Interval(under(outputs.start), under(outputs.stop - 1) + 1)


def both(one: Interval, other: Interval) -> Interval:
    """What two intervals share; empty if they share nothing."""
    start = max(one.start, other.start)
    return Interval(start, max(start, min(one.stop, other.stop)))


def centre(size: int, *, length: int) -> Interval:
    """The middle of an axis; an odd rest is left at the end."""
    start = (size - length) // 2
    return Interval(start, start + length)
