"""One task of a graph, worked on: found in the cache or computed, recorded, and given to the sink.

It runs in whatever thread takes it, shares nothing but the cache and the cancel token, and raises nothing of
its own: what went wrong is in what it gives back.
"""

import contextlib
import re
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from threading import Event as Flag
from typing import Any, Final

from anyres.core.alignment import Alignment
from anyres.core.budget import MEMORY_SHARE, bytes_per_pixel_in_memory, check_fits, memory_as_limit
from anyres.core.errors import AnyresError
from anyres.core.image import Image, Rows
from anyres.core.memory import free_machine_bytes
from anyres.core.results import ContinuousImage, PictureFile
from anyres.core.sizes import SizeHW, size_text
from anyres.workflow.cache import Cache
from anyres.workflow.events import GENERAL_WAY_OUT, NodeDone, NodeFailed, NodeProgress
from anyres.workflow.names import RESULT
from anyres.workflow.tasks import Cell, Task

Sink = Callable[[str, int | None, object], object]
Values = Mapping[str, object]  # by port; a tuple for a list port
_STEP: Final = 0.005  # of the work, between two events of progress
_SMALL_BYTES: Final = 32e6  # a result below it is not worth asking for the free memory
_LAST_SENTENCE: Final = re.compile(r"^(.*[.?!]) ([^.?!]+.*?[.?!]?)$", re.DOTALL)


class Cancel:
    """Stops a run from any thread: within one tile of a network, one stripe of rows."""

    def __init__(self) -> None:
        self._flag = Flag()

    def set(self) -> None:
        """Ask the run to stop."""
        self._flag.set()

    def is_set(self) -> bool:
        """Whether it was asked to."""
        return self._flag.is_set()


class CancelledError(BaseException):
    """Leaves an operation or a sink that is in work; nobody takes it for a failure of theirs."""


@dataclass(frozen=True)
class Job:
    """A task with all that it takes."""

    task: Task
    values: Values
    key: str | None  # of its result; None: no cache
    at_hand: object | None  # the result from the cache, where it was there
    outputs: tuple[tuple[str, int | None], ...]  # to the sink
    is_last_use: bool  # the sink is the only one that takes it, so that rows need not be collected
    file: str | None = None  # name of the one file that the value is made of, where there is one


@dataclass(frozen=True)
class Ended:
    """What came of a job; neither done nor failed: it was cancelled."""

    cell: Cell
    value: object = None
    key: str | None = None
    results: Mapping[str, object] | None = None  # by output's name
    done: NodeDone | None = None
    failed: NodeFailed | None = None


@dataclass(frozen=True)
class Bench:
    """What all jobs of a run share."""

    cache: Cache | None
    sink: Sink | None
    is_cancelled: Callable[[], bool]
    on_progress: Callable[[NodeProgress], None]

    def work(self, job: Job) -> Ended:
        """Do it. Only an interrupt (KeyboardInterrupt) is raised."""
        cell, start_s = job.task.cell, time.monotonic()
        stage = _Stage()
        try:
            with memory_as_limit(operation=cell.place):
                value, is_from_cache = self._made(job)
                size_hw = getattr(value, "size_hw", None)
                value, results = self._taken(job, value, stage)
        except CancelledError:
            return Ended(cell)
        except AnyresError as error:
            return Ended(cell, failed=_failure(job, str(error), error.exit_code, stage))
        except UnicodeEncodeError as error:  # libvips takes names in UTF-8 alone
            text = f"A name that is no UTF-8 cannot be opened: {error.object!r}. Rename the file or folder."
            return Ended(cell, failed=_failure(job, text, 2, stage))
        except Exception as error:  # a fault of ours in one node must not end the others
            text = f"A fault in anyres, {type(error).__name__}: {error}. Please report it."
            return Ended(cell, failed=_failure(job, text, 1, stage))
        time_s = time.monotonic() - start_s
        done = NodeDone(cell.place, cell.element, size_hw, time_s, is_from_cache)
        return Ended(cell, value, job.key, results, done)

    def _made(self, job: Job) -> tuple[Any, bool]:
        """The value, and whether it was in the cache."""
        self._check()
        node = job.task.node
        if node is None:
            (source,) = job.values.values()
            return (source() if callable(source) else source), False
        if job.at_hand is not None:
            return self._watched(job.at_hand), True
        sizes = [_size_of(job.values[port]) for port in node.operation.ports]
        assert node.checked is not None, f"node {node.id} is not bound"
        size_hw = node.operation.output_size_hw(sizes, node.checked)
        progress = self._progress_of(job.task.cell, size_hw)
        value = self._watched(node.operation.stream(**job.values, **node.parameters, progress=progress))
        if self.cache and job.key:
            if isinstance(value, Rows):
                return self.cache.recorded(job.key, value), False
            self.cache.put(job.key, value)
        return value, False

    def _taken(self, job: Job, value: Any, stage: "_Stage") -> tuple[Any, dict[str, object]]:
        """The value as others take it, and what the sink gave back for each output."""
        if isinstance(value, Rows):
            with contextlib.closing(stage.noted(value.stripes)) as stripes:
                rows = replace(value, stripes=stripes)
                if self.sink and job.is_last_use:
                    ((name, element),) = job.outputs
                    stage.is_sink = True
                    return None, {name: self.sink(name, element, rows)}
                value = _collected(rows, job.values)
        stage.is_sink = True
        results: dict[str, object] = {}
        for name, element in job.outputs:
            results[name] = self.sink(name, element, value) if self.sink else value
        return value, results

    def _check(self) -> None:
        if self.is_cancelled():
            raise CancelledError

    def _watched(self, value: Any) -> Any:
        """Rows that stop between two stripes when the run is cancelled."""
        if not isinstance(value, Rows):
            return value

        def stripes() -> Iterator[Any]:
            for stripe in value.stripes:
                self._check()
                yield stripe

        return replace(value, stripes=stripes())

    def _progress_of(self, cell: Cell, size_hw: SizeHW | None) -> Callable[[float], None]:
        total = size_hw[0] * size_hw[1] / 1e6 if size_hw else 1.0
        unit = "megapixels" if size_hw else "share"
        last = 0.0

        def tell(share: float) -> None:
            nonlocal last
            self._check()
            if share - last >= _STEP or (share >= 1 and last < 1):
                last = share
                self.on_progress(NodeProgress(cell.place, cell.element, share * total, total, unit))

        return tell


