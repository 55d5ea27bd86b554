"""A brief: the question with the recommended models and related papers that may be used to answer it.

Two forms, one value. Text, as people paste it (a question in quotes, a section of models, one of papers,
lines of "Label: value"), and JSON of the same fields. Real briefs come in any order, with curly quotes,
Markdown, Windows line ends, links without https, and holes: what is usable is used, the rest is a notice.
"""

import contextlib
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from anyres.advisor.brief_text import LABELS, LINK_KINDS, label_in, parts_of
from anyres.advisor.sources import Link, Source
from anyres.core.errors import InputError, LimitError

MAX_BYTES: Final = 10_000_000
MAX_SOURCES: Final = 1_000
MAX_QUESTION: Final = 8_000  # characters that are read of a question
_EMPTY: Final = {"", "-", "none", "null", "n/a", "na", "unknown", "없음", "nan"}
_HALF_LETTER: Final = re.compile("[\ud800-\udfff]")
_ADDRESS: Final = re.compile(r"(?:https?://)?[^\s<>\"'`\[\]{}|\\^]+", re.IGNORECASE)
_HOST: Final = re.compile(r"https?://[\w.-]+\.[a-z]{2,}(?::\d+)?(?:[/?#]|$)", re.IGNORECASE)
_BARE: Final = re.compile(
    r"^(?:www\.)?(?:arxiv\.org|github\.com|huggingface\.co|openreview\.net|doi\.org)/\S+$", re.I
)
_UNSEEN: Final = ("Cc", "Cf", "Cs")  # control and direction marks, halves of a letter
_KOREAN: Final = re.compile(rb"[\xa1-\xfe]{2}")  # a letter in CP949, but for rare ones
_MARKDOWN_LINK: Final = re.compile(r"\[[^\]\n]*\]\((?P<address>[^)\s]+)\)|<(?P<angle>[^>\s]+)>")


@dataclass(frozen=True)
class Brief:
    """What is asked, and what may be used to answer."""

    question: str
    models: tuple[Source, ...] = ()  # recommended, in the order given
    papers: tuple[Source, ...] = ()  # related
    notices: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[Source, ...]:
        """All that is provided."""
        return self.models + self.papers


def read_brief(text: str | bytes) -> Brief:
    """The brief in a text, JSON or as people paste it.

    Raises:
        InputError: if there is no question and no source in it, or JSON of another form.
        LimitError: for more bytes or sources than are read.
    """
    size = len(text) if isinstance(text, bytes) else len(text.encode("utf-8", "replace"))
    if size > MAX_BYTES:
        raise LimitError(
            f"A brief has at most {MAX_BYTES / 1e6:.0f} MB; this one has {size / 1e6:.1f} MB. "
            "Leave sources out, or put their texts into a folder and name it with --sources."
        )
    plain, notices = decoded(text, of="The brief") if isinstance(text, bytes) else (_plain(text), ())
    raw = _json(plain.lstrip())
    if raw is not None:
        brief = brief_of(raw)
    else:
        parts = parts_of(plain)
        brief = brief_of_lists(parts.question, parts.models, parts.papers)
    return replace(brief, notices=(*notices, *brief.notices))


def example_brief() -> Brief:
    """The brief that ships: a question about enlarging by 2, with one model and three papers."""
    return read_brief((Path(__file__).parent / "examples" / "enlarge-2x.txt").read_bytes())


def brief_of(raw: object) -> Brief:
    """The brief in what JSON was read into: {"question", "models": [...], "papers": [...]}.

    Raises InputError where a part has another form; fields that are missing or null are no fault.
    """
    if not isinstance(raw, Mapping):
        raise InputError(
            f"A brief in JSON is an object with question, models and papers; this one is a {_kind(raw)}."
        )
    question = raw.get("question", "")
    if question is not None and not isinstance(question, str):
        raise InputError(f"The question of a brief is text; this one is a {_kind(question)}.")
    models = _entries(raw, ("models", "recommended_models"))
    papers = _entries(raw, ("papers", "related_papers"))
    return brief_of_lists(whole_letters(question or ""), models, papers)


def brief_of_lists(
    question: str, models: Sequence[Mapping[str, Any]], papers: Sequence[Mapping[str, Any]]
) -> Brief:
    """The brief of a question and of entries of models and papers, with what of them could not be used.

    Raises:
        InputError: if there is no question and no source.
        LimitError: for more sources than are read.
    """
    count = len(models) + len(papers)
    if count > MAX_SOURCES:
        raise LimitError(
            f"A brief has at most {MAX_SOURCES} sources; this one has {count}. Import them into a library "
            "with `anyres library import` and ask without a brief."
        )
    asked = question.strip()
    if not asked and not count:
        raise InputError(
            f"There is no question and no source in this brief: {_shown(question)}. Write the question, "
            'then "Models:" and a line "Model: ..." for each.'
        )
    told = []
    if len(asked) > MAX_QUESTION:
        told.append(f"Of the question's {len(asked)} characters the first {MAX_QUESTION} are read.")
        asked = asked[:MAX_QUESTION]
    found_models = _distinct(models, "model", told)
    found_papers = _distinct(papers, "paper", told)
    told += [notice for source in (*found_models, *found_papers) for notice in source.notices]
    return Brief(asked, found_models, found_papers, tuple(dict.fromkeys(told)))


