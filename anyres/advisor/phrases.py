"""The fixed words of an answer, in English and Korean, from `phrases.toml`."""

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final


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


_PARTICLES: Final = {"을(를)": ("을", "를"), "이(가)": ("이", "가"), "은(는)": ("은", "는")}
_DUE: Final = re.compile(r"(?<=[가-힣])(\W{0,2})(을\(를\)|이\(가\)|은\(는\))")


def with_particles(text: str) -> str:
    """Korean with the particle that the syllable before it asks for; after other letters both stay."""

    def chosen(found: re.Match[str]) -> str:
        has_final = (ord(text[found.start() - 1]) - ord("가")) % 28 > 0  # by 28 finals, the first is none
        return found[1] + _PARTICLES[found[2]][0 if has_final else 1]

    return _DUE.sub(chosen, text)
