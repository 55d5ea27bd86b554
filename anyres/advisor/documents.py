"""Texts of the provided papers: PDF, HTML and plain text of a folder, joined to the sources that they are of.

A file belongs to the source whose arXiv number is in its name, else to that whose title its beginning says,
else to that whose number its beginning says first. What belongs to none is a paper of its own, named by its
first line: whoever gave the folder provided it.
"""

import html.parser
import itertools
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from anyres.advisor.brief import Brief, decoded
from anyres.advisor.quoting import shown
from anyres.advisor.sources import Source
from anyres.core.errors import InputError

SUFFIXES: Final = (".pdf", ".html", ".htm", ".txt", ".md")
MAX_FILES: Final = 200
MAX_FILE_BYTES: Final = 50_000_000
MAX_PAGES: Final = 60  # of a PDF
MAX_TEXT: Final = 60_000  # characters that are kept of a text
_BEGINNING: Final = 3_000  # characters in which a title is looked for
_SHORTEST_TITLE: Final = 13  # characters; a shorter one stands in other texts by chance
_NUMBER: Final = re.compile(r"(?<!\d)(\d{4}\.\d{4,5})(?:v\d+)?(?!\d)")
_UNSEEN: Final = ("script", "style", "noscript", "template", "svg", "title")
_BLOCKS: Final = (
    "p", "div", "br", "li", "ul", "ol", "dt", "dd", "h1", "h2", "h3", "h4", "h5", "h6", "section", "article",
    "header", "footer", "main", "nav", "aside", "figure", "figcaption", "blockquote", "pre", "table", "tr",
    "hr",
)  # fmt: skip


@dataclass(frozen=True)
class Text:
    """What a file says."""

    path: Path
    words: str


def with_texts(brief: Brief, folder: Path) -> Brief:
    """The brief with the texts of a folder as fields of its sources.

    A file that cannot be read is a notice, and the others are used.

    Raises:
        InputError: if there is no such folder.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder. Name the folder that holds the papers' texts.")
    notices = list(brief.notices)
    sources = [*brief.papers, *brief.models]
    for text in _texts(folder, notices):
        place = _place_of(text, sources)
        if place is not None:
            fields = {**sources[place].fields, "text": text.words}
            sources[place] = replace(sources[place], fields=fields)
            continue
        first = text.words.strip().split("\n")[0]
        name = shown(re.sub(r"^#+\s+", "", first), longest=160) or text.path.stem
        sources.append(Source(_free_id(sources), "paper", {"name": name, "text": text.words}))
        notices.append(f"{text.path.name} is of none of the named sources; it counts as a paper, {name!r}.")
    return replace(
        brief,
        models=tuple(source for source in sources if source.kind == "model"),
        papers=tuple(source for source in sources if source.kind == "paper"),
        notices=tuple(notices),
    )


def _place_of(text: Text, sources: Sequence[Source]) -> int | None:
    """Where the source of a text stands: by the number in its name, its title, its first number."""
    numbers = {source.paper_id: place for place, source in reversed(list(enumerate(sources)))}
    numbers.pop(None, None)
    for number in _NUMBER.findall(text.path.name):
        if number in numbers:
            return numbers[number]
    beginning = _plain(f"{text.path.stem} {text.words[:_BEGINNING]}")
    titles = [_plain(source.name) for source in sources]
    titled = [
        (beginning.find(title), -len(title), place)
        for place, title in enumerate(titles)
        if len(title) >= _SHORTEST_TITLE and title in beginning
    ]
    if titled:
        return min(titled)[2]
    first = _NUMBER.search(text.words[:_BEGINNING])
    return numbers.get(first[1]) if first else None


def _free_id(sources: Sequence[Source]) -> str:
    taken = {source.id for source in sources}
    return next(name for number in itertools.count(1) if (name := f"p{number}") not in taken)


def _texts(folder: Path, notices: list[str]) -> list[Text]:
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    if len(paths) > MAX_FILES:
        notices.append(f"Of the {len(paths)} files of {folder} the first {MAX_FILES} are read.")
    found = []
    for path in paths[:MAX_FILES]:
        try:
            words = _read(path, notices)
        except (OSError, ValueError) as error:
            notices.append(f"{path.name} cannot be read ({shown(str(error), longest=120)}); it is left out.")
            continue
        if words.strip():
            found.append(Text(path, words[:MAX_TEXT]))
        else:
            notices.append(f"{path.name} holds no text; it is left out.")
    return found


def _read(path: Path, notices: list[str]) -> str:
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise ValueError(f"it has {size / 1e6:.0f} MB, and {MAX_FILE_BYTES / 1e6:.0f} MB are read at most")
    if path.suffix.lower() == ".pdf":
        return _pdf(path)
    words, told = decoded(path.read_bytes(), of=path.name)
    notices += told
    if path.suffix.lower() in (".html", ".htm"):
        parser = _Words()
        parser.feed(words)
        parser.close()
        words = parser.words
    return _tidy(words)


def _pdf(path: Path) -> str:
    try:
        import pypdf
    except ImportError as error:
        raise ValueError("reading PDF needs pypdf: pip install 'anyres[papers]'") from error
    logger = logging.getLogger("pypdf")  # which tells a terminal what we tell in a notice
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        reader = pypdf.PdfReader(path)
        if reader.is_encrypted:
            raise ValueError("it is encrypted")
        pages = [page.extract_text() for page in reader.pages[:MAX_PAGES]]
    except ValueError:
        raise
    except Exception as error:  # a damaged PDF fails in as many ways as there are parts in one
        raise ValueError("it is damaged") from error
    finally:
        logger.setLevel(level)
    return _tidy("\n\n".join(pages))


def _tidy(words: str) -> str:
    """Lines joined to paragraphs, words that were broken at a line's end joined again."""
    words = words.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    words = re.sub(r"(?<=[a-z])-\n(?=[a-z])", "", words)
    first, _, rest = words.strip().partition("\n")
    rest = re.sub(r"(?<!\n)\n(?!\n)", " ", rest.lstrip())
    narrow = re.sub(r"[ \t]{2,}", " ", rest)
    return f"{first}\n\n{narrow}".strip()


class _Words(html.parser.HTMLParser):
    """The text of a page, without what is not seen."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._unseen = 0

    @property
    def words(self) -> str:
        narrow = re.sub(r" {2,}", " ", "".join(self._parts))
        return re.sub(r"\n{3,}", "\n\n", re.sub(r" ?\n ?", "\n", narrow))

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self._unseen += tag in _UNSEEN
        self._part(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN and self._unseen:
            self._unseen -= 1
        self._part(tag)

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self._parts.append(re.sub(r"\s+", " ", data))

    def _part(self, tag: str) -> None:
        """Blocks and cells stand apart; other tags part nothing, for they stand inside words."""
        if tag in _BLOCKS:
            self._parts.append("\n\n" if tag != "br" else "\n")
        elif tag in ("td", "th"):
            self._parts.append(" ")


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9가-힣]+", " ", text.lower()).strip()
