"""What finds keypoints, by the name that a user gives: a classical detector, or weights of a network."""

from collections.abc import Callable
from typing import Final

from anyres.core.errors import InputError
from anyres.models.retina.sift import Detector, OrbDetector, SiftDetector

CLASSICAL: Final[dict[str, Callable[[], Detector]]] = {
    "rootsift": SiftDetector,
    "sift": lambda: SiftDetector(is_root=False),
    "orb": OrbDetector,
}
DEFAULT: Final = "rootsift"


def load_detector(name: str = DEFAULT) -> Detector:
    """The detector of that name; InputError lists the names there are."""
    if name not in CLASSICAL:
        raise InputError(f"There is no engine {name!r}; there are: {', '.join(CLASSICAL)}.")
    return CLASSICAL[name]()
