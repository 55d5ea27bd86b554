import html
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from anyres.advisor import language_model
from anyres.advisor.answer import Answer
from anyres.advisor.ask import answer_of
from anyres.advisor.brief import example_brief
from anyres.advisor.language_model import Endpoint, endpoint_of_environment, with_prose
from anyres.advisor.phrases import phrases
from anyres.advisor.question import Language
from anyres.advisor.render import FORMATS, rendered
from anyres.core.errors import InputError

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


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name that http.server calls
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            made.seen.append((self.path, dict(self.headers), body))
            made.send(self, body)

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # the client hung up
        made = Stub(f"http://127.0.0.1:{server.server_port}/v1", saying(good("en")))
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.is_over.set()
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def plain() -> dict[Language, Answer]:
    """The answer to the example brief without a language model."""
    return {"en": answer_of(example_brief(), language="en"), "ko": answer_of(example_brief(), language="ko")}


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
            text = json.dumps({"sentences": [_with_ids(one, evidence) for one in text]})
        replying(b" " * blanks + message(text))(handler, body)

    return send


def _with_ids(sentence: dict[str, Any], evidence: list[dict[str, Any]]) -> dict[str, Any]:
    cites = sentence["cites"]
    if not isinstance(cites, list):
        return sentence
    return {**sentence, "cites": [_id(one, evidence) if _is_words(one) else one for one in cites]}


def _is_words(cited: object) -> bool:
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


def test_what_is_recorded_is_bad_by_itself(plain: dict[Language, Answer]) -> None:
    checks = {"V1", "V2", "V3", "V4", "V5", "V7", "V8", "form", "share"}
    assert {entry["check"] for entry in BAD} == checks
    shown = {language: " ".join(said_by(answer).values()) for language, answer in plain.items()}
    held = [entry["id"] for entry in BAD if "never" in entry and entry["never"] in shown[language_of(entry)]]
    assert held == []


def test_the_words_that_are_cited_are_words_of_the_answer(plain: dict[Language, Answer]) -> None:
    told = {
        language: " | ".join(
            part
            for one in answer.sentences
            for part in (one.text, *(answer.sources.words(span) for span in one.spans))
        )
        for language, answer in plain.items()
    }
    cited = [(language_of(entry), one) for entry in SENTENCES for one in entry["content"]["cites"]]
    cited += [(language, one) for language, lines in GOOD.items() for _, _, cites in lines for one in cites]
    assert [one for language, one in cited if _is_words(one) and one not in told[language]] == []


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_good_answer_is_used(stub: Stub, plain: dict[Language, Answer], language: Language) -> None:
    stub.send = saying(good(language))
    result = with_prose(plain[language], stub.endpoint)
    assert [(one.part, one.text) for one in result.sentences if one.part < 3] == [
        (part, text) for part, text, _ in GOOD[language]
    ]
    assert (result.is_prose, result.removed, result.notices) == (True, 0, plain[language].notices)


def test_its_sentences_rest_on_the_spans_of_what_they_cite(stub: Stub, plain: dict[Language, Answer]) -> None:
    result = with_prose(plain["en"], stub.endpoint)
    for (_, text, cites), sentence in zip(GOOD["en"], result.sentences, strict=False):
        cited = [one for words in cites for one in plain["en"].sentences if words in one.text]
        assert set(sentence.spans) == {span for one in cited for span in one.spans} or not cites, text
        assert sentence.spans


def test_part_3_and_the_rest_are_those_of_the_plain_answer(stub: Stub, plain: dict[Language, Answer]) -> None:
    result = with_prose(plain["en"], stub.endpoint)
    assert result.is_prose
    assert result.sentences_of(3) == plain["en"].sentences_of(3)
    for name in ("task", "steps", "roles", "caveats", "not_stated", "links", "document"):
        assert getattr(result, name) == getattr(plain["en"], name)


@pytest.mark.parametrize("entry", SENTENCES, ids=[entry["id"] for entry in SENTENCES])
def test_a_bad_sentence_is_dropped(stub: Stub, plain: dict[Language, Answer], entry: dict[str, Any]) -> None:
    language = language_of(entry)
    stub.send = saying([*good(language)[:4], entry["content"], *good(language)[4:]])
    result = with_prose(plain[language], stub.endpoint)
    shown = said_by(result).items()
    assert [form for form, text in shown if "never" in entry and entry["never"] in text] == [], entry["why"]
    assert (result.is_prose, result.removed) == (True, 1)


@pytest.mark.parametrize("entry", MESSAGES, ids=[entry["id"] for entry in MESSAGES])
def test_after_a_bad_message_the_plain_answer_stands(
    stub: Stub, plain: dict[Language, Answer], entry: dict[str, Any]
) -> None:
    stub.send = saying(_content(entry))
    result = with_prose(plain["en"], stub.endpoint)
    shown = said_by(result).items()
    assert [form for form, text in shown if "never" in entry and entry["never"] in text] == [], entry["why"]
    assert is_plain(result, plain["en"])


