"""What was run: runs, their items, what they made, and how long nodes take; SQLite in the user's data folder.

A batch tells its `RunRecord` item by item; it is written in lots, so that ten thousand small items cost
little. The store serves people and forecasts, never the work: whatever is wrong with it is one notice, and
the run goes on. What is done is known by the journals beside the results, not from here.
"""

import os
import platform
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final, Literal

from anyres.core.machine import describe_machine
from anyres.workflow.events import NodeKind

STORE_VARIABLE: Final = "ANYRES_STORE"
_ITEMS_A_LOT: Final = 1_000
_SECONDS_A_LOT: Final = 5.0
_TIMES_READ: Final = 2_000  # the newest, of all kinds of nodes
_TIMES_A_KIND: Final = 20  # that a forecast rests on

Status = Literal["done", "skipped", "failed"]


@dataclass(frozen=True)
class ArtefactEntry:
    """A file that was made."""

    item_hash: str
    place: str
    sha256: str
    bytes: int
    height: int | None  # None for what is no picture
    width: int | None


@dataclass(frozen=True)
class ItemEntry:
    """How an item ended."""

    item_hash: str | None  # None where its inputs could not be read
    inputs: str
    status: Status
    reason: str | None
    exit_code: int
    time_s: float


def store_path() -> Path:
    """Where the user's store is: $ANYRES_STORE, or store.db in the user's data folder."""
    from platformdirs import user_data_path

    named = os.environ.get(STORE_VARIABLE)
    return Path(named) if named else user_data_path("anyres", appauthor=False) / "store.db"


@dataclass
class RunRecord:
    """One run on its way into a store; `notice` says what kept it out, once something did."""

    path: Path
    workflow: str
    graph_sha256: str
    engine: str
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    notice: str | None = None
    _items: list[ItemEntry] = field(default_factory=list)
    _artefacts: list[ArtefactEntry] = field(default_factory=list)
    _times: dict[NodeKind, tuple[float, float]] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)
    _position: int = 0
    _is_begun: bool = False
    _begun: float = field(default_factory=time.time)
    _written_s: float = field(default_factory=time.monotonic)

    def add(self, item: ItemEntry, artefacts: tuple[ArtefactEntry, ...] = ()) -> None:
        """Note how an item ended and what it made."""
        self._items.append(item)
        self._artefacts.extend(artefacts)
        self._counts[item.status] = self._counts.get(item.status, 0) + 1
        if len(self._items) >= _ITEMS_A_LOT or time.monotonic() - self._written_s > _SECONDS_A_LOT:
            self._write("running")

    def add_time(self, kind: NodeKind, *, megapixels: float, time_s: float) -> None:
        """Note how long a node took for so many megapixels of its result."""
        before = self._times.get(kind, (0.0, 0.0))
        self._times[kind] = before[0] + megapixels, before[1] + time_s

    def finish(self, status: Literal["done", "partial", "failed", "stopped"]) -> str | None:
        """Write what is left; gives back the notice, if there is one."""
        self._write(status)
        return self.notice

    def _write(self, status: str) -> None:
        items, artefacts = self._items, self._artefacts
        self._items, self._artefacts, self._written_s = [], [], time.monotonic()
        if self.notice:
            return
        try:
            from anyres.workflow import store_tables

            with store_tables.connected(self.path) as connection:
                connection.execute(self._run_row(status))
                if items:
                    connection.execute(store_tables.items.insert(), self._item_rows(items))
                if artefacts:
                    rows = [{"run_id": self.id, **_row(artefact)} for artefact in artefacts]
                    store_tables.keep_artefacts(connection, rows)
                if status != "running" and (times := self._time_rows()):
                    connection.execute(store_tables.node_times.insert(), times)
            self._is_begun = True
        except Exception as error:  # SQLite, the disk, a foreign file: no work depends on it
            self.notice = (
                f"The store {self.path} could not be written ({_first_line(error)}); this run is not "
                f"recorded there. Move the file away, or name another by {STORE_VARIABLE}."
            )

    def _run_row(self, status: str) -> Any:
        from anyres.workflow.store_tables import runs

        values: dict[str, Any] = {name: self._counts.get(name, 0) for name in ("done", "skipped", "failed")}
        values |= {"status": status, "ended": None if status == "running" else time.time()}
        if self._is_begun:
            return runs.update().where(runs.c.id == self.id).values(values)
        about: dict[str, Any] = {
            "workflow": self.workflow,
            "graph_sha256": self.graph_sha256,
            "engine": self.engine,
        }
        about |= {"host": platform.node(), "process": os.getpid()}
        return runs.insert().values(id=self.id, begun=self._begun, **about, **values)

    def _item_rows(self, items: list[ItemEntry]) -> list[dict[str, Any]]:
        first = self._position
        self._position += len(items)
        return [
            {"run_id": self.id, "position": first + index, **_row(item)} for index, item in enumerate(items)
        ]

    def _time_rows(self) -> list[dict[str, Any]]:
        machine = describe_machine()
        return [
            {
                "run_id": self.id,
                "machine": machine,
                "megapixels": megapixels,
                "time_s": time_s,
                **asdict(kind),
            }
            for kind, (megapixels, time_s) in self._times.items()
            if megapixels > 0
        ]


def seconds_a_megapixel(path: Path | None = None) -> Mapping[NodeKind, float]:
    """What nodes took on this machine, by their kind: the median of the newest runs; nothing without a store.

    Args:
        path: Of the store; the user's own if left out.
    """
    place = path or store_path()
    if not place.is_file():
        return {}
    rates: dict[NodeKind, list[float]] = {}
    try:
        from anyres.workflow import store_tables

        with store_tables.connected(place) as connection:
            times = store_tables.node_times
            asked = times.select().where(times.c.machine == describe_machine()).order_by(times.c.id.desc())
            for row in connection.execute(asked.limit(_TIMES_READ)):
                kind = NodeKind(row.operation, row.weights)
                rates.setdefault(kind, []).append(row.time_s / row.megapixels)
    except Exception:  # a forecast without times says so; a broken store is told by the run that writes it
        return {}
    return {kind: median(found[:_TIMES_A_KIND]) for kind, found in rates.items()}


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def _row(entry: ItemEntry | ArtefactEntry) -> dict[str, Any]:
    """Its fields, as text that every database takes: a file may have a name that is no UTF-8."""
    return {
        name: value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
        for name, value in vars(entry).items()
    }
