"""A fundus photograph made ready for finding keypoints: its field of view, and green with even contrast.

After SuperRetina, ECCV 2022, https://arxiv.org/abs/2207.07932: green, stretch, CLAHE of 8 x 8 tiles with
clip limit 2, gamma 1/1.2. Departs from it: the stretch goes by percentiles inside the field of view and not
by the two extreme pixels; what lies outside is filled with the colours at the rim, so that the rim is no
edge; all this happens at the working size, which keeps the picture's shape.
Axes: h w the working size. Positions are x, y in pixels of the original picture, pixel centres at whole
numbers.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from jaxtyping import Bool, Float32, Float64, UInt8

from anyres.core.image import Image
from anyres.core.sizes import SizeHW
from anyres.models.retina.opencv import cv2

WORKING_SIDE: Final = (
    1024  # pixels of the longer side; a vessel of 10 micrometres is still a pixel wide there
)
SMALLEST_SIDE: Final = 64  # pixels of the shorter side, under which no vessel is seen
RIM_SHARE: Final = 0.02  # of the field's diameter, in which nothing is looked for
_DARK: Final = 0.15  # a surround that is brighter than this is none
_LEAST_CONTRAST: Final = 0.02  # of green inside the field; less is a wall, or a closed shutter
_SMALLEST_FIELD: Final = 0.05  # of the picture


@dataclass(frozen=True, eq=False)
class Prepared:
    """A photograph at working size. `defect` says in a sentence why nothing can be found in it, if so."""

    picture: UInt8[np.ndarray, "h w"]  # green, of even contrast
    field: Bool[np.ndarray, "h w"]  # where the retina is seen
    size_hw: SizeHW  # of the original
    defect: str | None = None

    @property
    def to_original(self) -> Float64[np.ndarray, "3 3"]:
        """The matrix from positions at working size to positions in the original."""
        return between_sizes(self.picture.shape[:2], self.size_hw)

    def in_original(self, positions: Float64[np.ndarray, "n 2"]) -> Float64[np.ndarray, "n 2"]:
        """Positions in the original of positions at working size."""
        matrix = self.to_original
        return np.asarray(positions @ matrix[:2, :2].T + matrix[:2, 2])

    def at_work(self, positions: Float64[np.ndarray, "n 2"]) -> Float64[np.ndarray, "n 2"]:
        """Positions at working size of positions in the original."""
        matrix = np.linalg.inv(self.to_original)
        return np.asarray(positions @ matrix[:2, :2].T + matrix[:2, 2])

    @cached_property
    def outline(self) -> Float64[np.ndarray, "n 2"]:
        """The corners of the field's hull in the original; none if there is no field."""
        if not self.field.any():
            return np.zeros((0, 2))
        hull = cv2.convexHull(cv2.findNonZero(self.field.astype(np.uint8)))
        return self.in_original(hull.reshape(-1, 2).astype(np.float64))

    @cached_property
    def diameter(self) -> float:
        """Longer side of the box around the field, in pixels of the original."""
        return float(np.ptp(self.outline, axis=0).max()) if len(self.outline) else 0.0

    @cached_property
    def inner_field(self) -> Bool[np.ndarray, "h w"]:
        """The field without its rim, and without the border of the picture."""
        radius = max(2, round(RIM_SHARE * max(self.picture.shape)))
        return shrink(self.field, radius)


def prepare(image: Image, *, side: int = WORKING_SIDE) -> Prepared:
    """A photograph, colour or grey and of any depth, at a working size of at most `side` pixels a side.

    A picture that shows nothing raises no error: the defect is said in the result.
    """
    ratio = min(1.0, side / max(image.size_hw))
    height, width = (max(1, round(length * ratio)) for length in image.size_hw)
    small = cv2.resize(image.pixels, (width, height), interpolation=cv2.INTER_AREA)
    field = find_field(small.max(axis=2))
    green = np.ascontiguousarray(small[:, :, 1])
    defect = _defect(green, field, image.size_hw)
    picture = np.zeros((height, width), np.uint8) if defect else enhance(green, field)
    return Prepared(picture, field, image.size_hw, defect)


def between_sizes(size_hw: SizeHW, other_hw: SizeHW) -> Float64[np.ndarray, "3 3"]:
    """The matrix from positions in a picture to those in the same picture at another size."""
    across, down = (other_hw[axis] / size_hw[axis] for axis in (1, 0))
    return np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1]])