def _content(entry: dict[str, Any]) -> str | list[dict[str, Any]]:
    """A message of the record: a text; an object; a sentence, which goes after good ones."""
    content: str | dict[str, Any] = entry["content"]
    times: int = entry.get("times", 1)
    if isinstance(content, str):
        return content * times
    if "text" in content:
        return [*good("en"), content]
    sentences = content.get("sentences")
    if isinstance(sentences, list) and all(isinstance(one, dict) for one in sentences):
        return sentences * times
    return json.dumps(content)


@pytest.mark.parametrize(
    "text",
    ["Each vector is joined, and so on. " * 30 + "No seam shows.", "7" * 10_000, "a-" * 5_000],
    ids=["words", "digits", "hyphens"],
)
def test_a_sentence_too_long_to_be_shown_is_dropped(
    stub: Stub, plain: dict[Language, Answer], text: str
) -> None:
    cites = ["its eight neighbours", "blended by area"]
    stub.send = saying([*good("en"), {"part": 2, "text": text, "kind": "claim", "cites": cites}])
    result = with_prose(plain["en"], stub.endpoint)
    assert (result.is_prose, result.removed) == (True, 1)


@pytest.mark.parametrize("part", [0, 3, 4])
def test_a_sentence_of_another_part_is_removed_and_counted(
    stub: Stub, plain: dict[Language, Answer], part: int
) -> None:
    stub.send = saying([*good("en"), {**good("en")[-1], "part": part}])
    result = with_prose(plain["en"], stub.endpoint)
    assert len(result.sentences) == len(GOOD["en"]) + len(plain["en"].sentences_of(3))
    assert result.removed == 1


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_says_how_many_sentences_were_removed(
    stub: Stub, plain: dict[Language, Answer], form: str
) -> None:
    stub.send = saying([*good("en"), {**good("en")[-1], "cites": [UNKNOWN]}, {**good("en")[2], "cites": []}])
    result = with_prose(plain["en"], stub.endpoint)
    count = '"removed": 2' if form == "json" else phrases("en").words["removed"].format(count=2)
    assert count in said_by(result)[form]


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_says_that_the_plain_answer_stands(
    stub: Stub, plain: dict[Language, Answer], form: str
) -> None:
    stub.send = saying("no JSON")
    assert "The language model was not used" in said_by(with_prose(plain["en"], stub.endpoint))[form]