class _Stage:
    """Who is at fault when something goes wrong while rows flow: the node, or the sink that takes them."""

    def __init__(self) -> None:
        self.is_sink = False

    def noted(self, stripes: Iterator[Any]) -> Generator[Any, None, None]:
        """The stripes; an error in one of them is the node's."""
        try:
            yield from stripes
        except Exception:
            self.is_sink = False
            raise
        finally:
            if isinstance(stripes, Generator):
                stripes.close()


def failed_before(task: Task, lost: Cell, first: NodeFailed) -> NodeFailed:
    """The failure of a task that was not run because `lost` has no value."""
    port = next((port for port, cells in task.ports.items() if lost in cells), None)
    return NodeFailed(
        task.cell.place,
        task.cell.element,
        port,
        "nothing came",
        f"Not run, as {_named(lost.place, lost.element)} has no result.",
        f"Mend {_named(first.node, first.element)} and run again.",
        first.exit_code,
        is_consequence=True,
    )


def _failure(job: Job, text: str, exit_code: int, stage: _Stage) -> NodeFailed:
    match = _LAST_SENTENCE.match(text)
    cause, way_out = (match[1], match[2]) if match else (text, GENERAL_WAY_OUT)
    port, values = _port_at_fault(job, text, stage)
    shown = ", ".join(
        f"{_value_text(value)}" if port else f"{name}: {_value_text(value)}" for name, value in values.items()
    )
    cell = job.task.cell
    return NodeFailed(cell.place, cell.element, port, shown, cause, way_out, exit_code, file=job.file)


def _port_at_fault(job: Job, text: str, stage: _Stage) -> tuple[str | None, Values]:
    """The port whose value it is about, and what flowed there; all ports where that cannot be known."""
    if stage.is_sink or job.task.node is None:
        return RESULT if stage.is_sink else None, {RESULT: job.outputs[0][0] if job.outputs else "no output"}
    named = [port for port in job.values if re.search(rf"\b{re.escape(port)}\b", text)]
    ports = list(job.values) if len(job.values) == 1 else named
    if len(ports) == 1:
        return ports[0], {ports[0]: job.values[ports[0]]}
    return None, job.values


def _value_text(value: object) -> str:
    if isinstance(value, tuple):
        return f"{len(value)} of {type(value[0]).__name__}"
    if isinstance(value, Image | ContinuousImage | PictureFile):
        return f"{type(value).__name__} {size_text(value.size_hw)}"
    if isinstance(value, Alignment):
        return f"Alignment {value.status}"
    return str(value)


def _named(place: str, element: int | None) -> str:
    return f"node {place}" if element is None else f"node {place}, element {element},"


def _size_of(value: Any) -> Any:
    return tuple(one.size_hw for one in value) if isinstance(value, tuple) else value.size_hw


def _collected(rows: Rows, values: Values) -> Image:
    """The rows whole in memory; LimitError where they do not fit."""
    per_pixel = bytes_per_pixel_in_memory(has_alpha=rows.has_alpha)
    if rows.size_hw[0] * rows.size_hw[1] * per_pixel > _SMALL_BYTES:
        sizes = [_size_of(value) for value in values.values()]
        first = sizes[0] if sizes else rows.size_hw
        check_fits(
            first[0] if isinstance(first[0], tuple) else first,
            rows.size_hw,
            bytes_per_pixel=per_pixel,
            free_bytes=int(MEMORY_SHARE * free_machine_bytes()),
            place="memory",
        )
    return rows.collect()
