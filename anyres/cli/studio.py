"""`anyres studio`: the server, on this machine alone."""

import socket
from pathlib import Path
from typing import Annotated

import typer

from anyres.cli.report import say
from anyres.core.errors import InputError

Host = Annotated[str, typer.Option(help="Address to listen on; of this machine alone.")]
Port = Annotated[int, typer.Option(min=1, max=65_535, help="Port to listen on.")]
Kept = Annotated[
    Path | None,
    typer.Option("--folder", help="Of pictures and results; in your data folder if not named."),
]


def studio(host: Host = "127.0.0.1", port: Port = 8000, folder: Kept = None) -> None:
    """Serve anyres to programs and browsers on this machine, over HTTP.

    Pictures go in and results come out by ids; runs are kept, and go on after a restart.
    """
    try:
        import uvicorn

        from anyres.server.app import make_app
    except ImportError as error:
        raise InputError(f"{error.name} is not installed: pip install 'anyres[studio]'.") from error
    app = make_app(host=host, port=port, folder=folder)
    _refuse_taken(host, port)
    shown = f"[{host}]" if ":" in host else host
    say(f"The studio is at http://{shown}:{port} (end it with Ctrl+C).")
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,  # streams of events do not end by themselves
    )


def _refuse_taken(host: str, port: int) -> None:
    """InputError where another program listens there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError as error:
            raise InputError(
                f"{host}:{port} cannot be listened on ({error.strerror}). Choose another with --port."
            ) from error