FAILURES: dict[str, Send] = {
    "hangs up": writing(b""),
    "hangs up in the head": writing(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "hangs up in the body": writing(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{"),
    "hangs up in a chunk": writing(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{"),
    "speaks no HTTP": writing(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "sends endless headers": writing(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n"),
    "answers 401": replying(b"{}", 401),
    "answers 404": replying(message("{}"), 404),
    "answers 500": replying(message("{}"), 500),
    "answers 2 MB": saying(good("en"), blanks=2_000_000),
    "answers nothing": replying(b""),
    "answers no JSON": replying(b"<html>"),
    "answers no UTF-8": replying(b"\xff\xfe\xfd"),
    "answers no choices": replying(b'{"choices": []}'),
    "answers a list": replying(b"[1]"),
    "refuses": replying(b'{"choices": [{"message": {"content": null, "refusal": "No."}}]}'),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_where_the_server_fails_the_plain_answer_stands(
    stub: Stub, plain: dict[Language, Answer], failure: str
) -> None:
    stub.send = FAILURES[failure]
    result = with_prose(plain["en"], stub.endpoint)
    assert is_plain(result, plain["en"])
    assert not any(KEY in text for text in said_by(result).values())


def test_where_nobody_listens_the_plain_answer_stands(plain: dict[Language, Answer]) -> None:
    with socket.socket() as taken:  # bound, and does not listen
        taken.bind(("127.0.0.1", 0))
        closed = Endpoint(f"http://127.0.0.1:{taken.getsockname()[1]}/v1", "stub", KEY)
        assert is_plain(with_prose(plain["en"], closed), plain["en"])


def test_a_server_that_says_nothing_is_not_waited_for(
    stub: Stub, plain: dict[Language, Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(language_model, "TIMEOUT_S", 0.1)
    stub.send = lambda handler, body: _wait(stub, 5.0)
    assert is_plain(with_prose(plain["en"], stub.endpoint), plain["en"])


def test_a_server_that_answers_letter_by_letter_is_not_waited_for(
    stub: Stub, plain: dict[Language, Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(language_model, "TIMEOUT_S", 0.1)

    def send(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(12):  # 0.6 s, a blank each half of the time allowed
            handler.wfile.write(b" ")
            _wait(stub, 0.05)
        sentences = [_with_ids(one, told(body)["evidence"]) for one in good("en")]
        handler.wfile.write(message(json.dumps({"sentences": sentences})))

    stub.send = send
    assert is_plain(with_prose(plain["en"], stub.endpoint), plain["en"])


def _wait(stub: Stub, time_s: float) -> None:
    stub.is_over.wait(time_s)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(stub: Stub, plain: dict[Language, Answer], status: int) -> None:
    stub.send = replying(b"", status, Location=f"{stub.address}/elsewhere")
    assert is_plain(with_prose(plain["en"], stub.endpoint), plain["en"])
    assert [path for path, _, _ in stub.seen] == ["/v1/chat/completions"]


@pytest.mark.parametrize(
    "address",
    [
        "http://a.example/v1",
        "http://127.0.0.1.a.example/v1",
        "http://localhost@a.example/v1",
        "http://192.168.0.7/v1",
        "http://0.0.0.0/v1",
        "ftp://127.0.0.1/v1",
        "file:///etc/passwd",
        "a.example/v1",
        "https:///v1",
        "http://[::1/v1",
        "http://127.0.0.1:port/v1",
        "https://a.example/v 1",
    ],
)
def test_an_address_that_is_neither_https_nor_of_this_machine_is_refused(address: str) -> None:
    with pytest.raises(InputError, match="ANYRES_LLM_URL") as caught:
        Endpoint(address, "stub", KEY)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["https://a.example/v1", "http://localhost:1/v1", "http://127.0.0.1:1", "http://[::1]:1/v1"]
)
def test_https_and_this_machine_are_taken(address: str) -> None:
    assert Endpoint(address, "stub").address == address


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(InputError) as caught:
        Endpoint(f"https://user:{KEY}@a.example/v1", "stub")
    assert KEY not in str(caught.value)


def test_the_key_is_sent_as_a_header_and_nowhere_else(stub: Stub, plain: dict[Language, Answer]) -> None:
    with_prose(plain["en"], stub.endpoint)
    ((path, headers, body),) = stub.seen
    assert {name for name, value in headers.items() if KEY in value} == {"Authorization"}
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert KEY not in path
    assert KEY.encode() not in body


def test_without_a_key_no_authorization_is_sent(stub: Stub, plain: dict[Language, Answer]) -> None:
    with_prose(plain["en"], Endpoint(stub.address, "stub"))
    assert "Authorization" not in stub.seen[0][1]


def test_the_key_is_not_part_of_what_is_shown_of_an_endpoint() -> None:
    endpoint = Endpoint("https://a.example/v1", "stub", KEY)
    assert KEY not in f"{endpoint!r} {endpoint} {[endpoint]}"


@pytest.mark.parametrize(
    "key", [f"{KEY}\r", f"{KEY}\n", f"{KEY}\r\nX: y", f"{KEY}\0", f"{KEY}열쇠"], ids=ascii
)
def test_a_key_that_is_no_header_is_not_shown(stub: Stub, plain: dict[Language, Answer], key: str) -> None:
    try:
        shown = " ".join(said_by(with_prose(plain["en"], Endpoint(stub.address, "stub", key))).values())
    except InputError as error:
        shown = str(error)
    assert KEY not in shown


def test_a_key_for_this_machine_goes_through_no_proxy(
    stub: Stub, plain: dict[Language, Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", stub.address.removesuffix("/v1"))
    with_prose(plain["en"], stub.endpoint)
    assert [path for path, _, _ in stub.seen] == ["/v1/chat/completions"]  # a proxy sees the whole address


@pytest.mark.parametrize("language", ["en", "ko"])
def test_only_question_evidence_and_language_are_sent(
    stub: Stub, plain: dict[Language, Answer], language: Language
) -> None:
    answer = plain[language]
    with_prose(answer, stub.endpoint)
    request, sent = json.loads(stub.seen[0][2]), told(stub.seen[0][2])
    assert set(request) == {"model", "temperature", "seed", "max_tokens", "messages", "response_format"}
    assert [one["role"] for one in request["messages"]] == ["system", "user"]
    assert (sent.pop("question"), sent.pop("language")) == (answer.question, language)
    known = {one.text for one in answer.sentences}
    known |= {answer.sources.words(span) for one in answer.sentences for span in one.spans}
    for unit in sent.pop("evidence"):
        assert set(unit) == {"id", "source", "words"}
        assert set(unit["words"].split(" | ")) <= known
        assert unit["source"] in {source.name for source in answer.sources.values()}
    assert sent == {}


def test_what_the_language_model_is_told_first_does_not_depend_on_the_question(
    stub: Stub, plain: dict[Language, Answer]
) -> None:
    for language in GOOD:
        with_prose(plain[language], stub.endpoint)
    first, second = (json.loads(body) for _, _, body in stub.seen)
    assert {**first, "messages": first["messages"][:1]} == {**second, "messages": second["messages"][:1]}
    assert first["temperature"] == 0


def test_the_environment_names_address_model_and_key(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "ANYRES_LLM_URL": " https://a.example/v1 ",
        "ANYRES_LLM_MODEL": "m",
        "ANYRES_LLM_KEY": f"{KEY}\n",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    assert endpoint_of_environment() == Endpoint("https://a.example/v1", "m", KEY)


@pytest.mark.parametrize("value", [None, "", "  "])
def test_without_an_address_the_error_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.setenv("ANYRES_LLM_URL", value or "")
    if value is None:
        monkeypatch.delenv("ANYRES_LLM_URL")
    with pytest.raises(InputError, match="set ANYRES_LLM_URL"):
        endpoint_of_environment()
