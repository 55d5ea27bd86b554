"""The application: routes behind the guard, and the page where it is built."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.responses import FileResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles

from anyres.core.errors import InputError
from anyres.server import routes_about, routes_files, routes_runs
from anyres.server.guards import Guard
from anyres.server.limits import ServerLimits
from anyres.server.problems import answer_problems
from anyres.server.studio import Studio
from anyres.server.vault import Vault
from anyres.workflow.store import store_path

LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
PAGE: Final = Path(__file__).parent / "page"
_WITHOUT_PAGE: Final = (
    "This is the anyres studio's server, whose page is not built in this installation.\n"
    "To have it: `make page` in a clone, or install anyres again with Node 20.19 or newer and a network.\n"
    "What it can do is described in /api/openapi.json; /api/about says what it takes.\n"
)


def studio_folder() -> Path:
    """Where uploads and results are kept if nobody says: in the user's data folder."""
    from platformdirs import user_data_path

    return user_data_path("anyres", appauthor=False) / "studio"


def make_app(
    *,
    port: int,
    host: str = LOOPBACK[0],
    folder: Path | None = None,
    limits: ServerLimits | None = None,
) -> FastAPI:
    """The application for one address; its work begins and ends with the server.

    Args:
        port: On which it will be asked.
        host: An address of this machine alone.
        folder: Of uploads and results; `studio_folder` if not given.
        limits: What it takes and does at most.

    Raises:
        InputError: For a host that others can reach.
    """
    refuse_open_host(host)
    vault = Vault(folder or studio_folder(), store_path(), limits or ServerLimits())
    studio = Studio(vault)

    @asynccontextmanager
    async def alive(_: FastAPI) -> AsyncIterator[None]:
        studio.start()
        yield
        studio.stop()

    is_built = (PAGE / "index.html").is_file()
    app = FastAPI(
        title="anyres",
        version=version("anyres"),
        lifespan=alive,
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    answer_problems(app, vault)
    app.include_router(routes_about.routes(studio, is_page_built=is_built))
    app.include_router(routes_files.routes(studio))
    app.include_router(routes_runs.routes(studio))
    _add_page(app, PAGE if is_built else None)
    body_bytes = int(vault.limits.body_kilobytes * 1000)
    app.add_middleware(Guard, hosts=hosts_of(port), body_bytes=body_bytes)
    app.state.studio = studio
    return app


def _add_page(app: FastAPI, folder: Path | None) -> None:
    """The page's files by their names, or a word on how to have them.

    No mount of "/": it would answer what a route refuses for its method, with 404 instead of 405.
    """
    if folder is None:
        app.add_api_route(
            "/", lambda: _WITHOUT_PAGE, response_class=PlainTextResponse, include_in_schema=False
        )
        return
    for path in folder.iterdir():
        if path.is_dir():
            app.mount(f"/{path.name}", StaticFiles(directory=path))
        else:
            address = "/" if path.name == "index.html" else f"/{path.name}"
            app.add_api_route(address, _giving(path), include_in_schema=False)


def _giving(path: Path) -> Callable[[], FileResponse]:
    def give() -> FileResponse:
        return FileResponse(path)

    return give


def refuse_open_host(host: str) -> None:
    """InputError for an address that other machines can reach."""
    if host not in LOOPBACK:
        raise InputError(
            f"The studio has no accounts yet, so that it listens on this machine alone; {host} could be "
            f"reached by others. Use one of {', '.join(LOOPBACK)}."
        )


def hosts_of(port: int) -> frozenset[str]:
    """What a Host header may say."""
    names = [f"[{one}]" if ":" in one else one for one in LOOPBACK]
    bare = names if port == 80 else []
    return frozenset([*(f"{name}:{port}" for name in names), *bare])
