"""The server in a process of its own, as its command begins it."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.server.serving import until

REPOSITORY = Path(__file__).resolve().parents[2]


@contextmanager
def begun_server(folder: Path, *, port: int | None = None) -> Iterator[tuple[str, int]]:
    """Its address and the number of its process; what it says goes into `said.txt` of the folder."""
    port = port or free_port()
    command = "import sys; from anyres.cli.main import main; sys.argv[0] = 'anyres'; main()"
    arguments = ["studio", "--port", str(port), "--folder", str(folder / "studio")]
    environment = {**os.environ, "ANYRES_STORE": str(folder / "store.db"), "PYTHONPATH": str(REPOSITORY)}
    with (folder / "said.txt").open("w") as said:
        process = subprocess.Popen(
            [sys.executable, "-c", command, *arguments], env=environment, stdout=said, stderr=said
        )
        try:
            until(lambda: is_there(port))
            yield f"http://127.0.0.1:{port}", process.pid
        finally:
            process.terminate()
            process.wait(20)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def is_there(port: int) -> bool:
    """Whether somebody listens on a port."""
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0
