"""Where a result is made before it gets its name: hidden beside its place, under a name of its maker.

Two runs of one batch may be at the same item, in one process, in two, or on two machines that share a folder;
neither takes the other's work for the rest of one that was killed.
"""

import contextlib
import functools
import hashlib
import os
import platform
import re
import time
import uuid
from collections.abc import Iterable
from pathlib import Path

import psutil

FOREIGN_REST_S = 86_400.0  # a process of another machine cannot be asked whether it lives; a day says it
_PREFIX = ".anyres-"
_DIGITS = 16  # of an item's hash, in a name
_NAME = re.compile(rf"\.?{re.escape(_PREFIX)}([0-9a-f]+)-([0-9a-f]+)-([0-9a-f]+)-")  # item, machine, process


def staged_path(output: Path, item_hash: str) -> Path:
    """A name beside `output` that no other run uses."""
    maker = f"{_machine()}-{os.getpid():x}-{uuid.uuid4().hex[:8]}"
    return output.with_name(f"{_PREFIX}{item_hash[:_DIGITS]}-{maker}{output.suffix}")


def is_staged(name: str) -> bool:
    """Whether a file of this name is a result in work, or left by a run that was killed."""
    return _NAME.match(name) is not None


def leftovers_in(folder: Path) -> tuple[Path, ...]:
    """All that is staged in a folder, in work or left by a run that was killed; none without a folder."""
    try:
        return tuple(path for path in folder.iterdir() if is_staged(path.name))
    except OSError:
        return ()


def remove_leftovers(staged: Iterable[Path], item_hash: str) -> None:
    """Remove what runs that were killed at this item left, of all that is staged."""
    for path in staged:
        maker = _NAME.match(path.name)
        if maker is None or maker[1] != item_hash[:_DIGITS]:
            continue
        if not _is_in_work(path, machine=maker[2], process=int(maker[3], 16)):
            with contextlib.suppress(OSError):
                path.unlink()


def remove_own(folder: Path) -> None:
    """Remove all that this process staged in a folder."""
    for path in leftovers_in(folder):
        maker = _NAME.match(path.name)
        if maker is not None and maker[2] == _machine() and int(maker[3], 16) == os.getpid():
            with contextlib.suppress(OSError):
                path.unlink()


@functools.cache
def _machine() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:4]


def _is_in_work(path: Path, *, machine: str, process: int) -> bool:
    try:
        written_s = path.stat().st_mtime
        if machine != _machine():
            return time.time() - written_s < FOREIGN_REST_S
    except OSError:
        return False
    return lives_since(process, written_s)


def lives_since(process: int, time_s: float) -> bool:
    """Whether the process of this number lives, and did at that time (seconds since 1970) already."""
    try:
        return bool(psutil.Process(process).create_time() <= time_s)
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:  # it is there, and someone else's
        return True
