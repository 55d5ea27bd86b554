"""Find how one photograph of an eye lies on another."""

import functools
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from anyres.core.alignment import Alignment
from anyres.core.image import Image
from anyres.core.sizes import SizeHW
from anyres.core.weights import file_sha256
from anyres.operations.operation import operation

if TYPE_CHECKING:
    from anyres.models.retina.inference import Registrar

DEFAULT_ENGINE = "rootsift+retina-compact"

Engine = Annotated[
    str,
    Field(
        description="What finds places: rootsift, sift, orb, weights of a retina network, or several with +.",
        json_schema_extra={"examples": [DEFAULT_ENGINE, "rootsift", "sift", "orb", "retina-compact"]},
    ),
]
MapModel = Annotated[
    Literal["auto", "homography", "affine", "quadratic"],
    Field(description="Kind of the map. auto: as the places justify."),
]


def size_of_fixed(fixed_hw: SizeHW, moving_hw: SizeHW) -> SizeHW:
    """The size rule: that of the picture that stays."""
    return fixed_hw


def networks_that_run(*, engine: str) -> list[str]:
    """The weights rule: sha256 of the networks' files; none for what is no network."""
    from anyres.models.retina.engines import weights_of  # loads OpenCV

    return [file_sha256(path) for path in weights_of(engine)]


@operation(version="1.0.0", size=size_of_fixed, weights=networks_that_run)
def register(
    fixed: Image, moving: Image, *, engine: Engine = DEFAULT_ENGINE, model: MapModel = "auto"
) -> Alignment:
    """Find how one photograph of an eye lies on another, and how far to trust it.

    The map goes from the moving to the fixed picture. What the pictures show is never an error: then the
    status is failed, and reasons say why. Research software, not a medical device.
    """
    return _registrar(engine, tuple(networks_that_run(engine=engine)))(fixed, moving, model=model).alignment


@functools.lru_cache(maxsize=2)
def _registrar(engine: str, _weights: tuple[str, ...]) -> "Registrar":
    """A loaded engine, kept for the next pair; other content under the same name is loaded anew."""
    from anyres.models.retina.inference import Registrar

    return Registrar.of(engine)
