"""What the server keeps: files by id, runs and their events. Nothing here takes a path from a client.

Uploads lie in `uploads/ID.suffix` below the vault's folder, results in `runs/ID/`; which is where is known by
the database alone. Ids are random, so that none is guessed.
"""

import json
import re
import shutil
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from sqlalchemy import func, select

from anyres.core.errors import AnyresError, LimitError
from anyres.core.files import check_header, read_header
from anyres.core.formats import FORMATS, Format
from anyres.core.weights import file_sha256
from anyres.server.limits import ServerLimits
from anyres.server.tables import events, files, make_tables, runs
from anyres.workflow.store_tables import connected

Status = Literal["waiting", "running", "done", "partial", "failed", "cancelled"]
ENDED: Final = ("done", "partial", "failed", "cancelled")
NAME_LETTERS: Final = 120
MEDIA_TYPES: Final[dict[Format, str]] = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "tiff": "image/tiff",
    "bmp": "image/bmp",
    "avif": "image/avif",
    "heic": "image/heic",
}


class NotThereError(AnyresError):
    """Nothing has this id."""

    exit_code = 2


class NotNowError(AnyresError):
    """What was asked for does not go with the state that a thing is in."""

    exit_code = 2


@dataclass(frozen=True)
class StoredFile:
    """A file that the server keeps."""

    id: str
    name: str
    place: str
    media_type: str
    sha256: str
    bytes: int
    size_hw: tuple[int, int] | None  # None for a report
    created: float
    run_id: str | None = None
    output: str | None = None


@dataclass(frozen=True)
class StoredRun:
    """A run that was asked for."""

    id: str
    title: str
    asked: Mapping[str, Any]
    status: Status
    fraction: float
    created: float
    begun: float | None
    ended: float | None
    reason: str | None
    exit_code: int | None
    notices: tuple[str, ...]
    attempts: int


@dataclass(frozen=True)
class StoredEvent:
    """What happened to a run; numbers rise by one."""

    number: int
    kind: str
    data: Mapping[str, Any]


