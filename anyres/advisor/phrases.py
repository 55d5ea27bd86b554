"""The fixed words of an answer, in English and Korean, from `phrases.toml`."""

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Phrases:
    """All fixed words of one language."""

    parts: tuple[str, ...]  # titles of the three parts
    roles: Mapping[str, str]
    types: Mapping[str, str]  # what flows: "Image + Mask" in words
    attributes: Mapping[str, str]  # what may be asked of a model
    words: Mapping[str, str]  # templates and labels


def phrases(language: str) -> Phrases:
    """The fixed words of a language."""
    raw = _raw()[language]
    return Phrases(tuple(raw["parts"]), raw["roles"], raw["types"], raw["attributes"], raw["words"])


@functools.cache
def _raw() -> Mapping[str, Any]:
    return tomllib.loads((Path(__file__).parent / "phrases.toml").read_text(encoding="utf-8"))
