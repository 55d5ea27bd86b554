"""Several detectors as one: the keypoints of all, of which only those of one kind can match each other.

Ours. RootSIFT finds many places and places them well; a network still finds some where noise and haze have
taken SIFT's.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from anyres.core.errors import InputError
from anyres.models.retina.matching import Keypoints
from anyres.models.retina.preparing import Prepared
from anyres.models.retina.sift import Detector

SEPARATOR: Final = "+"  # between names of engines


@dataclass(frozen=True)
class CombinedDetector:
    """Detectors whose descriptors are floats; InputError for others."""

    detectors: tuple[Detector, ...]

    @property
    def name(self) -> str:
        """The names of all."""
        return SEPARATOR.join(one.name for one in self.detectors)

    @property
    def ratio(self) -> float:
        """The strictest of theirs."""
        return min(one.ratio for one in self.detectors)

    def __call__(self, prepared: Prepared) -> Keypoints:
        """The keypoints of all detectors."""
        found = [detector(prepared) for detector in self.detectors]
        width = max(one.descriptors.shape[1] for one in found)
        for detector, one in zip(self.detectors, found, strict=True):
            if one.descriptors.dtype != np.float32:
                raise InputError(
                    f"{detector.name} describes places by bits, and cannot be combined with others by "
                    f"{SEPARATOR!r}. Name it alone."
                )
        filled = [np.pad(one.descriptors, ((0, 0), (0, width - one.descriptors.shape[1]))) for one in found]
        return Keypoints(
            np.concatenate([one.positions for one in found]),
            np.concatenate([one.scores for one in found]),
            np.concatenate(filled),
            np.repeat(np.arange(len(found)), [len(one) for one in found]),
        )
