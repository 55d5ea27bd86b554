import asyncio
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import httpx2
import psutil
import pytest
from fastapi.testclient import TestClient

from tests.server.serving import png, until, uploaded

Server = tuple[str, int]


def connected(address: str) -> socket.socket:
    found = urlparse(address)
    assert found.hostname is not None
    return socket.create_connection((found.hostname, found.port or 80), timeout=10)


def head_of_upload(address: str, length: int) -> bytes:
    host = urlparse(address).netloc
    return f"POST /api/files HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n".encode()


@pytest.mark.slow
def test_a_hundred_uploads_at_once_are_kept_and_memory_returns(server: Server) -> None:
    address, process = server
    contents = [png(300, 200, seed) for seed in range(100)]
    with httpx2.Client(base_url=address, timeout=60) as client:
        client.post("/api/files", content=contents[0])  # what it loads at the first one
        before = psutil.Process(process).memory_info().rss
        with ThreadPoolExecutor(32) as pool:
            codes = list(pool.map(lambda one: client.post("/api/files", content=one).status_code, contents))
        assert codes == [201] * 100
        assert len(client.get("/api/files").json()) == 101
        assert psutil.Process(process).memory_info().rss - before < 100e6


@pytest.mark.slow
def test_an_upload_that_breaks_off_leaves_nothing(server: Server, tmp_path: Path) -> None:
    address, _ = server
    for _ in range(3):
        with connected(address) as upload:
            upload.sendall(head_of_upload(address, 10_000_000) + b"x" * 100_000)
            until(lambda: any((tmp_path / "studio" / "incoming").iterdir()))
    until(lambda: not any((tmp_path / "studio" / "incoming").iterdir()))
    assert httpx2.get(f"{address}/api/files").json() == []


@pytest.mark.slow
def test_slow_clients_do_not_hold_up_others(server: Server) -> None:
    address, _ = server
    slow = [connected(address) for _ in range(50)]
    for number, one in enumerate(slow):
        one.sendall(
            head_of_upload(address, 1000)[: 30 + number] if number % 2 else head_of_upload(address, 9)
        )
    begun = time.monotonic()
    assert httpx2.get(f"{address}/api/about").status_code == 200
    assert httpx2.post(f"{address}/api/files", content=png()).status_code == 201
    assert time.monotonic() - begun < 5
    for one in slow:
        one.close()


@pytest.mark.slow
def test_two_tabs_on_one_run_see_the_same_and_one_that_leaves_ends_nothing(server: Server) -> None:
    address, _ = server
    with httpx2.Client(base_url=address, timeout=60) as client:
        picture = client.post("/api/files", content=png(150, 150)).json()["id"]
        run = client.post("/api/operations/upscale", json={"image": picture, "scale": 6.0}).json()["id"]
        path = f"/api/runs/{run}/events"
        with client.stream("GET", path) as left:
            assert next(left.iter_lines()).startswith("id: 1")
        with ThreadPoolExecutor(2) as pool:
            texts = list(pool.map(lambda _: client.get(path).text, range(2)))
        assert texts[0] == texts[1]
        assert "event: done" in texts[0]
        assert client.get(f"/api/runs/{run}").json()["status"] == "done"


def test_a_full_disk_is_told_and_leaves_nothing(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def full(*_: Any) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patched:
        patched.setattr(asyncio, "to_thread", full)
        answer = client.post("/api/files", content=png())
    assert answer.status_code == 413
    assert "No space left" in answer.json()["message"]
    assert not any((tmp_path / "studio" / "incoming").iterdir())
    uploaded(client)


def test_a_workflow_with_names_that_are_scripts_or_paths_is_refused(client: TestClient) -> None:
    picture = uploaded(client)["id"]
    node = {"operation": "upscale@1.0.0", "inputs": {"image": "inputs.photo"}}
    document: dict[str, Any] = {
        "anyres_workflow": 1,
        "name": "mine",
        "version": "1.0.0",
        "inputs": {"photo": {"type": "Image"}},
        "nodes": {"enlarge": node},
        "outputs": {"large": "enlarge.result"},
    }
    wrong: list[dict[str, Any]] = [
        {"name": "../../mine"},
        {"outputs": {"../large": "enlarge.result"}},
        {"nodes": {"enlarge": {**node, "operation": "os.system@1.0.0"}}},
        {"nodes": {"<img src=x onerror=alert(1)>": node}},
    ]
    for change in wrong:
        body = {"document": {**document, **change}, "inputs": {"photo": picture}}
        answer = client.post("/api/runs", json=body)
        assert answer.status_code == 400, answer.text
        assert answer.headers["content-type"] == "application/json"


@pytest.mark.slow
def test_an_open_stream_does_not_keep_the_server_from_ending(tmp_path: Path) -> None:
    from tests.server.live import begun_server

    with (
        begun_server(tmp_path) as (address, process),
        httpx2.Client(base_url=address, timeout=60) as client,
    ):
        picture = client.post("/api/files", content=png(300, 300)).json()["id"]
        body = {"image": picture, "scale": 12.0}
        run = client.post("/api/operations/upscale", json=body).json()["id"]
        with client.stream("GET", f"/api/runs/{run}/events") as stream:
            assert next(stream.iter_lines()).startswith("id: 1")
            psutil.Process(process).terminate()
            psutil.Process(process).wait(15)
