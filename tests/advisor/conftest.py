import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from anyres.advisor.answer import Answer
from anyres.advisor.ask import answer_of
from anyres.advisor.brief import example_brief
from anyres.advisor.question import Language
from tests.advisor.language_model_stub import Stub, good, saying


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
