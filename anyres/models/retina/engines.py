"""What finds keypoints, by the name that a user gives: a classical detector, or weights of a network."""

from typing import Final

from anyres.core.errors import InputError
from anyres.models.retina.sift import Detector, classical_detector

CLASSICAL: Final = ("rootsift", "sift", "orb")
DEFAULT: Final = "rootsift"


def load_detector(name: str = DEFAULT) -> Detector:
    """The detector of that name; InputError lists the names there are."""
    if name == "rootsift" or name == "sift" or name == "orb":
        return classical_detector(name)
    raise InputError(f"There is no engine {name!r}; there are: {', '.join(CLASSICAL)}.")
