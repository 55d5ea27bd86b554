"""A brief as people paste it: the question, sections of models and of papers, lines of "Label: value".

Nothing here is refused: a line that says nothing that is looked for is passed over. Each line is stripped
first and no pattern is tried from each of its letters, and lines of one kind are read together: the time
grows with the length of a text alone.
"""

import itertools
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
_WRAPPED: Final = 60  # characters from which a name may have been wrapped onto the next line
_LEFT, _RIGHT = " \t\u00a0\u3000#*_=->.)0123456789", " \t\u00a0\u3000#*_=-"  # around a heading
_SECTION: Final = re.compile(
    r"(?:(?P<models>(?:recommended\s+)?(?:ai\s+)?models?|추천\s*(?:ai\s*)?모델|모델\s*목록)"
    r"|(?P<papers>(?:(?:related|relevant|recommended)\s*)?papers?|관련\s*논문|논문\s*목록|references)"
    r"|(?P<question>(?:user(?:'s|’s)?\s+)?(?:question|query)|질문)(?=$|[\s*_]*[:：])"
    r"|(?P<answer>answer|답변|답))[\s*_]*(?:[:：](?P<text>(?(question).*)))?",
    re.IGNORECASE,
)
_LABEL: Final = re.compile(
    r"(?P<before>[\s>*_#`\-•]*+(?:\d{1,3}[.)][\s>*_#`\-•]*+)?+)(?P<label>"
    + "|".join(sorted((re.escape(one).replace(r"\ ", r"[ _]") for one in LABELS), key=len, reverse=True))
    + r")[\s*_`]*+[:：](?!//)(?P<value>.*)",
    re.IGNORECASE,
)
_SECTIONS: Final = ("models", "papers", "question", "answer")
_HOLE: Final = re.compile(r"[\s>*_\-•]*+paper[\s*_`]*+[:：][\s*_]*+", re.IGNORECASE)
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
    raw = text.split("\n")
    lines = [line.strip() for line in raw]
    headings = [_SECTION.fullmatch(line.lstrip(_LEFT).rstrip(_RIGHT)) for line in lines]
    labels = [None if heading else _LABEL.match(line) for line, heading in zip(lines, headings, strict=True)]
    kinds = [
        "heading" if heading
        else "label" if label
        else "plain" if line.strip("-=*_ ") and not _BULLET.match(line)
        else "bullet" if line.strip("-=*_ ")
        else "rule" if line
        else "blank"
        for line, heading, label in zip(lines, headings, labels, strict=True)
    ]  # fmt: skip
    reader = _Reader(has_models=any(heading and heading["models"] for heading in headings))
    for kind, numbers in itertools.groupby(range(len(lines)), key=kinds.__getitem__):
        places = list(numbers)
        group = slice(places[0], places[-1] + 1)
        found = [one for one in (headings if kind == "heading" else labels)[group] if one is not None]
        reader.read(kind, raw[group] if kind == "bullet" else lines[group], found)
    return reader.parts()


def label_in(text: str) -> str | None:
    """The label that words or the key of an object are; None if they are none."""
    label = " ".join(text.lower().replace("_", " ").split())
    return label if label in LABELS else None


