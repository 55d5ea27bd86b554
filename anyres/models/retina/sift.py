"""SIFT, RootSIFT and ORB as OpenCV has them: the classical detectors that a network is measured against.

SIFT: Lowe, IJCV 2004. RootSIFT: Arandjelovic and Zisserman, CVPR 2012: the root of the descriptor divided
by its sum. ORB: Rublee and others, ICCV 2011. All three work on the prepared picture, inside the field of
view.
Axes: n keypoints, d 128 floats, or 32 bytes of ORB. Positions are x, y in pixels of the original picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Shaped

from anyres.models.retina.matching import Keypoints
from anyres.models.retina.opencv import cv2
from anyres.models.retina.preparing import Prepared

_CONTRAST: Final = 0.01  # of SIFT; OpenCV's 0.04 finds few vessels that are thin or out of focus
_EDGE: Final = 15.0  # of SIFT; OpenCV's 10 drops bends of vessels, which lie on edges
_FAST: Final = 5  # of ORB, levels of grey; OpenCV's 20 finds few corners in a retina


@runtime_checkable
class Detector(Protocol):
    """What finds keypoints: a classical one here, or a network."""

    @property
    def name(self) -> str:
        """Of the engine: its probability has coefficients of its own (judging.toml)."""
        ...

    @property
    def ratio(self) -> float:
        """Largest share of the nearest to the second nearest distance of a match."""
        ...

    def __call__(self, prepared: Prepared) -> Keypoints:
        """Keypoints in the field of view of a picture without a defect, positions in the original."""
        ...


@dataclass(frozen=True)
class SiftDetector:
    """SIFT, by default with the root of its descriptors."""

    is_root: bool = True
    count: int = 4000  # keypoints at most, by contrast
    ratio: float = 0.85

    @property
    def name(self) -> str:
        """Of the engine."""
        return "rootsift" if self.is_root else "sift"

    def __call__(self, prepared: Prepared) -> Keypoints:
        """Keypoints of a picture; descriptors of 128 floats."""
        sift = cv2.SIFT.create(
            nfeatures=self.count,
            contrastThreshold=_CONTRAST,
            edgeThreshold=_EDGE,
            enable_precise_upscale=True,  # without it all positions are a quarter of a pixel off
        )
        points, found = sift.detectAndCompute(prepared.picture, prepared.inner_field.astype(np.uint8))
        descriptors = np.asarray(found, np.float32) if points else np.zeros((0, 128), np.float32)
        if self.is_root:
            descriptors = np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-9))
        return _keypoints(points, descriptors, prepared)


@dataclass(frozen=True)
class OrbDetector:
    """ORB: faster, and finds less."""

    count: int = 4000  # keypoints at most, by Harris' measure
    ratio: float = 0.9
    name: str = "orb"

    def __call__(self, prepared: Prepared) -> Keypoints:
        """Keypoints of a picture; descriptors of 256 bits."""
        orb = cv2.ORB.create(nfeatures=self.count, fastThreshold=_FAST)
        points, found = orb.detectAndCompute(prepared.picture, prepared.inner_field.astype(np.uint8))
        descriptors = np.asarray(found, np.uint8) if points else np.zeros((0, 32), np.uint8)
        return _keypoints(points, descriptors, prepared)


def _keypoints(
    points: "Sequence[cv2.KeyPoint]", descriptors: Shaped[np.ndarray, "n d"], prepared: Prepared
) -> Keypoints:
    at_work = np.array([point.pt for point in points], np.float64).reshape(-1, 2)
    scores = np.array([point.response for point in points], np.float32)
    return Keypoints(prepared.in_original(at_work), scores, descriptors)
