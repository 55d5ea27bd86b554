"""A server of each test's own."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:  # pytest's jaxtyping hook must come before the package
    from fastapi.testclient import TestClient
    from playwright.sync_api import Browser

    from tests.server.serving import Serve


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator["Serve"]:
    """A server of its own limits; a second call with the same folder is a restart."""
    from fastapi.testclient import TestClient

    from anyres.server.app import make_app
    from anyres.server.limits import ServerLimits

    monkeypatch.setenv("ANYRES_STORE", str(tmp_path / "store.db"))
    open_clients: list[TestClient] = []

    def begin(**limits: Any) -> "TestClient":
        app = make_app(port=8000, folder=tmp_path / "studio", limits=ServerLimits(**limits))
        client = TestClient(app, base_url="http://127.0.0.1:8000")
        client.__enter__()
        open_clients.append(client)
        return client

    yield begin
    for client in open_clients:
        client.__exit__(None, None, None)


@pytest.fixture
def client(serve: "Serve") -> "TestClient":
    """A server with the usual limits."""
    return serve()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, int]]:
    """Address and process of a server as its command begins it."""
    from tests.server.live import begun_server

    with begun_server(tmp_path) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """Chromium, for all tests of a file."""
    from tests.server.browsing import begun_browser

    with begun_browser() as found:
        yield found


@pytest.fixture(scope="module")
def address(browser: "Browser", tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server for all tests of a file that a browser visits."""
    from tests.server.live import begun_server

    with begun_server(tmp_path_factory.mktemp("studio")) as (found, _):
        yield found
