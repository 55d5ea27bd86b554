import json
import socket
from http.server import BaseHTTPRequestHandler

import pytest

from anyres.advisor import language_model
from anyres.advisor.answer import Answer
from anyres.advisor.language_model import Endpoint, endpoint_of_environment, with_prose
from anyres.advisor.question import Language
from anyres.core.errors import InputError
from tests.advisor.language_model_stub import (
    GOOD,
    KEY,
    Send,
    Stub,
    good,
    is_plain,
    message,
    replying,
    said_by,
    saying,
    told,
    with_ids,
    writing,
)

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
        sentences = [with_ids(one, told(body)["evidence"]) for one in good("en")]
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