def source_of(entry: Mapping[str, Any], *, kind: Literal["model", "paper"], number: int) -> Source:
    """One entry of a list of models or papers, its fields under the names that sources use."""
    fields: dict[str, str] = {}
    links: dict[str, Link] = {}
    notices: list[str] = []
    for key, value in entry.items():
        label = label_in(str(key))
        if label is None:
            continue
        name = LABELS[label]
        for one in _values(value):
            if name not in LINK_KINDS:
                fields.setdefault(name, whole_letters(one))
            elif (address := address_in(one)) is None:
                notices.append(f"{_shown(one)} is no web address; it is not shown as a link.")
            else:
                links.setdefault(address, Link(LINK_KINDS[name], address))
    if "name" not in fields:
        fields["name"] = next(iter(links), f"{kind} {number}")
        notices.append(no_name(kind, number))
    return Source(f"{kind[0]}{number}", kind, fields, tuple(links.values()), tuple(notices))


def no_name(kind: str, number: int) -> str:
    """The notice of a source that has no name."""
    return f"{kind.capitalize()} {number} has no name."


def whole_letters(text: str) -> str:
    r"""Text that can be written: halves of a letter, as JSON has them in "\ud800", are replaced."""
    return _HALF_LETTER.sub("\ufffd", text)


def address_in(text: str) -> str | None:
    """The web address that a field holds, byte for byte; None if it holds none that may become a link."""
    stripped = text.strip()
    if found := _MARKDOWN_LINK.fullmatch(stripped):
        stripped = found["address"] or found["angle"]
    stripped = stripped.strip("<>").rstrip(".,;") if not stripped.endswith(")") else stripped
    is_odd = any(unicodedata.category(letter) in _UNSEEN or letter == "\ufffd" for letter in stripped)
    if is_odd or not _ADDRESS.fullmatch(stripped):
        return None
    if _HOST.match(stripped):
        return None if "@" in stripped.split("/")[2] else stripped  # "host?@other" misleads
    return stripped if _BARE.match(stripped) else None


def decoded(text: bytes, *, of: str) -> tuple[str, tuple[str, ...]]:
    """Text in Unicode; bytes that are no UTF-8 are read as what they likely are, and that is said.

    Args:
        text: The bytes.
        of: What they are of, as the notice names it.
    """
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _plain(text.decode("utf-16", "replace")), ()
    try:
        return _plain(text.decode("utf-8")), ()
    except UnicodeDecodeError:
        plain, notice = _legacy(text, of)
        return _plain(plain), (notice,)


def _legacy(text: bytes, of: str) -> tuple[str, str]:
    replaced = text.decode("utf-8", "replace")
    broken = replaced.count("\ufffd")
    whole = len(replaced) - len(replaced.encode("ascii", "ignore")) - broken  # letters of several bytes
    if whole < 2 * broken:
        high = len(text) - len(text.decode("ascii", "ignore"))
        paired = sum(2 for _ in _KOREAN.finditer(text))
        encodings = [("cp949", "Korean (CP949)")] * (2 * paired >= high) + [("cp1252", "Western (CP1252)")]
        for encoding, name in encodings:
            with contextlib.suppress(UnicodeDecodeError):
                return text.decode(encoding), f"{of} is no UTF-8; it was read as {name}."
    return replaced, f"{of} holds bytes that are no text; they were replaced."


def _plain(text: str) -> str:
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return whole_letters(lines.replace("\0", ""))


def _json(text: str) -> object:
    """What a text is in JSON; None if it is none. What begins as an object does has to be one."""
    if not text.startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        if text.startswith("["):
            return None
        raise InputError(
            f"This brief begins as JSON does, but is none ({str(error)[:80]}). "
            "Mend it, or write it as text that begins with the question."
        ) from error


def _values(value: object) -> list[str]:
    """The texts of a field, each once; what says that there is none is left out."""
    values = value if isinstance(value, list | tuple) else [value]
    texts = dict.fromkeys(str(one).strip() for one in values if isinstance(one, str | int | float))
    return [text for text in texts if text.lower() not in _EMPTY]


def _distinct(
    entries: Sequence[Mapping[str, Any]], kind: Literal["model", "paper"], notices: list[str]
) -> tuple[Source, ...]:
    """The sources of a list; one that is there twice becomes one, with the links of both."""
    found: dict[str, Source] = {}
    fields: dict[str, dict[str, str]] = {}
    links: dict[str, dict[Link, None]] = {}
    for number, entry in enumerate(entries, start=1):
        source = source_of(entry, kind=kind, number=number)
        key = " ".join(source.name.lower().split())
        if key not in found:
            found[key] = source
            fields[key], links[key] = dict(source.fields), dict.fromkeys(source.links)
            continue
        count = len(links[key])
        links[key].update(dict.fromkeys(source.links))
        fields[key] = {**source.fields, **fields[key]}
        is_more = len(links[key]) > count
        notices.append(
            f"{_shown(source.name)} is there twice" + ("; the links of both are kept." if is_more else ".")
        )
    return tuple(
        replace(source, fields=fields[key], links=tuple(links[key])) for key, source in found.items()
    )


def _entries(raw: Mapping[str, Any], names: Sequence[str]) -> list[Mapping[str, Any]]:
    value: Any = next((raw[name] for name in names if raw.get(name) is not None), [])
    if isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, list | tuple):
        raise InputError(f"The {names[0]} of a brief are a list; this one is a {_kind(value)}.")
    for one in value:
        if not isinstance(one, Mapping):
            raise InputError(
                f"Each of the {names[0]} of a brief is an object with a name and links; {_shown(one)} is a "
                f"{_kind(one)}."
            )
    return list(value)


def _kind(value: object) -> str:
    names = {"str": "text", "list": "list", "dict": "object", "NoneType": "null", "bool": "truth value"}
    return names.get(type(value).__name__, "number")


def _shown(value: object) -> str:
    text = " ".join(str(value).split())
    return repr(text[:80] + ("..." if len(text) > 80 else ""))