class Vault:
    """The files and the database; safe to use from any thread."""

    def __init__(self, folder: Path, database: Path, limits: ServerLimits) -> None:
        self.folder, self.database, self.limits = folder.absolute(), database, limits
        self.changes = 0  # counts up with every event, for those who wait for one
        self._counting = threading.Lock()
        for name in ("uploads", "runs", "incoming"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for left in (self.folder / "incoming").iterdir():  # of uploads that a stop cut off
            left.unlink(missing_ok=True)
        make_tables(database)

    def incoming(self) -> Path:
        """A place for an upload on its way."""
        return self.folder / "incoming" / uuid.uuid4().hex

    def stored_bytes(self) -> int:
        """Of all files together."""
        with connected(self.database) as connection:
            return int(connection.execute(select(func.sum(files.c.bytes))).scalar() or 0)

    def keep_upload(self, incoming: Path, name: str) -> StoredFile:
        """Look at what came in, and keep it if it is a picture.

        Raises:
            InputError: No picture, or one that cannot be read.
            LimitError: More pixels or bytes than the limits allow.
        """
        try:
            header = read_header(incoming, limits=self.limits.of_pictures)
            check_header(incoming, header, self.limits.of_pictures)
        except AnyresError as error:
            shown = shown_name(name)
            raise type(error)(str(error).replace(str(incoming), shown)) from None
        found = FORMATS[header.format]
        identity = uuid.uuid4().hex
        place = f"uploads/{identity}{found.suffixes[0]}"
        media_type = MEDIA_TYPES[header.format]
        stored = StoredFile(
            identity, shown_name(name), place, media_type, file_sha256(incoming), header.bytes,
            header.size_hw, time.time(),
        )  # fmt: skip
        incoming.rename(self.folder / place)
        self._add_file(stored)
        return stored

    def keep_result(
        self, run_id: str, output: str, path: Path, name: str, size_hw: tuple[int, int] | None
    ) -> StoredFile:
        """Note a file that a run made in its folder."""
        place = path.absolute().relative_to(self.folder).as_posix()
        media_type = "application/json"
        if size_hw is not None:
            media_type = MEDIA_TYPES[read_header(path).format]
        size = path.stat().st_size
        stored = StoredFile(
            uuid.uuid4().hex, name, place, media_type, file_sha256(path), size, size_hw, time.time(), run_id,
            output,
        )  # fmt: skip
        self._add_file(stored)
        return stored

    def file(self, identity: str) -> StoredFile:
        """The file of an id; NotThereError if there is none."""
        with connected(self.database) as connection:
            row = connection.execute(files.select().where(files.c.id == identity)).first()
        if row is None:
            raise NotThereError(f"There is no file {identity}. It may have been deleted.")
        return _file(row)

    def path_of(self, identity: str) -> Path:
        """Where a file lies; NotThereError if it is gone."""
        path = self.folder / self.file(identity).place
        if not path.is_file() or path.is_symlink():
            raise NotThereError(f"The file {identity} is no longer on the disk.")
        return path

    def in_words(self, text: str) -> str:
        """A sentence with files called as their owners call them, and never by where they lie."""
        places = re.escape(str(self.folder)) + r"[/\\]\w+[/\\](?:\w+[/\\])?([0-9a-f]{32})?[\w.]*"
        return re.sub(places, self._name_in, text)

    def _name_in(self, place: re.Match[str]) -> str:
        try:
            return self.file(place[1] or "").name
        except NotThereError:
            return "a file of the studio"

    def uploads(self) -> list[StoredFile]:
        """The newest first."""
        asked = files.select().where(files.c.run_id.is_(None)).order_by(files.c.created.desc())
        with connected(self.database) as connection:
            return [_file(row) for row in connection.execute(asked)]

    def results(self, run_ids: Sequence[str]) -> dict[str, list[StoredFile]]:
        """What runs made, by run, each in the order of its outputs."""
        found: dict[str, list[StoredFile]] = {one: [] for one in run_ids}
        asked = files.select().where(files.c.run_id.in_(run_ids)).order_by(files.c.created)
        with connected(self.database) as connection:
            for row in connection.execute(asked):
                found[row.run_id].append(_file(row))
        return found

    def remove_upload(self, identity: str) -> None:
        """Forget an upload and remove its file; NotNowError while a run that is not ended takes it."""
        stored = self.file(identity)
        if stored.run_id is not None:
            raise NotNowError("That is the result of a run; it goes when the run is deleted.")
        for run in self.unended():
            if identity in inputs_of(run.asked):
                raise NotNowError(f"The run {run.id} works on it. Cancel that first.")
        with connected(self.database) as connection:
            connection.execute(files.delete().where(files.c.id == identity))
        (self.folder / stored.place).unlink(missing_ok=True)

    def add_run(self, title: str, asked: Mapping[str, Any]) -> StoredRun:
        """Put a run at the end of the line; LimitError is for who calls."""
        identity = uuid.uuid4().hex
        with connected(self.database) as connection:
            last = connection.execute(select(func.max(runs.c.order))).scalar() or 0
            connection.execute(
                runs.insert().values(
                    id=identity, order=last + 1, title=title, asked=json.dumps(asked), status="waiting",
                    fraction=0.0, created=time.time(), notices="[]", attempts=0,
                )
            )  # fmt: skip
        self.add_event(identity, "waiting", {})
        return self.run(identity)

    def run(self, identity: str) -> StoredRun:
        """The run of an id; NotThereError if there is none."""
        with connected(self.database) as connection:
            row = connection.execute(runs.select().where(runs.c.id == identity)).first()
        if row is None:
            raise NotThereError(f"There is no run {identity}. It may have been deleted.")
        return _run(row)

    def status_of(self, identity: str) -> str | None:
        """Of a run; None if there is none."""
        with connected(self.database) as connection:
            return connection.execute(select(runs.c.status).where(runs.c.id == identity)).scalar()

    def runs(self, *, most: int | None = None) -> list[StoredRun]:
        """The newest first."""
        asked = runs.select().order_by(runs.c.order.desc()).limit(most)
        with connected(self.database) as connection:
            return [_run(row) for row in connection.execute(asked)]

    def unended(self) -> list[StoredRun]:
        """Those that wait or are in work, the oldest first."""
        asked = runs.select().where(runs.c.status.in_(("waiting", "running"))).order_by(runs.c.order)
        with connected(self.database) as connection:
            return [_run(row) for row in connection.execute(asked)]

    def next_waiting(self) -> StoredRun | None:
        """The run that waits longest, which runs from now on."""
        asked = runs.select().where(runs.c.status == "waiting").order_by(runs.c.order).limit(1)
        with connected(self.database) as connection:
            row = connection.execute(asked).first()
            if row is None:
                return None
            changed = {"status": "running", "begun": time.time(), "attempts": row.attempts + 1}
            connection.execute(runs.update().where(runs.c.id == row.id).values(**changed))
        self.add_event(row.id, "running", {})
        return self.run(row.id)

    def change_run(self, identity: str, **values: Any) -> None:
        """Change columns of a run."""
        with connected(self.database) as connection:
            connection.execute(runs.update().where(runs.c.id == identity).values(**values))

    def end_run(
        self,
        identity: str,
        status: Status,
        *,
        reason: str | None = None,
        exit_code: int = 0,
        notices: Sequence[str] = (),
    ) -> None:
        """Note how a run ended; its last event says the same."""
        fraction = {"fraction": 1.0} if status == "done" else {}
        reason = None if reason is None else self.in_words(reason)
        self.change_run(
            identity, status=status, ended=time.time(), reason=reason, exit_code=exit_code,
            notices=json.dumps([self.in_words(one) for one in notices]), **fraction,
        )  # fmt: skip
        self.add_event(identity, status, {"reason": reason, "exit_code": exit_code})

    def wait_again(self, identity: str, *, attempts: int) -> None:
        """Put a run that was cut off back into its place in the line; `attempts` are those that count."""
        shutil.rmtree(self.run_folder(identity), ignore_errors=True)
        self.change_run(identity, status="waiting", fraction=0.0, begun=None, attempts=attempts)
        self.add_event(identity, "waiting", {"reason": "The process that worked on it ended; it runs again."})

    def remove_run(self, identity: str) -> None:
        """Forget a run, its events and what it made; NotNowError before it ended."""
        if self.run(identity).status not in ENDED:
            raise NotNowError(f"The run {identity} is not ended. Cancel it first.")
        with connected(self.database) as connection:
            for table, column in ((files, files.c.run_id), (events, events.c.run_id), (runs, runs.c.id)):
                connection.execute(table.delete().where(column == identity))
        shutil.rmtree(self.run_folder(identity), ignore_errors=True)

    def run_folder(self, identity: str) -> Path:
        """Where a run's results go."""
        return self.folder / "runs" / identity

    def add_event(self, identity: str, kind: str, data: Mapping[str, Any]) -> None:
        """Note that something happened to a run."""
        with connected(self.database) as connection:
            asked = select(func.max(events.c.number)).where(events.c.run_id == identity)
            number = (connection.execute(asked).scalar() or 0) + 1
            connection.execute(
                events.insert().values(run_id=identity, number=number, kind=kind, data=json.dumps(data))
            )
        with self._counting:
            self.changes += 1

    def events_after(self, identity: str, number: int) -> list[StoredEvent]:
        """What happened since the event of that number."""
        asked = events.select().where(events.c.run_id == identity, events.c.number > number)
        with connected(self.database) as connection:
            rows = connection.execute(asked.order_by(events.c.number)).all()
        return [StoredEvent(row.number, row.kind, json.loads(row.data)) for row in rows]

    def _add_file(self, stored: StoredFile) -> None:
        values = dict(vars(stored))
        height, width = values.pop("size_hw") or (None, None)
        with connected(self.database) as connection:
            connection.execute(files.insert().values(**values, height=height, width=width))


def shown_name(name: str) -> str:
    """A name for people, of a file that a client sent: its last part, without signs that a terminal obeys."""
    last = re.split(r"[/\\]", name)[-1]
    printable = "".join(letter for letter in last if letter.isprintable())
    return printable[-NAME_LETTERS:].strip() or "picture"


def inputs_of(asked: Mapping[str, Any]) -> list[str]:
    """Ids of all files that a run takes."""
    found: list[str] = []
    for one in asked["inputs"].values():
        found += [one] if isinstance(one, str) else one
    return found


def refuse_full(vault: Vault, more_bytes: int) -> None:
    """LimitError where the vault holds no more."""
    stored = vault.stored_bytes() + more_bytes
    if stored > vault.limits.stored_megabytes * 1e6:
        raise LimitError(
            f"The studio keeps {vault.limits.stored_megabytes:.0f} MB at most, and has {stored / 1e6:.0f} MB "
            "with this. Delete runs or pictures that are no longer needed."
        )


def _file(row: Any) -> StoredFile:
    size_hw = None if row.height is None else (row.height, row.width)
    return StoredFile(
        row.id, row.name, row.place, row.media_type, row.sha256, row.bytes, size_hw, row.created, row.run_id,
        row.output,
    )  # fmt: skip


def _run(row: Any) -> StoredRun:
    return StoredRun(
        row.id, row.title, json.loads(row.asked), row.status, row.fraction, row.created, row.begun, row.ended,
        row.reason, row.exit_code, tuple(json.loads(row.notices)), row.attempts,
    )  # fmt: skip
