"""Sources and spans: what an answer may say, and the exact words that carry it.

A source holds its fields as they were given, letter for letter. A span names a stretch of one field and the
sha256 of that field; it is cut out anew whenever an answer is rendered, so a sentence cannot outlive a change
of what it rests on.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from anyres.core.errors import InputError

Kind = Literal["model", "paper", "card", "question", "run"]
LinkKind = Literal["paper", "code", "model"]
PROSE = ("summary", "abstract", "readme", "text")  # fields of sentences, in the order in which they are read
_SENTENCE = re.compile(r"(?<=[.!?])(?P<closers>[\"')\]]*)\s+(?=[\"'(\[]*[A-Z0-9가-힣])|(?<=다\.)\s+|\n\s*\n")
_ABBREVIATION = re.compile(
    r"(?:\b[Ee]\.g|\b[Ii]\.e|\bet al|\b[Cc]f|\bFig|\bSec|\bvs|\b[Aa]pprox|\b[Rr]esp)\.$"
)
_LONGEST_ABBREVIATION = 12  # characters, with some to spare
_ARXIV = re.compile(r"arxiv\.org/(?:abs|pdf|html)/(\d{4}\.\d{4,5}|[a-z-]+/\d{7})", re.IGNORECASE)


@dataclass(frozen=True)
class Link:
    """An address as a source gave it, byte for byte, that is fit to be rendered as a link."""

    kind: LinkKind
    address: str


@dataclass(frozen=True)
class Span:
    """A stretch of a field of a source: what a sentence rests on."""

    source: str
    field: str
    start: int
    end: int
    sha256: str  # of the whole field


@dataclass(frozen=True)
class Source:
    """A model, a paper, a card, the question or a run, with its fields as they were given."""

    id: str
    kind: Kind
    fields: Mapping[str, str]
    links: tuple[Link, ...] = ()
    notices: tuple[str, ...] = field(default=(), compare=False)  # what of it could not be used, and why

    @property
    def name(self) -> str:
        """What it is called, on one line."""
        return " ".join(self.fields.get("name", self.id).split())

    @cached_property
    def paper_id(self) -> str | None:
        """The arXiv number among its links, without its version; None where there is none."""
        for link in self.links:
            if found := _ARXIV.search(link.address):
                return found[1].lower()
        return None

    def span(self, name: str, start: int = 0, end: int | None = None) -> Span:
        """A stretch of a field; the whole of it if no end is given."""
        text = self.fields[name]
        return Span(self.id, name, start, len(text) if end is None else end, _sha256(text))

    def span_of(self, words: str, name: str) -> Span:
        """The first place where a field says these words."""
        start = self.fields[name].index(words)
        return self.span(name, start, start + len(words))

    def prose(self) -> Iterator[tuple[str, int, int]]:
        """Field, start and end of each sentence of the fields of prose."""
        for name in PROSE:
            if name in self.fields:
                for start, end in sentences_of(self.fields[name]):
                    yield name, start, end


class Sources(Mapping[str, Source]):
    """Sources by id; cuts spans out of them."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self._by_id = {source.id: source for source in sources}

    def __getitem__(self, key: str) -> Source:
        return self._by_id[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_id)

    def __len__(self) -> int:
        return len(self._by_id)

    def words(self, span: Span) -> str:
        """What the source says there; InputError if the field is not what it was when the span was made."""
        source = self._by_id.get(span.source)
        text = source.fields.get(span.field) if source else None
        if text is None or _sha256(text) != span.sha256:
            raise InputError(
                f"The field {span.field!r} of source {span.source!r} is not what the answer was made from. "
                "Ask again with the sources of today."
            )
        return text[span.start : span.end]


def sentences_of(text: str) -> list[tuple[int, int]]:
    """Start and end of each sentence, without the white space around it."""
    found, start = [], 0
    for gap in _SENTENCE.finditer(text):
        if _ABBREVIATION.search(text, max(start, gap.start() - _LONGEST_ABBREVIATION), gap.start()):
            continue
        found.append((start, max(gap.start(), gap.end("closers"))))
        start = gap.end()
    found.append((start, len(text)))
    trimmed = []
    for begin, end in found:
        piece = text[begin:end]
        left = begin + len(piece) - len(piece.lstrip())
        right = begin + len(piece.rstrip())
        if right > left:
            trimmed.append((left, right))
    return trimmed


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
