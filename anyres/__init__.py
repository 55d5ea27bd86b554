"""anyres: vision at any resolution.

    from anyres import Image, upscale

    upscale(Image.open("photo.jpg"), scale=2.5).save("photo.x2.5.jpg")

The names are loaded when they are first used; none of them loads torch before there is a picture to work on.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anyres.advisor.ask import ask
    from anyres.core.errors import AnyresError, InputError, LimitError, RunError, WeightsError
    from anyres.core.files import Limits
    from anyres.core.image import Image
    from anyres.operations.upscale import upscale

__all__ = [
    "AnyresError",
    "Image",
    "InputError",
    "LimitError",
    "Limits",
    "RunError",
    "WeightsError",
    "ask",
    "upscale",
]

_HOMES = {
    "Image": "anyres.core.image",
    "Limits": "anyres.core.files",
    "ask": "anyres.advisor.ask",
    "upscale": "anyres.operations.upscale",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'anyres' has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "anyres.core.errors")), name)


def __dir__() -> list[str]:
    return sorted(__all__)
