"""The library: many models and papers, from which a question alone finds those that it may be answered from.

One SQLite file. What a source does is worked out when it is imported, so a search asks for the task first and
for likeness only within it. Common words are left out of a search: they find everything and order nothing.
"""

import contextlib
import csv
import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from anyres.advisor.abilities import able
from anyres.advisor.brief import MAX_QUESTION, Brief, brief_of_lists, no_name, source_of, whole_letters
from anyres.advisor.decide import asked_tasks
from anyres.advisor.lexicon import ENLARGING, lexicon
from anyres.advisor.question import read_question
from anyres.advisor.ranking import ENLARGE
from anyres.advisor.sources import Source
from anyres.core.errors import InputError, LimitError

Kind = Literal["model", "paper"]
MAX_FILE_BYTES: Final = 1_000_000_000
MODELS, PAPERS = 3, 4  # how many a question is answered from
_COMMON: Final = 0.02  # share of the sources in which a word may stand and still be searched for
_FEW, _MANY = 20, 500  # ... but at least, and at most, in so many
_MOST_WORDS: Final = 8
_LOOKED_AT: Final = 400  # sources that the words find best, of which those that do the task are taken
_BATCH: Final = 500
_APPLICATION: Final = int.from_bytes(b"AnyR", "big")  # what SQLite's header says that a file is of
_HEADER: Final = b"SQLite format 3\0"
_HEADER_BYTES, _APPLICATION_PLACE = 100, 68  # bytes, by SQLite's file format
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS source (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, entry TEXT NOT NULL, UNIQUE (kind, name));
CREATE TABLE IF NOT EXISTS does (task TEXT NOT NULL, kind TEXT NOT NULL, source INTEGER NOT NULL,
    rank INTEGER NOT NULL, PRIMARY KEY (task, kind, rank, source)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS does_source ON does (source);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (
    name, label, prose, tokenize = 'porter unicode61', content = '');
PRAGMA user_version = 1;
"""


@dataclass(frozen=True)
class Imported:
    """What came of an import."""

    added: int
    replaced: int
    skipped: tuple[str, ...]  # entries that are none, each with its reason


class Library:
    """A library's file, open; close it, or use it in a `with`."""

    def __init__(self, path: Path) -> None:
        """Open a library, begun if there is none; InputError for a file that is none."""
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists() and not _is_ours(path):
                raise InputError(
                    f"{path} is no library, but a file of something else. Name another file with --library."
                )
            self._connection = _opened(path)
        except (sqlite3.Error, OSError) as error:
            raise InputError(f"{path} is no library ({error}). Name another file with --library.") from error

    def __enter__(self) -> "Library":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __len__(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM source").fetchone()[0])

    def count(self, kind: Kind) -> int:
        """How many models or papers there are."""
        return int(
            self._connection.execute("SELECT count(*) FROM source WHERE kind = ?", (kind,)).fetchone()[0]
        )

    def import_file(
        self, path: Path, *, kind: Kind, progress: Callable[[int], None] | None = None
    ) -> Imported:
        """Add the models or papers of a JSON or CSV file; one of a name that is there replaces it.

        Raises:
            InputError: for a file that cannot be read, or that is no list of objects.
            LimitError: for a file that is too large.
        """
        return self.add(entries_of(path, kind=kind), kind=kind, progress=progress)

    def add(
        self, entries: Iterator[object], *, kind: Kind, progress: Callable[[int], None] | None = None
    ) -> Imported:
        """Add entries, each an object of fields; all or, if it is broken off, none of them."""
        added, replaced, skipped = 0, 0, []
        with self._connection:
            for number, entry in enumerate(entries, start=1):
                if not isinstance(entry, Mapping):
                    skipped.append(f"Entry {number} is no object.")
                    continue
                source = source_of(entry, kind=kind, number=number)
                if not source.links and no_name(kind, number) in source.notices:
                    skipped.append(f"Entry {number} has no name.")
                    continue
                replaced += self._put(source, entry, kind)
                added += 1
                if progress is not None and number % _BATCH == 0:
                    progress(number)
        return Imported(added - replaced, replaced, tuple(skipped))

    def brief(self, question: str) -> Brief:
        """The question with the models and papers of the library that it may be answered from."""
        asked = question.strip()[:MAX_QUESTION]
        tasks = asked_tasks(read_question(asked))[:2]
        words = self._telling_words(asked, tasks)
        likest = self._likest(words)
        models = self._doing("model", tasks, likest, MODELS)
        papers = self._doing("paper", tasks, likest, PAPERS)
        papers += [row for row in self._of_kind("paper", likest) if row not in papers][: PAPERS - len(papers)]
        found = ([json.loads(entry) for _, entry in rows] for rows in (models, papers))
        return brief_of_lists(question, *found)

    def _put(self, source: Source, entry: Mapping[str, Any], kind: Kind) -> bool:
        name = " ".join(source.name.split())
        known = self._connection.execute(
            "SELECT id, entry FROM source WHERE kind = ? AND name = ?", (kind, name)
        ).fetchone()
        if known is not None:
            old = source_of(json.loads(known[1]), kind=kind, number=1)
            removal = ("delete", known[0], *_searched(old))
            self._connection.execute(
                "INSERT INTO words (words, rowid, name, label, prose) VALUES (?, ?, ?, ?, ?)", removal
            )
            self._connection.execute("DELETE FROM does WHERE source = ?", (known[0],))
            self._connection.execute("DELETE FROM source WHERE id = ?", (known[0],))
        kept = {
            str(key): value
            for key, value in entry.items()
            if isinstance(value, str | int | float | list | None)
        }
        added = self._connection.execute(
            "INSERT INTO source (kind, name, entry) VALUES (?, ?, ?)",
            (kind, name, whole_letters(json.dumps(kept, ensure_ascii=False))),
        )
        row = added.lastrowid
        self._connection.execute(
            "INSERT INTO words (rowid, name, label, prose) VALUES (?, ?, ?, ?)", (row, *_searched(source))
        )
        tasks = dict.fromkeys(one.task for one in able(source).abilities)
        self._connection.executemany(
            "INSERT INTO does VALUES (?, ?, ?, ?)",
            [(task, kind, row, rank) for rank, task in enumerate(tasks)],
        )
        return known is not None

    def _telling_words(self, question: str, tasks: list[str]) -> list[str]:
        """Words of the question and of the tasks' names, the rarest first, the common ones left out."""
        named = " ".join(lexicon().tasks[task].names["en"] for task in tasks if task in lexicon().tasks)
        words = dict.fromkeys(re.findall(r"[a-z0-9가-힣]{3,}", f"{question} {named}".lower()))
        most = min(_MANY, max(_FEW, int(_COMMON * len(self))))
        counted = []
        for word in words:
            rows = self._connection.execute(
                "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)",
                (_match([word]), most + 1),
            )
            count = int(rows.fetchone()[0])
            if 0 < count <= most:
                counted.append((count, word))
        return [word for _, word in sorted(counted)[:_MOST_WORDS]]

    def _likest(self, words: list[str]) -> list[int]:
        """The sources that words find, the likest first."""
        if not words:
            return []
        rows = self._connection.execute(
            "SELECT rowid FROM words WHERE words MATCH ? ORDER BY bm25(words, 8, 4, 1), rowid LIMIT ?",
            (_match(words), _LOOKED_AT),
        )
        return [row for (row,) in rows]

    def _doing(self, kind: Kind, tasks: list[str], likest: list[int], most: int) -> list[tuple[int, str]]:
        """Sources that do a task: first the likest, then those that do it above all."""
        wanted = [way for task in tasks for way in (ENLARGING if task == ENLARGE else (task,))]
        found = [row for row in self._of_kind(kind, likest) if self._does(row[0], wanted)][:most]
        for task in wanted:
            others = self._connection.execute(
                "SELECT source.id, source.entry FROM does JOIN source ON source.id = does.source "
                "WHERE does.task = ? AND does.kind = ? ORDER BY does.rank, does.source LIMIT ?",
                (task, kind, 2 * most),
            )
            found += [row for row in others if row not in found][: most - len(found)]
        return found

    def _of_kind(self, kind: Kind, rows: list[int]) -> list[tuple[int, str]]:
        """Those of these sources that are models, or papers, in their order."""
        marks = ", ".join("?" * len(rows))
        found = self._connection.execute(
            f"SELECT id, entry FROM source WHERE kind = ? AND id IN ({marks})", (kind, *rows)
        )
        entries = dict(found.fetchall())
        return [(row, entries[row]) for row in rows if row in entries]

    def _does(self, row: int, tasks: list[str]) -> bool:
        marks = ", ".join("?" * len(tasks))
        return bool(
            self._connection.execute(
                f"SELECT 1 FROM does WHERE source = ? AND task IN ({marks}) LIMIT 1", (row, *tasks)
            ).fetchone()
        )


def _is_ours(path: Path) -> bool:
    """Whether a file is empty or a library, found out without SQLite, which would write into it."""
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    application = header[_APPLICATION_PLACE : _APPLICATION_PLACE + 4]
    return not header or (header.startswith(_HEADER) and application == _APPLICATION.to_bytes(4, "big"))


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    try:
        connection.execute(f"PRAGMA application_id = {_APPLICATION}")  # before WAL: into the file itself
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(_SCHEMA)
    except BaseException:
        connection.close()
        raise
    return connection


def path_of_library() -> Path:
    """The user's own library; it need not be there yet."""
    from platformdirs import user_data_path

    return user_data_path("anyres", appauthor=False) / "library.sqlite"


def holds_both(path: Path) -> bool:
    """Whether a JSON file holds models and papers, as a brief does."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8-sig")) if path.suffix.lower() != ".csv" else None
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(raw, Mapping) and all(_holds_objects(raw.get(name)) for name in ("models", "papers"))


def entries_of(path: Path, *, kind: Kind) -> Iterator[object]:
    """The entries of a JSON file (a list of objects, or one of that name) or of a CSV file with names."""
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise LimitError(
                f"{path} has {size / 1e6:.0f} MB; {MAX_FILE_BYTES / 1e6:.0f} MB are read at most. Split it."
            )
        if path.suffix.lower() == ".csv":
            yield from _rows(path)
            return
        with path.open(encoding="utf-8-sig") as file:
            raw = json.load(file)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}). Name a JSON or CSV file.") from error
    except (ValueError, RecursionError, csv.Error) as error:
        raise InputError(
            f"{path} is neither JSON nor CSV ({str(error)[:80]}). Give a list of objects."
        ) from error
    if isinstance(raw, Mapping):
        named = raw.get(f"{kind}s")
        raw = named if _holds_objects(named) else next(filter(_holds_objects, raw.values()), [raw])
    if not isinstance(raw, list):
        raise InputError(f"{path} holds no list of objects. Give a list, one object for each model or paper.")
    yield from raw


def _holds_objects(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(one, Mapping) for one in value)


def _rows(path: Path) -> Iterator[object]:
    csv.field_size_limit(10_000_000)
    with path.open(encoding="utf-8-sig", newline="") as file, contextlib.suppress(StopIteration):
        yield from csv.DictReader(file)


def _searched(source: Source) -> tuple[str, str, str]:
    fields = source.fields
    label = " ".join(fields.get(name, "") for name in ("category", "detailed_category", "dataset"))
    return source.name, label, " ".join(fields.get(name, "") for name in ("summary", "abstract", "readme"))


def _match(words: list[str]) -> str:
    return " OR ".join(f'"{word}"' for word in words)
