"""A server without a socket, pictures for it, and waiting for what it does."""

import io
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import PIL.Image
from fastapi.testclient import TestClient

ENDED = ("done", "partial", "failed", "cancelled")
Serve = Callable[..., TestClient]


def png(width: int = 24, height: int = 16, seed: int = 0) -> bytes:
    """Noise, as a PNG."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def uploaded(client: TestClient, content: bytes | None = None, name: str = "photo.png") -> Any:
    """An upload's entry."""
    answer = client.post("/api/files", params={"name": name}, content=content or png())
    assert answer.status_code == 201, answer.text
    return answer.json()


def ended(client: TestClient, run: Any, *, seconds: float = 120) -> Any:
    """A run once it ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = client.get(f"/api/runs/{run['id']}").json()
        if found["status"] in ENDED:
            return found
        time.sleep(0.05)
    raise AssertionError(f"the run did not end: {found}")


def until(is_so: Callable[[], bool], *, seconds: float = 60) -> None:
    """Wait for something; an AssertionError if it does not come."""
    last = time.monotonic() + seconds
    while time.monotonic() < last:
        if is_so():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come")
