"""A language model of the tests: a server on this machine that answers what it is told to."""

import html
import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from anyres.advisor.answer import Answer
from anyres.advisor.formats import FORMATS
from anyres.advisor.language_model import Endpoint
from anyres.advisor.question import Language
from anyres.advisor.render import rendered

KEY = "sk-of-nobody-7"
UNKNOWN = 99  # the id of evidence that was not sent
# What language models answered, or might: `cites` are ids, or words of the evidence that the stub looks up.
BAD: list[dict[str, Any]] = json.loads((Path(__file__).parent / "bad_answers.json").read_text("utf-8"))
SENTENCES = [entry for entry in BAD if entry["check"].startswith("V")]
MESSAGES = [entry for entry in BAD if not entry["check"].startswith("V")]
GOOD: dict[Language, list[tuple[int, str, list[str]]]] = {
    "en": [
        (1, "You want to enlarge one picture, by a factor of 2.", ["You want to enlarge", "a factor of 2"]),
        (2, "Here is how it works, step by step.", []),
        (2, "a picture -> SISR-Any-LIIF-RDN -> a larger picture", ["a picture -> SISR"]),
        (2, "First, an encoder makes a grid of feature vectors.", ["An encoder makes", "a grid of feature"]),
        (2, "Each vector is joined with its eight neighbours.", ["its eight neighbours"]),
        (2, "The decoder gets the nearest feature vector.", ["the nearest feature vector and"]),
        (2, "It is told the cell: the height and width of the pixel.", ["the height and width"]),
        (2, "Four answers are blended by area, so that no seam shows.", ["blended by area"]),
        (2, "It is trained with factors between 1 and 4.", ["evenly between 1 and 4"]),
        (2, "The factor 2 lies inside that range.", ["lies inside the range"]),
        (
            2,
            "Detail is inferred from the training pictures: it is likely, not known.",
            ["Detail is inferred"],
        ),
    ],
    "ko": [
        (1, "요청한 배율은 2배입니다.", ["요청한 배율은 2배"]),
        (2, "사진 -> SISR-Any-LIIF-RDN -> 더 큰 사진", ["사진 -> SISR"]),
        (
            2,
            "작은 사진은 특징 벡터의 격자가 되고, 각 벡터는 주변 여덟 개와 합쳐져 있습니다.",
            ["작은 사진은 특징"],
        ),
        (2, "배율은 1에서 4 사이에서 뽑아 학습합니다.", ["고르게 뽑아"]),
        (2, "2배는 학습에서 본 범위 안에 있습니다.", ["범위 1~4 안에"]),
    ],
}

Send = Callable[[BaseHTTPRequestHandler, bytes], None]


@dataclass
class Stub:
    """A language model of this machine: what it does with a request, and the requests that it has seen."""

    address: str
    send: Send
    seen: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)  # path, headers, body
    is_over: threading.Event = field(default_factory=threading.Event)

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(self.address, "stub", KEY)


def good(language: Language) -> list[dict[str, Any]]:
    return [
        {"part": part, "text": text, "kind": "claim" if cites else "glue", "cites": cites}
        for part, text, cites in GOOD[language]
    ]


def replying(body: bytes, status: int = 200, **headers: str) -> Send:
    """Sends these bytes."""

    def send(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return send


def writing(body: bytes) -> Send:
    """Writes these bytes where the head of an answer belongs, and hangs up."""

    def send(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.wfile.write(body)
        handler.connection.shutdown(socket.SHUT_RDWR)

    return send


def message(content: str) -> bytes:
    return json.dumps({"choices": [{"message": {"content": content}}]}).encode()


def saying(content: str | list[dict[str, Any]], *, blanks: int = 0) -> Send:
    """Answers with a text, or with sentences whose citations are looked up in the evidence that was sent."""

    def send(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        text = content
        if isinstance(text, list):
            evidence = told(body)["evidence"]
            text = json.dumps({"sentences": [with_ids(one, evidence) for one in text]})
        replying(b" " * blanks + message(text))(handler, body)

    return send


def with_ids(sentence: dict[str, Any], evidence: list[dict[str, Any]]) -> dict[str, Any]:
    cites = sentence["cites"]
    if not isinstance(cites, list):
        return sentence
    return {**sentence, "cites": [_id(one, evidence) if is_words(one) else one for one in cites]}


def is_words(cited: object) -> bool:
    return isinstance(cited, str) and not cited.isdigit()


def _id(words: str, evidence: list[dict[str, Any]]) -> int:
    return next((int(unit["id"]) for unit in evidence if words in unit["words"]), UNKNOWN)


def told(body: bytes) -> dict[str, Any]:
    """What a request says to the language model as its user."""
    found: dict[str, Any] = json.loads(json.loads(body)["messages"][1]["content"])
    return found


def said_by(answer: Answer) -> dict[str, str]:
    """All formats of an answer as a reader sees them: on one line, without what escapes a sign."""
    made = {form: rendered(answer, form) for form in FORMATS}
    made["html"] = html.unescape(made["html"])
    made["markdown"] = made["markdown"].replace("\\", "")
    return {form: " ".join(text.split()) for form, text in made.items()}


def language_of(entry: dict[str, Any]) -> Language:
    return "ko" if entry.get("language") == "ko" else "en"


def is_plain(result: Answer, plain: Answer) -> bool:
    """Whether the plain answer stands, with a notice that says so."""
    return (
        not result.is_prose
        and result.sentences == plain.sentences
        and any(notice.startswith("The language model was not used") for notice in result.notices)
    )
