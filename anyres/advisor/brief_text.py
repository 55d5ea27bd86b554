"""A brief as people paste it: the question, sections of models and of papers, lines of "Label: value".

Nothing here is refused: a line that says nothing that is looked for is passed over. Each line is stripped
first and no pattern is tried from each of its letters, so the time grows with the length of a text alone.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from anyres.advisor.sources import PROSE, LinkKind

LABELS: Final[Mapping[str, str]] = {
    "model": "name", "name": "name", "title": "name", "paper title": "name", "모델": "name", "제목": "name",
    "paper": "paper", "link": "paper", "arxiv": "paper", "url": "paper", "pdf": "paper", "논문": "paper",
    "paper link": "paper", "paper url": "paper",
    "github": "code", "code": "code", "repository": "code", "repo": "code", "깃허브": "code",
    "github link": "code", "github url": "code",
    "hugging face": "model", "huggingface": "model", "hf": "model",
    "summary": "summary", "요약": "summary", "description": "summary", "abstract": "abstract",
    "초록": "abstract",
    "tl;dr": "summary", "readme": "readme",
    "category": "category", "detailed category": "detailed_category",
    "task": "detailed_category", "dataset": "dataset", "datasets": "dataset", "data": "dataset",
    "licence": "licence", "license": "licence",
}  # fmt: skip
LINK_KINDS: Final[Mapping[str, LinkKind]] = {"paper": "paper", "code": "code", "model": "model"}
_STRAY: Final = {"model": "models", "모델": "models", "title": "papers", "제목": "papers",
                 "paper title": "papers", "paper": "papers", "논문": "papers"}  # fmt: skip
_LONGEST_LABEL: Final = 80  # characters up to a label's colon, with its Markdown
_WRAPPED: Final = 60  # characters from which a name may have been wrapped onto the next line
_LEFT, _RIGHT = " \t\u00a0\u3000#*_=->.)0123456789", " \t\u00a0\u3000#*_=-"  # around a heading
_SECTION: Final = re.compile(
    r"(?:(?P<models>(?:recommended\s+)?(?:ai\s+)?models?|추천\s*(?:ai\s*)?모델|모델\s*목록)"
    r"|(?P<papers>(?:(?:related|relevant|recommended)\s*)?papers?|관련\s*논문|논문\s*목록|references)"
    r"|(?P<question>(?:user(?:'s|’s)?\s+)?(?:question|query)|질문)(?=$|[\s*_]*[:：])"
    r"|(?P<answer>answer|답변|답))[\s*_]*(?:[:：](?P<text>(?(question).*)))?",
    re.IGNORECASE,
)
_PREFIX: Final = re.compile(r"[\s>*_#\-•]*(?:\d{1,3}[.)])?[\s>*_#\-•]*")
_BULLET: Final = re.compile(r"(?P<mark>[-*•]|\d{1,3}[.)]|#+)\s+(?=\S)")
_WHERE: Final = re.compile(r"(?:https?://|(?:arxiv\.org|github\.com|huggingface\.co)/)[^\s<>)\]]+")
_ASKED: Final = re.compile(r"(?:question|asked|query|질문)[^\n]{0,60}[:：]", re.IGNORECASE)
_BEGIN, _END = tuple('"“”„«'), tuple('"“”»')  # of a quotation

Entry = dict[str, list[str]]  # by label what its lines say
Opening = tuple[int, str]  # how far a bullet is set in, and its mark


@dataclass(frozen=True)
class Parts:
    """What a text holds: the question, and by label the fields of each source."""

    question: str
    models: list[dict[str, str | list[str]]]
    papers: list[dict[str, str | list[str]]]


def parts_of(text: str) -> Parts:
    """The parts of a text; what stands before the first section holds the question."""
    lines = text.split("\n")
    headings = [_heading_in(line.strip()) for line in lines]
    reader = _Reader(has_models=any(heading and heading[0] == "models" for heading in headings))
    for line, heading in zip(lines, headings, strict=True):
        reader.read(line, heading)
    return reader.parts()


def label_in(text: str) -> str | None:
    """The label that words or the key of an object are; None if they are none."""
    label = " ".join(text.lower().replace("_", " ").split())
    return label if label in LABELS else None


class _Reader:
    """Reads line after line: in which section it is, of which source, and which field goes on."""

    def __init__(self, *, has_models: bool) -> None:
        self._entries: dict[str, list[Entry]] = {"models": [], "papers": []}
        self._before: list[str] = []  # what stands before a heading of the question
        self._headed: list[list[str]] = []  # what stands below each
        self._asked = self._before
        self._has_models = has_models
        self._has_lists = False
        self._section, self._level = "question", 0
        self._is_stray = False  # whether a label has begun the section, as there is no heading
        self._entry: Entry | None = None
        self._opening: Opening | None = None
        self._label = ""  # of the field that the next line may go on with
        self._is_together = False  # whether the last line was one of labels

    def read(self, line: str, heading: tuple[str, str] | None) -> None:
        """Read a line; `heading` is the section that it begins and the words behind the colon."""
        stripped = line.strip()
        if heading is not None and not (self._is_together and _labelled(stripped) == ("paper", "")):
            self._begin(heading, _level(stripped))
        elif self._section in self._entries:
            self._read_of_list(line, stripped)
        elif self._section == "question" and not self._has_begun_by_label(stripped):
            self._asked.append(stripped)

    def parts(self) -> Parts:
        """What has been read."""
        headed = next((text for lines in self._headed if (text := "\n".join(lines).strip())), None)
        question = _said(headed) if headed else _question_in("\n".join(self._before), self._has_lists)
        return Parts(question, *([_joined(one) for one in self._entries[name]] for name in self._entries))

    def _begin(self, heading: tuple[str, str], level: int) -> None:
        self._section, text = heading
        self._level = level
        self._is_stray = self._is_together = False
        self._entry, self._label = None, ""
        self._has_lists = self._has_lists or self._section in self._entries
        if self._section == "question":
            self._asked = [text]
            self._headed.append(self._asked)

    def _has_begun_by_label(self, stripped: str) -> bool:
        """Whether "Model: ..." or "Title: ..." begins a list, in a text that has no section of models."""
        named = None if self._has_models else _labelled(stripped)
        if named is None or named[0] not in _STRAY or not named[1]:
            return False
        label, value = named
        self._section, self._is_stray, self._has_lists = _STRAY[label], True, True
        is_title = LABELS[label] == "paper" and not _WHERE.search(value)
        self._put("title" if is_title else label, value)
        return True

    def _read_of_list(self, line: str, stripped: str) -> None:
        if not stripped:
            self._is_together = False
            if self._is_stray or not _is_prose(self._label):
                self._label = ""
        elif named := _labelled(stripped):
            self._put(*named)
        elif not stripped.strip("-=*_ "):
            self._label = ""  # a rule across the page
        elif 0 < _level(stripped) <= self._level:
            self._section, self._label = "other", ""  # a heading beside that of the section
        else:
            self._read_unlabelled(stripped, _opening(line))

    def _read_unlabelled(self, stripped: str, opening: Opening | None) -> None:
        """A line that goes on with a field, or a name in a bullet or a heading; else it is passed over."""
        is_name = opening is not None and (opening[1] == "#" or opening == self._opening)
        if self._entry is not None and self._label and not is_name:
            if opening is None or _is_prose(self._label):
                values = self._entry[self._label]
                values.append(stripped)
                self._label = self._label if _goes_on(self._label, values) else ""
                return
        if self._is_stray:
            self._asked.append(stripped)
        elif opening is not None:
            self._open(_named(_BULLET.sub("", stripped, count=1)), opening)

    def _put(self, label: str, value: str) -> None:
        is_name = LABELS[label] == "name"
        if is_name and self._is_stray:
            self._section = _STRAY.get(label, self._section)
        if is_name or self._entry is None:
            self._open({}, None)
        assert self._entry is not None
        values = self._entry.setdefault(label, [])
        if LABELS[label] not in LINK_KINDS:
            values.clear()
        values.append(value)
        self._label = label if _goes_on(label, values) else ""
        self._is_together = True

    def _open(self, entry: Entry, opening: Opening | None) -> None:
        self._entries[self._section].append(entry)
        self._entry, self._opening, self._label = entry, opening, ""


def _heading_in(stripped: str) -> tuple[str, str] | None:
    """The section that a line begins, and what it says behind the colon of "Question:"."""
    found = _SECTION.fullmatch(stripped.lstrip(_LEFT).rstrip(_RIGHT))
    if found is None:
        return None
    section = next(name for name in ("models", "papers", "question", "answer") if found[name])
    return section, (found["text"] or "").strip("*_ \t")


def _labelled(stripped: str) -> tuple[str, str] | None:
    """Label and value of a line such as "- **Paper**: https://..."."""
    start = _PREFIX.match(stripped, 0, _LONGEST_LABEL).end()  # type: ignore[union-attr]  # it may be empty
    colons = [place for sign in ":：" if (place := stripped.find(sign, start, _LONGEST_LABEL)) >= 0]
    if not colons or stripped.startswith("//", min(colons) + 1):
        return None
    label = label_in(stripped[start : min(colons)].strip("*_` \t"))
    if label is None:
        return None
    prefix = stripped[:start]
    emphasis = prefix[len(prefix.rstrip("*_")) :]
    value = stripped[min(colons) + 1 :].lstrip("*_` \t\u00a0").rstrip("` \t\u00a0")
    return label, value.removesuffix(emphasis).strip()


def _goes_on(label: str, values: list[str]) -> bool:
    """Whether the next line may belong to a field: prose does, a wrapped name, and what is still empty."""
    is_wrapped = LABELS[label] == "name" and len(values[-1]) >= _WRAPPED
    return _is_prose(label) or is_wrapped or not values[-1]


def _is_prose(label: str) -> bool:
    return LABELS.get(label) in PROSE


def _level(stripped: str) -> int:
    """How many `#` a Markdown heading has; 0 for other lines."""
    return len(stripped) - len(stripped.lstrip("#"))


def _opening(line: str) -> Opening | None:
    bare = line.lstrip()
    found = _BULLET.match(bare)
    if found is None:
        return None
    return len(line) - len(bare), "1" if found["mark"][0].isdigit() else found["mark"][0]


def _named(content: str) -> Entry:
    """A name and its links, as in "SwinIR (https://...)", where no label is used."""
    found = list(_WHERE.finditer(content))
    head = content[: found[0].start()] if found else content
    if found and head.rfind("(") > head.rfind(")"):
        head = head[: head.rfind("(")]
    name = _bare_name(head) or _bare_name(_WHERE.sub("", content)) or content
    entry: Entry = {"name": [name]}
    for address in (one[0] for one in found):
        label = "github" if "github.com/" in address else "paper"
        entry.setdefault("hf" if "huggingface.co/" in address else label, []).append(address)
    return entry


def _bare_name(text: str) -> str:
    name = text.lstrip("[(*_ \t").rstrip("-–:,([*_# \t")
    return name if "[" in name else name.rstrip("]*_ ")


def _joined(entry: Entry) -> dict[str, str | list[str]]:
    return {
        label: values if LABELS[label] in LINK_KINDS else "\n".join(value for value in values if value)
        for label, values in entry.items()
    }


def _question_in(text: str, has_lists: bool) -> str:
    """The user's words in what stands before the sections: those behind "asked:", else all of them."""
    begun = _ASKED.search(text)
    if begun is None and not has_lists:
        return text.strip()
    return _said(text[begun.end() :] if begun else text)


def _said(text: str) -> str:
    """What is quoted in a text; if nothing is, its first paragraph."""
    return _quoted(text.strip()) or text.strip().split("\n\n", 1)[0].strip("\"“”'‘’ \n")


def _quoted(text: str) -> str | None:
    """A quotation that begins a line and ends one, perhaps a later one; or one that only ends a line."""
    lines = [line.strip("*_> \t") for line in text.split("\n")]
    begun = next((number for number, line in enumerate(lines) if line.startswith(_BEGIN)), len(lines))
    for ended in range(begun, len(lines)):
        if lines[ended].endswith(_END):
            words = "\n".join(lines[begun : ended + 1])[1:-1].strip()
            if len(words) > 2:
                return words
    for line in lines:
        places = [place for sign in _BEGIN if (place := line.find(sign)) >= 0]
        if places and line.endswith(_END) and len(words := line[min(places) + 1 : -1].strip()) > 2:
            return words
    return None
