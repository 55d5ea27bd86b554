"""A brief: the question with the recommended models and related papers that may be used to answer it.

Two forms, one value. Text, as people paste it (a question in quotes, a section of models, one of papers,
lines of "Label: value"), and JSON of the same fields. Real briefs come in any order, with curly quotes,
Markdown, Windows line ends, links without https, and holes: what is usable is used, the rest is a notice.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from anyres.advisor.sources import Link, LinkKind, Source
from anyres.core.errors import InputError, LimitError

MAX_BYTES: Final = 10_000_000
MAX_SOURCES: Final = 1_000
MAX_QUESTION: Final = 8_000  # characters that are read of a question
_EMPTY: Final = {"", "-", "none", "null", "n/a", "na", "unknown", "없음", "nan"}
_LABELS: Final = {
    "model": "name", "name": "name", "title": "name", "paper title": "name", "모델": "name", "제목": "name",
    "paper": "paper", "link": "paper", "arxiv": "paper", "url": "paper", "pdf": "paper", "논문": "paper",
    "paper link": "paper", "paper url": "paper",
    "github": "code", "code": "code", "repository": "code", "repo": "code", "깃허브": "code",
    "github link": "code", "github url": "code",
    "hugging face": "model", "huggingface": "model", "hf": "model", "hugging_face": "model",
    "summary": "summary", "요약": "summary", "description": "summary", "abstract": "abstract",
    "초록": "abstract",
    "tl;dr": "summary", "readme": "readme",
    "category": "category", "detailed category": "detailed_category",
    "detailed_category": "detailed_category",
    "task": "detailed_category", "dataset": "dataset", "datasets": "dataset", "data": "dataset",
    "licence": "licence", "license": "licence",
}  # fmt: skip
_LINK_KINDS: Final[Mapping[str, LinkKind]] = {"paper": "paper", "code": "code", "model": "model"}
_LABEL: Final = re.compile(
    rf"^[\s>*_#\-•]*(?P<label>{'|'.join(sorted(map(re.escape, _LABELS), key=len, reverse=True))})"
    r"[\s*_`]*[:：](?!//)[\s*_`]*(?P<value>.*)$",
    re.IGNORECASE,
)
_SECTION: Final = re.compile(
    r"^[\s#*_=\-\d.]*(?:(?P<models>(?:recommended\s+)?(?:ai\s+)?models?|추천\s*(?:ai\s*)?모델|모델\s*목록)"
    r"|(?P<papers>(?:related|relevant|recommended)?\s*papers?|관련\s*논문|논문\s*목록|references)"
    r"|(?P<question>(?:user(?:'s|’s)?\s+)?(?:question|query)|질문)"
    r"|(?P<answer>answer|답변|답))\s*[:：]?[\s*_#=\-]*$",
    re.IGNORECASE,
)
_ASKED: Final = re.compile(r"(?:question|asked|query|질문)[^\n]{0,60}[:：]\s*\n?", re.IGNORECASE)
_QUOTED: Final = re.compile(r"[\"“”„«]\s*(?P<words>.{3,}?)\s*[\"“”»]\s*(?:\n|$)", re.DOTALL)
_ADDRESS: Final = re.compile(r"(?:https?://)?[^\s<>\"'`\[\]{}|\\^]+", re.IGNORECASE)
_BARE: Final = re.compile(
    r"^(?:www\.)?(?:arxiv\.org|github\.com|huggingface\.co|openreview\.net|doi\.org)/\S+$", re.I
)
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
    plain, notices = _decoded(text)
    if plain.lstrip().startswith(("{", "[")):
        try:
            raw = json.loads(plain)
        except (ValueError, RecursionError):
            raw = None
        if raw is not None:
            brief = brief_of(raw)
            return replace(brief, notices=(*notices, *brief.notices))
    brief = _text_brief(plain)
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
    return _brief(question or "", models, papers, ())


def source_of(entry: Mapping[str, Any], *, kind: str, number: int) -> Source:
    """One entry of a list of models or papers, its fields under the names that sources use."""
    fields: dict[str, str] = {}
    links: list[Link] = []
    notices: list[str] = []
    for key, value in entry.items():
        name = _LABELS.get(str(key).strip().lower().replace("_", " "), _LABELS.get(str(key).lower()))
        if name is None or value is None:
            continue
        values = value if isinstance(value, list | tuple) else [value]
        for one in (str(each) for each in values if isinstance(each, str | int | float)):
            if one.strip().lower() in _EMPTY:
                continue
            if name not in _LINK_KINDS:
                fields.setdefault(name, one.strip())
                continue
            address = address_in(one)
            if address is None:
                notices.append(f"{_shown(one)} is no web address; it is not shown as a link.")
            elif all(link.address != address for link in links):
                links.append(Link(_LINK_KINDS[name], address))
    assert kind in ("model", "paper")
    letter = kind[0]
    if "name" not in fields:
        fields["name"] = links[0].address if links else f"{kind} {number}"
        notices.append(f"{kind.capitalize()} {number} has no name.")
    return Source(f"{letter}{number}", kind, fields, tuple(links), tuple(notices))  # type: ignore[arg-type]


def address_in(text: str) -> str | None:
    """The web address that a field holds, byte for byte; None if it holds none that may become a link."""
    stripped = text.strip()
    if found := _MARKDOWN_LINK.fullmatch(stripped):
        stripped = found["address"] or found["angle"]
    stripped = stripped.strip("<>").rstrip(".,;") if not stripped.endswith(")") else stripped
    found_address = _ADDRESS.fullmatch(stripped)
    if not found_address or any(unicodedata.category(letter) in ("Cc", "Cf") for letter in stripped):
        return None
    if re.match(r"https?://[\w.-]+\.[a-z]{2,}(?::\d+)?(?:[/?#]|$)", stripped, re.IGNORECASE):
        return None if "@" in stripped.split("/")[2] else stripped
    return stripped if _BARE.match(stripped) else None


def _brief(
    question: str,
    models: Sequence[Mapping[str, Any]],
    papers: Sequence[Mapping[str, Any]],
    notices: Iterable[str],
) -> Brief:
    if len(models) + len(papers) > MAX_SOURCES:
        raise LimitError(
            f"A brief has at most {MAX_SOURCES} sources; this one has {len(models) + len(papers)}. Import "
            f"them "
            "into a library with `anyres library import` and ask without a brief."
        )
    told = list(notices)
    asked = question.strip()
    if len(asked) > MAX_QUESTION:
        told.append(f"Of the question's {len(asked)} characters the first {MAX_QUESTION} are read.")
        asked = asked[:MAX_QUESTION]
    found_models = _distinct(models, "model", told)
    found_papers = _distinct(papers, "paper", told)
    told += [notice for source in (*found_models, *found_papers) for notice in source.notices]
    return Brief(asked, found_models, found_papers, tuple(dict.fromkeys(told)))


def _distinct(entries: Sequence[Mapping[str, Any]], kind: str, notices: list[str]) -> tuple[Source, ...]:
    """The sources of a list; one that is there twice becomes one, with the links of both."""
    found: dict[str, Source] = {}
    for number, entry in enumerate(entries, start=1):
        source = source_of(entry, kind=kind, number=number)
        key = " ".join(source.name.lower().split())
        if key not in found:
            found[key] = source
            continue
        first = found[key]
        new = tuple(link for link in source.links if link not in first.links)
        notices.append(
            f"{_shown(source.name)} is there twice" + ("; the links of both are kept." if new else ".")
        )
        fields = {**source.fields, **first.fields}
        found[key] = replace(first, fields=fields, links=first.links + new)
    return tuple(found.values())


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


def _decoded(text: str | bytes) -> tuple[str, tuple[str, ...]]:
    """The text in Unicode; bytes that are no UTF-8 are read as what they likely are, and that is said."""
    notices: tuple[str, ...] = ()
    if isinstance(text, str):
        plain = text
    elif text.startswith((b"\xff\xfe", b"\xfe\xff")):
        plain = text.decode("utf-16", "replace")
    else:
        try:
            plain = text.decode("utf-8-sig")
        except UnicodeDecodeError:
            plain, notices = _legacy(text)
    return plain.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\0", ""), notices


def _legacy(text: bytes) -> tuple[str, tuple[str, ...]]:
    for encoding, name in (("cp949", "Korean (CP949)"), ("cp1252", "Western (CP1252)")):
        try:
            return text.decode(encoding), (f"The brief is no UTF-8; it was read as {name}.",)
        except UnicodeDecodeError:
            continue
    return text.decode("utf-8", "replace"), ("Some bytes of the brief are no text; they were replaced.",)


def _text_brief(text: str) -> Brief:
    """Sections and labelled lines; what stands before the first section holds the question."""
    section, lists = "question", {"models": [], "papers": []}  # type: ignore[var-annotated]
    asked: list[str] = []
    entry: dict[str, Any] | None = None
    label = ""
    is_seen = False
    for line in text.split("\n"):
        if found := _SECTION.match(line):
            section = next(name for name, value in found.groupdict().items() if value)
            entry, label = None, ""
            is_seen = is_seen or section in lists
            continue
        if section not in lists:
            if section != "answer":
                asked.append(line)
            continue
        named = _LABEL.match(line)
        if named is None:
            if entry is not None and line.strip() and label:
                entry[label] = f"{entry[label]}\n{line.strip()}" if entry.get(label) else line.strip()
            elif line.strip():
                entry = _unlabelled(line, lists[section])
                label = ""
            continue
        label = named["label"].lower()
        if _LABELS[label] == "name" or entry is None:
            entry = {}
            lists[section].append(entry)
        if label in entry and _LABELS[label] in _LINK_KINDS:
            entry[label] = [*_listed(entry[label]), named["value"].strip()]
        else:
            entry[label] = named["value"].strip()
    return _brief(_question_in("\n".join(asked), is_seen), lists["models"], lists["papers"], ())


def _unlabelled(line: str, into: list[dict[str, Any]]) -> dict[str, Any] | None:
    """A bullet such as "- SwinIR (https://...)": a name and its links, where no label is used."""
    if not re.match(r"^\s*(?:[-*•]|\d+[.)])\s+\S", line):
        return None
    content = re.sub(r"^\s*(?:[-*•]|\d+[.)])\s+", "", line).strip()
    addresses = re.findall(r"(?:https?://|(?:arxiv\.org|github\.com)/)[^\s<>)\]]+", content)
    name = content
    for address in addresses:
        name = name.replace(address, "")
    name = re.sub(r"[\s\-–:,(\[\])*_]+$", "", re.sub(r"^[\[*_]+", "", name)).strip() or content
    papers = [one for one in addresses if "github.com" not in one]
    entry: dict[str, Any] = {"name": name}
    if papers:
        entry["paper"] = papers
    if len(papers) < len(addresses):
        entry["github"] = [one for one in addresses if "github.com" in one]
    into.append(entry)
    return entry


def _question_in(text: str, has_sections: bool) -> str:
    """The user's words in what stands before the sections: what is quoted after "asked", else all of it."""
    if not has_sections and not _ASKED.search(text):
        return text.strip()
    begun = _ASKED.search(text)
    rest = text[begun.end() :] if begun else text
    if quoted := _QUOTED.search(rest):
        return quoted["words"].strip()
    first = rest.strip().split("\n\n")[0].strip()
    return first.strip("\"“”'‘’ ")


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


def _kind(value: object) -> str:
    names = {"str": "text", "list": "list", "dict": "object", "NoneType": "null", "bool": "truth value"}
    return names.get(type(value).__name__, "number")


def _shown(value: object) -> str:
    text = " ".join(str(value).split())
    return repr(text[:80] + ("..." if len(text) > 80 else ""))