class _Reader:
    """Reads lines: in which section they are, of which source, and which field goes on."""

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

    def read(self, kind: str, lines: list[str], found: list[re.Match[str]]) -> None:
        """Read lines of one kind; `found` is what of headings or labels is in them."""
        if kind == "heading":
            if self._is_together and self._entry is not None and _HOLE.fullmatch(lines[0]):
                found, lines = found[1:], lines[1:]  # "Paper:" among labels is an empty field
            self._begin(found, lines)
        elif self._section == "question" and not (kind == "label" and self._is_begun_by(found[0])):
            self._asked += lines
        elif self._section in self._entries:
            self._read_of_list(kind, lines, found)
        self._is_together = kind == "label"

    def parts(self) -> Parts:
        """What has been read."""
        headed = next((text for lines in self._headed if (text := "\n".join(lines).strip())), None)
        question = _said(headed) if headed else _question_in("\n".join(self._before), self._has_lists)
        return Parts(question, *([_joined(one) for one in self._entries[name]] for name in self._entries))

    def _begin(self, headings: list[re.Match[str]], lines: list[str]) -> None:
        """Sections one right behind the other: what is not empty is the last, but for a question."""
        self._has_lists = self._has_lists or any(one["models"] or one["papers"] for one in headings)
        for heading, line in zip(headings, lines, strict=True):
            if heading is not headings[-1] and not heading["question"]:
                continue
            self._section = next(name for name in _SECTIONS if heading[name])
            self._level = len(line) - len(line.lstrip("#"))
            self._is_stray, self._entry, self._label = False, None, ""
            if self._section == "question":
                self._asked = [(heading["text"] or "").strip("*_ \t")]
                self._headed.append(self._asked)

    def _is_begun_by(self, found: re.Match[str]) -> bool:
        """Whether "Model: ..." or "Title: ..." begins a list, in a text that has no section of models."""
        label = label_in(found["label"])
        if self._has_models or label not in _STRAY or not found["value"].strip():
            return False
        self._section, self._is_stray, self._has_lists = _STRAY[label], True, True
        return True

    def _read_of_list(self, kind: str, lines: list[str], found: list[re.Match[str]]) -> None:
        if kind == "label":
            self._put(found)
        elif kind == "plain":
            self._go_on(lines)
        elif kind == "bullet":
            for line in lines:
                self._read_bullet(line)
        elif kind == "rule" or self._is_stray or LABELS.get(self._label) not in PROSE:
            self._label = ""

    def _put(self, found: list[re.Match[str]]) -> None:
        """Fields of a source; a name begins the next one."""
        for one in found:
            label = " ".join(one["label"].lower().replace("_", " ").split())
            before, value = one["before"], one["value"].lstrip("*_` \t\u00a0").rstrip("` \t\u00a0")
            value = value.removesuffix(before[len(before.rstrip("*_")) :]).rstrip()
            if self._is_stray and label in _STRAY:
                is_title = LABELS[label] == "paper" and self._entry is None and not _WHERE.search(value)
                label = "title" if is_title else label
                self._section = _STRAY[label] if LABELS[label] == "name" else self._section
            if self._entry is None or LABELS[label] == "name":
                self._open({}, None)
            assert self._entry is not None
            values = self._entry.setdefault(label, [])
            if LABELS[label] not in LINK_KINDS:
                values.clear()
            values.append(value)
            self._label = label

    def _go_on(self, lines: list[str]) -> None:
        """Lines behind a field: prose goes on, a name that was wrapped, and a field that is still empty."""
        rest = list(reversed(lines))
        while rest and self._entry is not None and self._label:
            values = self._entry[self._label]
            if LABELS[self._label] in PROSE:
                values += reversed(rest)
                return
            is_wrapped = LABELS[self._label] == "name" and len(values[-1]) >= _WRAPPED
            if values[-1] and not is_wrapped:
                break
            values.append(rest.pop())
        self._label = ""
        if self._is_stray:
            self._asked += reversed(rest)

    def _read_bullet(self, line: str) -> None:
        """A name in a bullet or a heading, if it is no bullet of prose."""
        bare = line.strip()
        found = _BULLET.match(bare)
        assert found is not None
        mark = "1" if found["mark"][0].isdigit() else found["mark"][0]
        opening = (len(line) - len(line.lstrip()), mark)
        if self._section not in self._entries:
            return
        if mark == "#" and len(found["mark"]) <= self._level:
            self._section, self._label = "other", ""  # a heading beside that of the section
        elif mark != "#" and opening != self._opening and LABELS.get(self._label) in PROSE:
            self._go_on([bare])
        elif self._is_stray:
            self._asked.append(bare)
        else:
            self._open(_named(bare[found.end() :]), opening)

    def _open(self, entry: Entry, opening: Opening | None) -> None:
        self._entries[self._section].append(entry)
        self._entry, self._opening, self._label = entry, opening, ""


def _named(content: str) -> Entry:
    """A name and its links, as in "SwinIR (address)", where no label is used."""
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
