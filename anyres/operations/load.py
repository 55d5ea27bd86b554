"""Read a picture file."""

import math

from anyres.core.files import Limits, read_image
from anyres.core.image import Image
from anyres.core.results import PictureFile
from anyres.core.sizes import SizeHW
from anyres.operations.operation import operation


def same_size_hw(size_hw: SizeHW) -> SizeHW:
    """The size rule: that of what is given."""
    return size_hw


@operation(version="1.0.0", size=same_size_hw)
def load(file: PictureFile) -> Image:
    """Read a picture file: upright, with its alpha, depth, profile and metadata.

    Its bytes and pixels were held against the limits of whoever named it, when it became a PictureFile.
    """
    return read_image(file.path, limits=Limits(math.inf, math.inf))
