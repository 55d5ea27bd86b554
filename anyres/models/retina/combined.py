"""Several detectors as one: the keypoints of all, of which only those of one kind can match each other.

Ours. A descriptor keeps its own numbers in columns of its own, with a mark beside them by which those of two
detectors are farther apart than any two of one. RootSIFT finds many places and places them well; a network
still finds some where noise and haze have taken SIFT's.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from anyres.core.errors import InputError
from anyres.models.retina.matching import Keypoints
from anyres.models.retina.preparing import Prepared
from anyres.models.retina.sift import Detector

SEPARATOR: Final = "+"  # between names of engines
_APART: Final = 3.0  # of descriptors of length 1, which are 2 apart at most


@dataclass(frozen=True)
class CombinedDetector:
    """Detectors whose descriptors are floats of length 1; InputError for others."""

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
        widths = [one.descriptors.shape[1] for one in found]
        starts = np.cumsum([0, *widths])
        rows = []
        for number, one in enumerate(found):
            if one.descriptors.dtype != np.float32:
                raise InputError(
                    f"{self.detectors[number].name} describes places by bits, and cannot be combined with "
                    f"others by {SEPARATOR!r}. Name it alone."
                )
            wide = np.zeros((len(one), starts[-1] + len(found)), np.float32)
            wide[:, starts[number] : starts[number + 1]] = one.descriptors
            wide[:, starts[-1] + number] = _APART
            rows.append(wide)
        return Keypoints(
            np.concatenate([one.positions for one in found]),
            np.concatenate([one.scores for one in found]),
            np.concatenate(rows),
        )
