"""Cards of papers: what a paper says, in our own words, with the section where that was confirmed.

A claim counts only where a provided source names that paper; in an answer it is labelled as our summary. A
card is a source like any other: each claim is a field, in English and in Korean.
"""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from anyres.advisor.sources import Source, Span

PRINCIPLES: Final = "principles"  # the card of what holds of every result
KOREAN: Final = ".ko"  # behind the id of a claim: the field that holds it in Korean
LIMIT: Final = "limit"  # the claim that says what the method cannot know
TRAINED: Final = "trained_range"  # the claim that says for which factors it was trained


@dataclass(frozen=True)
class Claim:
    """One thing that a paper says."""

    id: str
    section: str | None  # of the paper
    is_checked: bool  # whether the section was read for this claim


@dataclass(frozen=True)
class Card:
    """What we say of one paper."""

    paper: str  # arXiv number
    title: str
    link: str  # to the paper
    github: str | None  # of the authors
    short: str  # what the method is called
    task: str
    trained_factors: tuple[float, float] | None
    claims: tuple[Claim, ...]
    source: Source

    def span(self, claim: str, language: str) -> Span:
        """The words of a claim in a language."""
        return self.source.span(claim + KOREAN if language == "ko" else claim)

    def claim(self, field: str) -> Claim:
        """The claim that a field of its source holds."""
        return next(one for one in self.claims if one.id == field.removesuffix(KOREAN))


def published_field(pictures: str, scale: str) -> str:
    """The field of a card that holds a published PSNR, dB."""
    return f"published {pictures} x{scale}"


@functools.cache
def cards() -> Mapping[str, Card]:
    """All cards by arXiv number."""
    paths = sorted((Path(__file__).parent / "cards").glob("*.json"))
    made = [_card(json.loads(path.read_text(encoding="utf-8"))) for path in paths if path.stem != PRINCIPLES]
    return {card.paper: card for card in made}


@functools.cache
def principles() -> Card:
    """What holds of every result, in our own words; the card of no paper."""
    path = Path(__file__).parent / "cards" / f"{PRINCIPLES}.json"
    return _card(json.loads(path.read_text(encoding="utf-8")))


def principle(claim: str, language: str) -> Span:
    """The words of one of the principles."""
    return principles().span(claim, language)


def card_of(source: Source) -> Card | None:
    """The card of the paper that a source names, if there is one."""
    return cards().get(source.paper_id or "")


def _card(raw: Mapping[str, Any]) -> Card:
    fields = {"name": raw["short"]}
    for pictures, entry in raw.get("published", {}).items():
        for scale, value in entry["psnr_db"].items():
            fields[published_field(pictures, scale)] = f"{value:.2f}"
    for claim in raw["claims"]:
        fields[claim["id"]] = claim["en"]
        fields[claim["id"] + KOREAN] = claim["ko"]
    trained = raw["trained_factors"]
    return Card(
        paper=raw["paper"],
        title=raw["title"],
        link=raw["link"],
        github=raw["github"],
        short=raw["short"],
        task=raw["task"],
        trained_factors=(float(trained[0]), float(trained[1])) if trained else None,
        claims=tuple(Claim(one["id"], one["section"], one["is_checked"]) for one in raw["claims"]),
        source=Source(f"card:{raw['paper']}", "card", fields),
    )
