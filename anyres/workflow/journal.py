"""The journal of a folder of results: what was made, from what, so that a batch that was stopped can go on.

One JSON line a file in `.anyres-batch.jsonl`, written before its result gets its name. So a result that is
there and is named here, with the sha256 it has, is done; all else is not. A kill loses no line, and one that
it cut off is ignored; a power cut loses those of the last fifth of a second (fsync), whose results then count
as files that were there before. The journal of a folder that is no path of this machine lies in the user's
data folder.
"""

import hashlib
import json
import math
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from anyres.core.errors import RunError
from anyres.workflow.addresses import Place

JOURNAL_NAME = ".anyres-batch.jsonl"
SYNC_S = 0.2  # small items come faster than a disk confirms each
WHOLE = "*"  # stands for the name where no element of an item's lists failed; its sha256 is a number of files


class Journal:
    """The journal of one folder, read once and added to."""

    def __init__(self, folder: Place) -> None:
        self.path = _path(folder)
        self._synced_s = -math.inf
        self._made: dict[str, dict[str, str]] = {}
        for item_hash, name, sha256 in _entries(self.path):
            self._made.setdefault(name, {})[item_hash] = sha256

    def made_as(self, name: str) -> Mapping[str, str]:
        """sha256 of what was made under a file's name, by the hash of its item."""
        return self._made.get(name, {})

    def made(self) -> Mapping[str, Mapping[str, str]]:
        """The same for every name of the folder."""
        return self._made

    def add(self, item_hash: str, name: str, sha256: str) -> None:
        """Note what is about to get its name; RunError if the disk does not take it."""
        entry = json.dumps({"item": item_hash, "output": name, "sha256": sha256})
        try:
            with self._opened() as file:
                if file.seek(0, os.SEEK_END):
                    file.seek(-1, os.SEEK_END)
                    whole = file.read(1) == b"\n"
                    entry = entry if whole else "\n" + entry  # a kill cut the last line off
                file.write(entry.encode() + b"\n")
                file.flush()
                if time.monotonic() - self._synced_s > SYNC_S:
                    os.fsync(file.fileno())
                    self._synced_s = time.monotonic()
        except OSError as error:
            raise RunError(
                f"Cannot write {self.path}: {error.strerror}. Free some space or choose another folder."
            ) from error
        self._made.setdefault(name, {})[item_hash] = sha256

    def _opened(self) -> BinaryIO:
        """The file, to be added to; its folder is made where there is none."""
        try:
            return self.path.open("ab+")
        except FileNotFoundError:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return self.path.open("ab+")


def _path(folder: Place) -> Path:
    if isinstance(folder, Path):
        return folder / JOURNAL_NAME
    from platformdirs import user_data_path

    name = hashlib.sha256(str(folder).encode()).hexdigest()[:32]
    return user_data_path("anyres", appauthor=False) / "journals" / f"{name}.jsonl"


def _entries(path: Path) -> Iterator[tuple[str, str, str]]:
    if not path.is_file():
        return
    for line in path.read_bytes().splitlines():
        try:
            entry = json.loads(line)
            yield str(entry["item"]), str(entry["output"]), str(entry["sha256"])
        except (ValueError, KeyError, TypeError):
            continue  # cut off by a kill, or not ours: the item is made again