def find_field(brightness: Float32[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Where the retina is seen: the hull of what is brighter than a dark surround, or all without one.

    A surround is what is as dark as the darkest of the picture's border and hangs together with it. Small
    things that stick out, such as the notch by which cameras mark what is up, are cut off.
    """
    border = np.concatenate([brightness[0], brightness[-1], brightness[:, 0], brightness[:, -1]])
    surround = float(np.percentile(border, 5))
    inside = float(np.percentile(brightness, 75))
    if surround > _DARK or inside - surround < _LEAST_CONTRAST:
        return np.full(brightness.shape, inside - surround >= _LEAST_CONTRAST or inside > _DARK)
    blurred = cv2.GaussianBlur(brightness, (0, 0), 1.0)
    seen = blurred > surround + 0.15 * (inside - surround)  # low: shadows lie at the rim of many fields
    framed = np.pad(seen, 1).astype(np.uint8)  # so that all of the surround hangs together
    _, parts = cv2.connectedComponents(1 - framed, connectivity=4)
    field = parts[1:-1, 1:-1] != parts[0, 0]
    field = _opened(field, round(0.05 * min(brightness.shape)))  # notches are a fortieth of the picture
    return _hull_of_largest(field)


def enhance(green: Float32[np.ndarray, "h w"], field: Bool[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    """Green with even contrast; outside the field the colours of the rim go on."""
    low, high = np.percentile(green[field], (0.5, 99.5))
    stretched = np.clip((green - low) / (high - low), 0, 1).astype(np.float32)
    filled = (np.where(field, stretched, _continued(stretched, field)) * 255).astype(np.uint8)
    even = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply(filled)
    brighter = (255 * (np.arange(256) / 255) ** (1 / 1.2)).astype(np.uint8)
    return np.asarray(brighter[even])


def shrink(field: Bool[np.ndarray, "h w"], radius: int) -> Bool[np.ndarray, "h w"]:
    """A field without what is nearer than `radius` pixels to its rim or to the border of the picture."""
    framed = np.pad(field, 1).astype(np.uint8)
    distance = cv2.distanceTransform(framed, cv2.DIST_L2, 5)[1:-1, 1:-1]
    return np.asarray(distance > radius)


def _continued(
    green: Float32[np.ndarray, "h w"], field: Bool[np.ndarray, "h w"]
) -> Float32[np.ndarray, "h w"]:
    inside = field.astype(np.float32)
    reach = max(2.0, max(green.shape) / 40)
    weight = cv2.GaussianBlur(inside, (0, 0), reach)
    near = cv2.GaussianBlur(green * inside, (0, 0), reach) / np.maximum(weight, 1e-6)
    share = np.clip(weight * 100, 0, 1)  # farther away the mean of all takes over
    return np.asarray(share * near + (1 - share) * green[field].mean(), np.float32)


def _defect(green: Float32[np.ndarray, "h w"], field: Bool[np.ndarray, "h w"], size_hw: SizeHW) -> str | None:
    if min(green.shape) < SMALLEST_SIDE:
        return (
            f"is {size_hw[1]} x {size_hw[0]} pixels, and in fewer than {SMALLEST_SIDE} no vessels are seen."
        )
    if field.mean() < _SMALLEST_FIELD:
        return "is black, or shows a retina in less than a twentieth of its area."
    if np.ptp(np.percentile(green[field], (0.5, 99.5))) < _LEAST_CONTRAST:
        return "has no contrast in its green channel."
    return None


def _opened(field: Bool[np.ndarray, "h w"], radius: int) -> Bool[np.ndarray, "h w"]:
    """The field without what is narrower than twice the radius; not eaten at the border of the picture."""
    framed = np.pad(field, radius + 1, mode="edge")
    core = cv2.distanceTransform(framed.astype(np.uint8), cv2.DIST_L2, 5) > radius
    grown = cv2.distanceTransform(1 - core.astype(np.uint8), cv2.DIST_L2, 5) <= radius
    inside = slice(radius + 1, -radius - 1)
    return np.asarray((grown & framed)[inside, inside])


def _hull_of_largest(field: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    count, parts, sizes, _ = cv2.connectedComponentsWithStats(field.astype(np.uint8))
    if count == 1:
        return np.zeros_like(field)
    largest = parts == 1 + int(np.argmax(sizes[1:, cv2.CC_STAT_AREA]))
    points = cv2.findNonZero(largest.astype(np.uint8))
    filled = np.zeros(field.shape, np.uint8)
    cv2.fillConvexPoly(filled, cv2.convexHull(points), 1)
    return filled.astype(bool)
