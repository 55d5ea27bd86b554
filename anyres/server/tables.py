"""The server's tables, in the database of the store: files by id, runs that were asked for, their events."""

from pathlib import Path

from sqlalchemy import Column, Float, Integer, MetaData, String, Table

from anyres.workflow import store_tables

_metadata = MetaData()

files = Table(
    "server_files",
    _metadata,
    Column("id", String, primary_key=True),
    Column("run_id", String, index=True),  # empty for an upload
    Column("output", String),  # of the workflow; empty for an upload
    Column("name", String, nullable=False),  # for people; never a path
    Column("place", String, nullable=False),  # below the vault's folder
    Column("media_type", String, nullable=False),
    Column("sha256", String, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("height", Integer),  # empty for a report
    Column("width", Integer),
    Column("created", Float, nullable=False),  # seconds since 1970, UTC
)

runs = Table(
    "server_runs",
    _metadata,
    Column("id", String, primary_key=True),
    Column("order", Integer, nullable=False),
    Column("title", String, nullable=False),
    Column("asked", String, nullable=False),  # JSON: what runs on what
    Column("status", String, nullable=False),  # waiting, running, done, partial, failed, cancelled
    Column("fraction", Float, nullable=False),
    Column("created", Float, nullable=False),
    Column("begun", Float),
    Column("ended", Float),
    Column("reason", String),
    Column("exit_code", Integer),
    Column("notices", String, nullable=False),  # JSON: sentences
    Column("attempts", Integer, nullable=False),
)

events = Table(
    "server_events",
    _metadata,
    Column("run_id", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("kind", String, nullable=False),
    Column("data", String, nullable=False),  # JSON
)


def make_tables(path: Path) -> None:
    """Make those that are not there yet."""
    with store_tables.connected(path) as connection:
        _metadata.create_all(connection)
