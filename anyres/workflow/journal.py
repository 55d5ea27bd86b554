"""The journal of a folder of results: what was made, from what, so that a batch that was stopped can go on.

One JSON line an item in `.anyres-batch.jsonl`, on the disk (fsync) before its result gets its name. So a
result that is there and is named here, with the sha256 it has, is done; all else is not. A line that a kill
cut off is ignored.
"""

import json
import os
from pathlib import Path

from anyres.core.errors import RunError
from anyres.core.weights import file_sha256

JOURNAL_NAME = ".anyres-batch.jsonl"


class Journal:
    """The journal of one folder, read once and added to."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / JOURNAL_NAME
        self._made = dict(_entries(self.path))

    def is_done(self, item_hash: str, output: Path) -> bool:
        """Whether the file at `output` is what an item of that hash made, untouched since."""
        made = self._made.get((item_hash, output.name))
        return made is not None and output.is_file() and file_sha256(output) == made

    def add(self, item_hash: str, output: Path, sha256: str) -> None:
        """Note what is about to be put at `output`; RunError if the disk does not take it."""
        entry = json.dumps({"item": item_hash, "output": output.name, "sha256": sha256})
        try:
            with self.path.open("ab+") as file:
                if file.seek(0, os.SEEK_END):
                    file.seek(-1, os.SEEK_END)
                    whole = file.read(1) == b"\n"
                    entry = entry if whole else "\n" + entry  # a kill cut the last line off
                file.write(entry.encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise RunError(
                f"Cannot write {self.path}: {error.strerror}. Free some space or choose another folder."
            ) from error
        self._made[item_hash, output.name] = sha256


def _entries(path: Path) -> dict[tuple[str, str], str]:
    made: dict[tuple[str, str], str] = {}
    if path.is_file():
        for line in path.read_bytes().splitlines():
            try:
                entry = json.loads(line)
                made[str(entry["item"]), str(entry["output"])] = str(entry["sha256"])
            except (ValueError, KeyError, TypeError):
                continue  # cut off by a kill, or not ours: the item is made again
    return made
