"""Turns of speech in questions, from `cues.toml`: what else a sentence says beside its task."""

import functools
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

Cue = Literal[
    "recommended",
    "turned_down",
    "unknowable",
    "explaining",
    "sequence",
    "no_pictures",
    "pictures",
    "unsure",
    "shrinking",
    "undoing",
    "models",
]


def cue(name: Cue) -> re.Pattern[str]:
    """The pattern of one kind of turn."""
    return _every()[name]


@functools.cache
def _every() -> Mapping[str, re.Pattern[str]]:
    raw = tomllib.loads((Path(__file__).parent / "cues.toml").read_text(encoding="utf-8"))
    return {name: re.compile("|".join(parts), re.IGNORECASE) for name, parts in raw.items()}
