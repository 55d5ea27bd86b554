"""Put a picture into a file of a format."""

import os
import tempfile
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from anyres.core.errors import RunError
from anyres.core.files import write_image
from anyres.core.formats import FORMATS
from anyres.core.image import Image
from anyres.core.results import PictureFile
from anyres.operations.load import same_size_hw
from anyres.operations.operation import operation

FormatName = Annotated[
    Literal["png", "jpeg", "webp", "tiff", "bmp", "avif"], Field(description="Format of the file.")
]
Strip = Annotated[bool, Field(description="Leave colour profile, EXIF, XMP and DPI out of the file.")]


@operation(version="1.0.0", size=same_size_hw)
def save(image: Image, *, format: FormatName = "png", strip: Strip = False) -> PictureFile:
    """Put a picture into a file of a format, with the depth, profile and metadata that it came with.

    The file is a temporary one, which is removed when its value is no longer used.
    """
    try:
        handle, name = tempfile.mkstemp(prefix="anyres-", suffix=FORMATS[format].suffixes[0])
    except OSError as error:
        raise RunError(
            f"No file can be made in {tempfile.gettempdir()} ({error.strerror}). Free some space there, or "
            "name another folder in TMPDIR."
        ) from error
    os.close(handle)
    path = Path(name)
    try:
        notices = write_image(image, path, overwrite=True, strip=strip)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return PictureFile(
        path, image.size_hw, format, is_temporary=True, notices=tuple(dict.fromkeys(image.notices + notices))
    )
