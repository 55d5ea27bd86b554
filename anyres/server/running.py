"""What a worker does with a run: the one executor of every door, and word of how far it is."""

import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from anyres.core.errors import AnyresError
from anyres.operations.operation import every_operation
from anyres.server.limits import ServerLimits
from anyres.workflow.document import read_document
from anyres.workflow.events import BatchFinished
from anyres.workflow.graph import resolve
from anyres.workflow.graph_run import Cancel
from anyres.workflow.items import Item, Result
from anyres.workflow.run import run_batch

_APART_S: Final = 0.1  # between two words of how far a run is


@dataclass(frozen=True)
class Job:
    """A planned run, as it goes to the worker."""

    run_id: str
    operation: str | None
    document: dict[str, Any] | None
    item: Item
    limits: ServerLimits


@dataclass(frozen=True)
class Progress:
    """How far a run is, from 0 to 1."""

    fraction: float


@dataclass(frozen=True)
class Ended:
    """How a run ended; of a cancelled one no results are left."""

    status: str  # done, partial, failed, cancelled
    results: tuple[Result, ...] = ()
    reason: str | None = None
    exit_code: int = 0
    notices: tuple[str, ...] = ()


class _Asked(Cancel):
    """A cancel that another process sets."""

    def __init__(self, flag: Any) -> None:
        super().__init__()
        self._other = flag

    def is_set(self) -> bool:
        return super().is_set() or bool(self._other.is_set())


def serve_runs(connection: Connection, stop: Any) -> None:
    """Run one job after the other; the last message of each is an Ended."""
    every_operation()
    while True:
        job = connection.recv()
        try:
            ended = _ran(job, connection, _Asked(stop))
        except AnyresError as error:
            ended = Ended("failed", reason=str(error), exit_code=error.exit_code)
        except Exception as error:  # a fault of ours in one run must not end the others
            reason = f"A fault in anyres, {type(error).__name__}: {error}. Please report it."
            ended = Ended("failed", reason=reason, exit_code=1)
        connection.send(ended)


def _ran(job: Job, connection: Connection, cancel: Cancel) -> Ended:
    said_s = 0.0

    def tell(_: Item, fraction: float) -> None:
        nonlocal said_s
        if time.monotonic() - said_s > _APART_S:
            said_s = time.monotonic()
            connection.send(Progress(fraction))

    workflow: Any = every_operation().get(job.operation or "")
    if workflow is None:
        assert job.document is not None, "a run has an operation or a document"
        workflow = resolve(read_document(job.document))
    finished: Any = None
    for event in run_batch(
        workflow,
        [job.item],
        is_resumable=False,
        limits=job.limits.of_pictures,
        on_progress=tell,
        cancel=cancel,
    ):
        finished = event
    assert isinstance(finished, BatchFinished)
    notices = tuple(notice for one in finished.done for notice in one.notices) + finished.notices
    if finished.failed:
        (failed,) = finished.failed
        status = "partial" if failed.results else "failed"
        return Ended(status, failed.results, failed.reason, failed.exit_code, notices)
    if not finished.done:
        return Ended("cancelled")
    return Ended("done", finished.done[0].results, notices=notices)


def local(result: Result) -> Path:
    """Where a result of a run is: the server plans no other places."""
    assert isinstance(result.place, Path), f"{result.place} is no path"
    return result.place
