"""The formats of an answer."""

from typing import Final

FORMATS: Final = ("text", "markdown", "json", "html")
