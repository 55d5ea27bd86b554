"""Texts of the provided papers: PDF, HTML and plain text of a folder, joined to the sources that they are of.

A file belongs to the source whose arXiv number is in its name or whose title its beginning says. What belongs
to none is a paper of its own, named by its first line: whoever gave the folder provided it.
"""

import html.parser
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from anyres.advisor.brief import Brief
from anyres.advisor.quoting import shown
from anyres.advisor.sources import Source
from anyres.core.errors import InputError

SUFFIXES: Final = (".pdf", ".html", ".htm", ".txt", ".md")
MAX_FILES: Final = 200
MAX_FILE_BYTES: Final = 50_000_000
MAX_PAGES: Final = 60  # of a PDF
MAX_TEXT: Final = 60_000  # characters that are kept of a text
_BEGINNING: Final = 3_000  # characters in which a title is looked for
_NUMBER: Final = re.compile(r"(?<!\d)(\d{4}\.\d{4,5})(?:v\d+)?(?!\d)")
_UNSEEN: Final = ("script", "style", "noscript", "template", "svg", "head")


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
    papers, models = list(brief.papers), list(brief.models)
    for text in _texts(folder, notices):
        for sources in (papers, models):
            place = next((n for n, one in enumerate(sources) if _is_of(text, one)), None)
            if place is not None:
                fields = {**sources[place].fields, "text": text.words}
                sources[place] = replace(sources[place], fields=fields)
                break
        else:
            name = shown(text.words.strip().split("\n")[0], longest=160) or text.path.stem
            fields = {"name": name, "text": text.words}
            papers.append(Source(f"p{len(papers) + 1}", "paper", fields))
            notices.append(
                f"{text.path.name} is of none of the named sources; it counts as a paper, {name!r}."
            )
    return replace(brief, models=tuple(models), papers=tuple(papers), notices=tuple(notices))


def _texts(folder: Path, notices: list[str]) -> list[Text]:
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    if len(paths) > MAX_FILES:
        notices.append(f"Of the {len(paths)} files of {folder} the first {MAX_FILES} are read.")
    found = []
    for path in paths[:MAX_FILES]:
        try:
            words = _read(path)
        except (OSError, ValueError) as error:
            notices.append(f"{path.name} cannot be read ({shown(str(error), longest=120)}); it is left out.")
            continue
        if words.strip():
            found.append(Text(path, words[:MAX_TEXT]))
        else:
            notices.append(f"{path.name} holds no text; it is left out.")
    return found


def _read(path: Path) -> str:
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise ValueError(f"it has {size / 1e6:.0f} MB, and {MAX_FILE_BYTES / 1e6:.0f} MB are read at most")
    if path.suffix.lower() == ".pdf":
        return _pdf(path)
    words = path.read_bytes().decode("utf-8", "replace")
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
    try:
        reader = pypdf.PdfReader(path)
        if reader.is_encrypted:
            raise ValueError("it is encrypted")
        pages = [page.extract_text() for page in reader.pages[:MAX_PAGES]]
    except ValueError:
        raise
    except Exception as error:  # a damaged PDF fails in as many ways as there are parts in one
        raise ValueError(f"it is damaged: {type(error).__name__}") from error
    return _tidy("\n\n".join(pages))


def _tidy(words: str) -> str:
    """Lines joined to paragraphs, words that were broken at a line's end joined again."""
    words = words.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    words = re.sub(r"(?<=[a-z])-\n(?=[a-z])", "", words)
    first, _, rest = words.strip().partition("\n")
    rest = re.sub(r"(?<!\n)\n(?!\n)", " ", rest)
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
        return "".join(self._parts)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self._unseen += tag in _UNSEEN
        if tag in ("p", "div", "br", "li", "h1", "h2", "h3", "section", "tr"):
            self._parts.append("\n\n" if tag != "br" else "\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN and self._unseen:
            self._unseen -= 1

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self._parts.append(" ".join(data.split()) + " " if data.strip() else "")


def _is_of(text: Text, source: Source) -> bool:
    numbers = set(_NUMBER.findall(text.path.name)) | set(_NUMBER.findall(text.words[:_BEGINNING]))
    if source.paper_id is not None and source.paper_id in numbers:
        return True
    title = _plain(source.name)
    return len(title) > 12 and title in _plain(text.path.stem + " " + text.words[:_BEGINNING])


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9가-힣]+", " ", text.lower()).strip()
