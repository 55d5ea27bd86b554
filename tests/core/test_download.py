import hashlib
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlunsplit

import pytest

from anyres.core import download as module
from anyres.core.download import download, fetch
from anyres.core.errors import InputError, LimitError, RunError, WeightsError

CONTENT = bytes(range(256)) * 4096  # 1 MB: four blocks
SHA256 = hashlib.sha256(CONTENT).hexdigest()
HALF = len(CONTENT) // 2


@dataclass
class Server:
    """A server on this machine: what it does, and what it was asked."""

    address: str = ""
    content: bytes = CONTENT
    knows_ranges: bool = True
    wrong_start: bool = False
    stops_after: int | None = None
    kind: str = "application/octet-stream"
    code: int = 200
    says_length: bool = True
    leads_to: str | None = None
    asked: list[str | None] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    does: Server

    def do_GET(self) -> None:
        does, asked = self.does, self.headers.get("Range")
        does.asked.append(asked)
        if does.leads_to:
            self.send_response(302)
            self.send_header("Location", does.leads_to)
            self.end_headers()
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and does.knows_ranges else 0
        if start >= len(does.content) > 0:
            self.send_error(416)
            return
        start = 0 if does.wrong_start else start
        part = does.content[start:]
        self.send_response(206 if asked and does.knows_ranges else does.code)
        self.send_header("Content-Type", does.kind)
        if does.says_length:
            self.send_header("Content-Length", str(len(part)))
        if asked and does.knows_ranges:
            self.send_header("Content-Range", f"bytes {start}-{len(does.content) - 1}/{len(does.content)}")
        self.end_headers()
        self.wfile.write(part[: does.stops_after])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    does = Server()
    handler = type("Handler", (Handler,), {"does": does})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        does.address = urlunsplit(("http", f"127.0.0.1:{http.server_port}", "/one.pth", "", ""))
        yield does
        http.shutdown()
        thread.join()


def fetched(server: Server, path: Path, *, sha256: str = SHA256, max_bytes: int = 1 << 21) -> list[int]:
    told: list[int] = []
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    fetch(
        lambda request: opener.open(request, timeout=5),
        server.address,
        path,
        sha256=sha256,
        max_bytes=max_bytes,
        progress=lambda there, total: told.append(there),
    )
    return told


@pytest.mark.parametrize("sha256", [SHA256, SHA256[:8]])
def test_a_file_is_fetched_checked_and_told_of(server: Server, tmp_path: Path, sha256: str) -> None:
    told = fetched(server, tmp_path / "folder" / "one.pth", sha256=sha256)
    assert (tmp_path / "folder" / "one.pth").read_bytes() == CONTENT
    assert told[-1] == len(CONTENT)
    assert told == sorted(told)
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["one.pth"]


def test_a_file_that_is_there_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / "one.pth").write_bytes(CONTENT)
    fetched(server, tmp_path / "one.pth")
    assert server.asked == []


def test_a_fetch_that_stopped_goes_on_where_it_was(server: Server, tmp_path: Path) -> None:
    server.stops_after = HALF
    with pytest.raises(RunError, match=r"0\.5 MB have arrived; the same command goes on"):
        fetched(server, tmp_path / "one.pth")
    assert not (tmp_path / "one.pth").exists()
    server.stops_after = None
    told = fetched(server, tmp_path / "one.pth")
    assert server.asked == [None, f"bytes={HALF}-"]
    assert told[0] > HALF
    assert (tmp_path / "one.pth").read_bytes() == CONTENT


@pytest.mark.parametrize("trait", ["knows_ranges", "wrong_start"])
def test_a_server_that_cannot_go_on_sends_all_of_it(server: Server, tmp_path: Path, trait: str) -> None:
    setattr(server, trait, trait == "wrong_start")
    (tmp_path / "one.pth.part").write_bytes(CONTENT[:HALF])
    fetched(server, tmp_path / "one.pth")
    assert server.asked == [f"bytes={HALF}-"]
    assert (tmp_path / "one.pth").read_bytes() == CONTENT


def test_a_part_that_is_whole_is_only_checked(server: Server, tmp_path: Path) -> None:
    (tmp_path / "one.pth.part").write_bytes(CONTENT)
    assert fetched(server, tmp_path / "one.pth") == []
    assert (tmp_path / "one.pth").read_bytes() == CONTENT


def test_another_file_than_the_one_wanted_is_thrown_away(server: Server, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=f"sha256 {SHA256}; expected {'0' * 64}"):
        fetched(server, tmp_path / "one.pth", sha256="0" * 64)
    assert list(tmp_path.iterdir()) == []


def test_a_web_page_instead_of_the_file_is_told(server: Server, tmp_path: Path) -> None:
    server.kind = "text/html; charset=utf-8"
    with pytest.raises(WeightsError, match="gave a web page, not a file"):
        fetched(server, tmp_path / "one.pth")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("says_length", [True, False])
def test_a_file_over_the_limit_is_not_fetched(server: Server, tmp_path: Path, says_length: bool) -> None:
    server.says_length = says_length
    with pytest.raises(LimitError, match=r"at most 0\.5 MB were expected"):
        fetched(server, tmp_path / "one.pth", max_bytes=HALF)
    there = list(tmp_path.iterdir())
    assert sum(path.stat().st_size for path in there) <= HALF


def test_an_address_without_a_file_is_told(server: Server, tmp_path: Path) -> None:
    server.code = 404
    with pytest.raises(RunError, match="answered 404 Not Found"):
        fetched(server, tmp_path / "one.pth")


def test_no_network_is_told(tmp_path: Path) -> None:
    def unreachable(request: urllib.request.Request) -> object:
        raise OSError(101, "Network is unreachable")

    with pytest.raises(RunError, match=r"Network is unreachable. 0\.0 MB have arrived"):
        fetch(unreachable, "https://github.com", tmp_path / "one", sha256=SHA256, max_bytes=9)


@pytest.mark.parametrize(
    "address",
    ["http://github.com/one.pth", "file:///etc/hosts", "ftp://github.com/one", "one.pth", "//[x"],
)
def test_an_address_that_is_not_https_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(InputError, match="is not an https address"):
        download(address, tmp_path / "one.pth", sha256=SHA256)


def test_a_host_that_is_no_name_is_told(tmp_path: Path) -> None:
    def refuse(request: urllib.request.Request) -> object:
        raise UnicodeError("label empty or too long")

    with pytest.raises(RunError, match=r"could not be fetched \(label empty"):
        fetch(refuse, "https://github.com", tmp_path / "one", sha256=SHA256, max_bytes=9)


@pytest.mark.parametrize("target", ["http://github.com/one.pth", "ftp://github.com/one"])
def test_an_https_address_that_leads_elsewhere_is_not_followed(
    server: Server, tmp_path: Path, target: str
) -> None:
    server.leads_to = target
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), module._EncryptedRedirects())
    with pytest.raises(InputError, match=f"leads to {target}, which is not https"):
        fetch(opener.open, server.address, tmp_path / "one.pth", sha256=SHA256, max_bytes=1 << 21)
