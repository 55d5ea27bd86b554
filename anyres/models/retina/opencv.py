"""OpenCV, by the one name that this folder imports it under, or a sentence that says how to get it.

Modules that import this one are loaded when a picture is to be registered, and not before.
"""

from anyres.core.errors import InputError

try:
    import cv2 as cv2
except ImportError as error:
    raise InputError(
        "Registering retinas needs OpenCV, which is not installed. Install it: pip install 'anyres[retina]'."
    ) from error
