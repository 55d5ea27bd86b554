"""Results on disk, found again by what they are made of: nothing that was computed here is computed twice.

The key of a result is the sha256 of all that decides it: the operation's name, version and code, its
parameters, the keys of what flows in, the weights, and what arithmetic the machine chooses. One file holds
one result; it is written beside its place and renamed, and one that is cut or changed counts as none. When
the folder outgrows its limit, what was not used for longest goes first. A folder that cannot be written means
that nothing is kept, never that a run fails.
"""

import contextlib
import hashlib
import json
import os
import threading
import time
import uuid
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Final

from anyres.core.errors import AnyresError
from anyres.core.image import Rows
from anyres.workflow.codec import Value, Writer, parts_of, read_value, size_bytes
from anyres.workflow.graph import Node
from anyres.workflow.provenance import libraries_here

FOLDER_VARIABLE: Final = "ANYRES_CACHE"
MAX_BYTES: Final = 4_000_000_000
LARGEST_SHARE: Final = 0.25  # of the limit that one result may take: it would push all others out
_SUFFIX: Final = ".value"
_PART: Final = ".part"
_ABANDONED_S: Final = 86_400.0  # without a write since: the rest of a run that was killed
_KEPT_SHARE: Final = 0.9  # of the limit is left after some had to go, so that not every result costs a search


class Cache:
    """A folder of results; several runs, threads and processes can share one."""

    def __init__(self, folder: Path | None = None, max_bytes: int = MAX_BYTES) -> None:
        """Nothing is read or written before it is used.

        Args:
            folder: Where the results lie; ANYRES_CACHE, or else the user's cache folder, if not given.
            max_bytes: That all of them together may take.
        """
        self.folder = folder or default_folder()
        self.max_bytes = max_bytes
        self._lock = threading.Lock()
        self._total: int | None = None  # bytes in the folder, as far as this object knows

    def get(self, key: str) -> Value | None:
        """The result of that key, a picture as `Rows`; None where there is none that is whole."""
        path = self._path(key)
        try:
            value = read_value(path)
        except (ValueError, AnyresError):  # cut, changed, or by another version: it is made anew
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        except OSError:  # not there; or it cannot be opened now, and may be whole
            return None
        with contextlib.suppress(OSError):  # a cache that can only be read
            os.utime(path)  # it was used now
        return value

    def put(self, key: str, value: Value) -> None:
        """Keep a result that is whole."""
        entry = self._entry(key, value)
        if entry:
            with contextlib.closing(entry.parts(value)) as parts:
                for _ in parts:
                    pass

    def recorded(self, key: str, rows: Rows) -> Rows:
        """The same rows, which are kept once the last of them was taken."""
        entry = self._entry(key, rows)
        return replace(rows, stripes=entry.stripes(rows)) if entry else rows

    def _path(self, key: str) -> Path:
        return self.folder / (key + _SUFFIX)

    def _entry(self, key: str, value: Value) -> "_Entry | None":
        with contextlib.suppress(OSError):
            if size_bytes(value) <= LARGEST_SHARE * self.max_bytes:
                return _Entry(self, self._path(key))
        return None

    def grown(self, size: int) -> None:
        """Count a new entry in, and make room where the limit is passed."""
        with self._lock:
            if self._total is None:
                self._total = sum(one.st_size for _, one in self._entries())
            else:
                self._total += size
            if self._total > self.max_bytes:
                self._total = self._evict()

    def _evict(self) -> int:
        """Remove what was not used for longest; the bytes that are left."""
        entries = sorted(self._entries(), key=lambda entry: entry[1].st_mtime_ns)
        total = sum(status.st_size for _, status in entries)
        for path, status in entries:
            if total <= _KEPT_SHARE * self.max_bytes:
                break
            with contextlib.suppress(OSError):  # another process was faster, or has it open
                path.unlink()
                total -= status.st_size
        return total

    def _entries(self) -> list[tuple[Path, os.stat_result]]:
        found = []
        with os.scandir(self.folder) as names:
            for name in names:
                with contextlib.suppress(OSError):
                    status = name.stat()
                    if name.name.endswith(_SUFFIX):
                        found.append((Path(name.path), status))
                    elif name.name.endswith(_PART) and time.time() - status.st_mtime > _ABANDONED_S:
                        Path(name.path).unlink()
        return found


class _Entry:
    """A result that is being written; it is in the cache when all of it is."""

    def __init__(self, cache: Cache, path: Path) -> None:
        self._cache = cache
        self._path = path
        self._part = path.with_name(f".{path.stem[:16]}-{uuid.uuid4().hex}{_PART}")

    def parts(self, value: Value) -> Generator[Any, None, None]:
        """The buffers of the value, each once it is written."""
        writer = None
        try:
            writer = self._opened()
            entry = Writer(writer) if writer else None
            for part in parts_of(value):
                if entry and not _is_done(entry.write, part):
                    entry = None
                yield part
            if writer and entry and _is_done(entry.finish):
                self._commit(writer)
        finally:
            if writer and not writer.closed:
                writer.close()
                with contextlib.suppress(OSError):
                    self._part.unlink(missing_ok=True)

    def stripes(self, rows: Rows) -> Generator[Any, None, None]:
        """The stripes of the rows, each once it is written."""
        taken: list[Any] = []

        def noted() -> Iterator[Any]:
            for stripe in rows.checked_stripes():
                taken.append(stripe)
                yield stripe

        with contextlib.closing(self.parts(replace(rows, stripes=noted()))) as parts:
            next(parts)  # the header
            for _ in parts:
                yield taken.pop()

    def _opened(self) -> BinaryIO | None:
        """The new file; None where the folder takes none."""
        with contextlib.suppress(OSError):
            try:
                return self._part.open("xb")
            except FileNotFoundError:
                self._part.parent.mkdir(parents=True, exist_ok=True)
                return self._part.open("xb")
        return None

    def _commit(self, file: BinaryIO) -> None:
        try:
            size = file.tell()
            file.close()
            self._part.replace(self._path)
            self._cache.grown(size)
        except OSError:
            with contextlib.suppress(OSError):
                self._part.unlink(missing_ok=True)


def _is_done(write: Any, *parts: object) -> bool:
    try:
        write(*parts)
    except OSError:  # a full disk keeps nothing, and stops nothing
        return False
    return True


def default_folder() -> Path:
    """ANYRES_CACHE, or the user's cache folder."""
    from platformdirs import user_cache_path

    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named) if named else user_cache_path("anyres", appauthor=False) / "workflow-cache"


def value_key(value: Value) -> str:
    """Key of a value that flows into a graph: of all that it holds."""
    digest = hashlib.sha256()
    for part in parts_of(value):
        digest.update(part)
    return digest.hexdigest()


def node_key(node: Node, inputs: Mapping[str, Sequence[str]], weights_sha256: Sequence[str]) -> str:
    """Key of the result of a bound node.

    Args:
        node: A bound one.
        inputs: Keys of what flows into each port.
        weights_sha256: Of the weights that its parameters name.
    """
    operation, checked = node.operation, node.checked
    assert checked is not None, f"node {node.id} is not bound"
    parts = [
        operation.name,
        operation.version,
        operation.code_sha256,
        operation.canonical(checked),
        {port: list(keys) for port, keys in inputs.items()},
        list(weights_sha256),
        _arithmetic() if operation.uses_network else None,
        dict(libraries_here()),  # whose record the result will carry
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _arithmetic() -> list[object]:
    """What "auto" means on this machine."""
    from anyres.core.device import choose_device, has_fast_bfloat16

    device = choose_device()
    return [device.type, has_fast_bfloat16(device)]
