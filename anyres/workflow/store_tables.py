"""The tables of the store, and a connection to it. Loaded by the store alone, when it writes or reads."""

import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    URL,
    Column,
    Connection,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    create_engine,
    event,
    text,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.pool import NullPool

from anyres.core.errors import InputError
from anyres.workflow.staging import lives_since

FORMAT: Final = 2  # SQLite's user_version; a store of a later one is left alone
_BUSY_S: Final = 5.0  # how long a store that another process writes is waited for

_metadata = MetaData()

runs = Table(
    "runs",
    _metadata,
    Column("id", String, primary_key=True),
    Column("workflow", String, nullable=False),  # name@version
    Column("graph_sha256", String, nullable=False),
    Column("engine", String, nullable=False),
    Column("begun", Float, nullable=False),  # seconds since 1970, UTC
    Column("ended", Float),
    Column("status", String, nullable=False),  # running, done, partial, failed, stopped, interrupted
    Column("done", Integer, nullable=False),
    Column("skipped", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("host", String),  # that runs it, and its process there; empty in rows of format 1
    Column("process", Integer),
)

items = Table(
    "items",
    _metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("position", Integer, primary_key=True),  # in the order in which they ended
    Column("item_hash", String, index=True),  # empty where the inputs could not be read
    Column("inputs", String, nullable=False),
    Column("status", String, nullable=False),  # done, skipped, failed
    Column("reason", String),
    Column("exit_code", Integer, nullable=False),
    Column("time_s", Float, nullable=False),
)

artefacts = Table(
    "artefacts",
    _metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("runs.id"), nullable=False),  # the last that made or found it
    Column("item_hash", String, nullable=False),
    Column("place", String, nullable=False),
    Column("sha256", String, nullable=False, index=True),
    Column("bytes", Integer, nullable=False),
    Column("height", Integer),  # empty for what is no picture
    Column("width", Integer),
    UniqueConstraint("item_hash", "place"),
)

node_times = Table(
    "node_times",
    _metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("operation", String, nullable=False),  # name@version
    Column("weights", String, nullable=False),  # sha256, joined by spaces
    Column("machine", String, nullable=False),
    Column("megapixels", Float, nullable=False),  # of the results of all these nodes in this run
    Column("time_s", Float, nullable=False),
)


_TO_FORMAT_2: Final = (
    "ALTER TABLE runs ADD COLUMN host VARCHAR",
    "ALTER TABLE runs ADD COLUMN process INTEGER",
    "UPDATE runs SET status = 'interrupted' WHERE status = 'running'",  # whose process nobody knows
)


@contextmanager
def connected(path: Path) -> Iterator[Connection]:
    """A transaction on the store, which is made where it is not there.

    Runs of this machine whose process is dead are "interrupted" from then on.

    Raises:
        InputError: For a store of a later version.
        Exception: Whatever SQLite, its driver or the disk say.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    address = URL.create("sqlite", database=str(path))
    engine = create_engine(address, poolclass=NullPool, connect_args={"timeout": _BUSY_S})
    event.listen(engine, "connect", _prepare)
    with engine.begin() as connection:
        connection.execute(text("BEGIN IMMEDIATE"))  # so that two processes do not both make the tables
        found = int(connection.execute(text("PRAGMA user_version")).scalar_one())
        if found > FORMAT:
            raise InputError(f"it is of version {found}, this program writes {FORMAT}")
        if found < FORMAT:
            for step in _TO_FORMAT_2 if found == 1 else ():
                connection.execute(text(step))
            _metadata.create_all(connection)
            connection.execute(text(f"PRAGMA user_version = {FORMAT}"))
        _mark_interrupted(connection)
        yield connection


def _mark_interrupted(connection: Connection) -> None:
    """Those of other machines stay as they are: their processes cannot be asked."""
    asked = runs.select().where(runs.c.status == "running", runs.c.host == platform.node())
    for row in connection.execute(asked).all():
        if not lives_since(row.process, row.begun):
            connection.execute(runs.update().where(runs.c.id == row.id).values(status="interrupted"))


def keep_artefacts(connection: Connection, rows: Sequence[dict[str, object]]) -> None:
    """Write artefacts; one that is known, by item and place, is brought up to date."""
    row = insert(artefacts)
    changed = {name: row.excluded[name] for name in ("run_id", "sha256", "bytes", "height", "width")}
    connection.execute(row.on_conflict_do_update(["item_hash", "place"], set_=changed), rows)


def _prepare(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")  # safe with WAL; the last lot may be lost with power
    connection.execute("PRAGMA foreign_keys = ON")
