"""The door to registration: two photographs of one eye in, the map between them and a verdict out.

The pictures are looked at on a reduced copy, the map is one of the originals' pixels: x, y, pixel centres at
whole numbers, from moving to fixed.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from anyres.core.alignment import Alignment
from anyres.core.image import Image
from anyres.core.sizes import SizeHW
from anyres.models.retina.combined import CombinedDetector
from anyres.models.retina.engines import DEFAULT, load_detector
from anyres.models.retina.network_detector import NetworkDetector
from anyres.models.retina.preparing import Prepared, prepare
from anyres.models.retina.registration import Model, Registration, register
from anyres.models.retina.sift import Detector
from anyres.models.retina.transform import Projective, Quadratic, Transform
from anyres.models.retina.warping import warp


@dataclass(frozen=True, eq=False)
class Registered:
    """Two photographs and what came out."""

    fixed: Image
    moving: Image
    prepared_fixed: Prepared
    result: Registration
    engine: str
    weights_sha256: tuple[str, ...]  # of networks' files

    @cached_property
    def laid(self) -> Image | None:
        """The moving picture as the fixed camera would have seen it, black outside; None without a map.

        Depth, mode, profile and metadata are those of the moving picture.
        """
        transform = self.result.transform
        return None if transform is None else laid(self.moving, transform, self.fixed.size_hw)

    @property
    def alignment(self) -> Alignment:
        """The same without the pictures."""
        found, transform = self.result, self.result.transform
        return Alignment(
            fixed_hw=self.fixed.size_hw,
            moving_hw=self.moving.size_hw,
            status=found.status,
            probability=found.probability,
            reasons=found.reasons,
            matrix=transform.matrix if isinstance(transform, Projective) else None,
            quadratic=transform.coefficients if isinstance(transform, Quadratic) else None,
            moving=found.matches.moving,
            fixed=found.matches.fixed,
            scores=found.matches.scores,
            agree=found.agree,
            engine=self.engine,
            weights_sha256=self.weights_sha256,
        )


def laid(moving: Image, transform: Transform, size_hw: SizeHW) -> Image:
    """A picture as a map lays it, black where it has nothing; its depth, mode, profile and metadata stay."""
    alpha = moving.alpha
    return Image(
        pixels=warp(moving.pixels, transform, size_hw).clip(0, 1),
        alpha=None if alpha is None else warp(alpha, transform, size_hw).clip(0, 1),
        encoding=moving.encoding,
        notices=moving.notices,
    )


def transform_of(alignment: Alignment) -> Transform | None:
    """The map of an alignment; None where there is none."""
    if alignment.quadratic is not None:
        return Quadratic(alignment.quadratic)
    return None if alignment.matrix is None else Projective(alignment.matrix)


class Registrar:
    """Registers photographs with one detector; holds no picture, so threads can share it."""

    def __init__(self, detector: Detector, engine: str) -> None:
        self.detector = detector
        self.engine = engine
        parts = detector.detectors if isinstance(detector, CombinedDetector) else (detector,)
        networks = (part for part in parts if isinstance(part, NetworkDetector))
        self.weights_sha256 = tuple(one.weights_sha256 for one in networks if one.weights_sha256)

    @classmethod
    def of(cls, engine: str = DEFAULT) -> "Registrar":
        """With the engine of a name; see `engines.load_detector` for its errors."""
        return cls(load_detector(engine), engine)

    @classmethod
    def load(cls, path: Path) -> "Registrar":
        """With the network of a weights file; raises WeightsError if it is none."""
        return cls(NetworkDetector.load(path), path.stem)

    def __call__(self, fixed: Image, moving: Image, *, model: Model = "auto") -> Registered:
        """The map from the moving to the fixed photograph, and how far to trust it.

        Never an error for what the pictures show: then the status is `failed` and a reason says it.
        """
        one, other = prepare(fixed), prepare(moving)
        found = register(one, other, self.detector, model=model)
        return Registered(fixed, moving, one, found, self.engine, self.weights_sha256)
