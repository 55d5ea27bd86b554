from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from anyres.core.errors import InputError
from anyres.server.app import make_app
from tests.server.serving import Serve, png

ELSEWHERE = "evil.example"


@pytest.mark.parametrize(
    "host", [f"{ELSEWHERE}:8000", "127.0.0.1:9", "localhost", "", "127.0.0.1.nip.io:8000"]
)
def test_a_foreign_host_is_refused(client: TestClient, host: str) -> None:
    answer = client.get("/api/about", headers={"Host": host})
    assert answer.status_code == 403
    assert answer.json()["kind"] == "refused"


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "LOCALHOST:8000", "[::1]:8000"])
def test_our_own_hosts_are_not(client: TestClient, host: str) -> None:
    assert client.get("/api/about", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "null"},
        {"Origin": f"http://{ELSEWHERE}"},
        {"Origin": "http://127.0.0.1:9000"},
        {"Origin": "https://127.0.0.1:8000"},
        {"Origin": "http://localhost:8000"},  # another name than the one that was asked
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_sites_page_can_neither_ask_nor_send(client: TestClient, headers: dict[str, str]) -> None:
    assert client.get("/api/runs", headers=headers).status_code == 403
    assert client.post("/api/files", headers=headers, content=png()).status_code == 403
    assert client.get("/api/files").json() == []


def test_our_own_page_can(client: TestClient) -> None:
    headers = {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/api/files", headers=headers, content=png()).status_code == 201


def test_a_long_body_is_refused_whether_it_says_its_length_or_not(serve: Serve) -> None:
    client = serve(body_kilobytes=1.0)

    def in_parts() -> Iterator[bytes]:
        yield from [b" " * 500] * 5

    for content in (b" " * 5000, in_parts()):
        assert client.post("/api/ask", content=content).status_code == 413
    assert client.get("/api/about").status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_an_address_that_others_reach_is_refused_with_the_reason(host: str) -> None:
    with pytest.raises(InputError, match="no accounts"):
        make_app(port=8000, host=host)


def test_every_answer_tells_the_browser_what_it_may_load(client: TestClient) -> None:
    for answer in (client.get("/"), client.get("/api/about"), client.get("/nothing")):
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert client.get("/nothing").json()["kind"] == "not_there"
