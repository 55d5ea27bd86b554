"""What finds keypoints, by the name that a user gives: a classical detector, or weights of a network."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from anyres.core.errors import InputError, WeightsError
from anyres.core.weights import read_header
from anyres.models.catalog import weights_paths
from anyres.models.retina.combined import SEPARATOR, CombinedDetector
from anyres.models.retina.sift import Detector, OrbDetector, SiftDetector

CLASSICAL: Final[dict[str, Callable[[], Detector]]] = {
    "rootsift": SiftDetector,
    "sift": lambda: SiftDetector(is_root=False),
    "orb": OrbDetector,
}
DEFAULT: Final = "rootsift+retina-compact"


def load_detector(name: str = DEFAULT) -> Detector:
    """The detector of that name: a classical one, a network's weights, or several of them with + between.

    Raises:
        InputError: if there is none of that name; it lists the names there are.
        WeightsError: if the weights are damaged, or of another model.
    """
    names = name.split(SEPARATOR)
    if len(names) == 1:
        return _one(name)
    return CombinedDetector(tuple(_one(each.strip()) for each in names))


def weights_of(name: str) -> list[Path]:
    """Files of the networks that an engine of that name runs."""
    parts = [one.strip() for one in name.split(SEPARATOR)]
    paths = weights_paths()
    return [paths[one] for one in parts if one not in CLASSICAL and one in paths]


def _one(name: str) -> Detector:
    if name in CLASSICAL:
        return CLASSICAL[name]()
    paths = weights_paths()
    if name not in paths:
        ours = [one for one, path in paths.items() if _is_ours(path)]
        known = ", ".join((*CLASSICAL, *ours))
        raise InputError(f"There is no engine {name!r}; there are: {known}, and two with + between.")
    from anyres.models.retina.network_detector import NetworkDetector  # loads torch

    return NetworkDetector.load(paths[name])


def _is_ours(path: Path) -> bool:
    try:
        return read_header(path).model == "retina"
    except WeightsError:
        return False
