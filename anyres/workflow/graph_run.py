"""Run a graph: what the outputs need and no more, in order, what is independent side by side.

Results that the cache holds are not made again, nor is what only they need. A node that fails takes with it
what comes after it and nothing else. A chain whose progress is told through `on_progress` runs in the thread
of the caller; all else in a few threads, of which one at a time runs a network.
"""

import itertools
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from graphlib import TopologicalSorter
from queue import SimpleQueue
from typing import Any

from anyres.core.errors import InputError
from anyres.core.image import Image
from anyres.core.results import ContinuousImage, PictureFile
from anyres.workflow.cache import Cache, node_key, value_key
from anyres.workflow.events import GraphEvent, GraphFinished, NodeFailed, NodeProgress, NodeStarted, Status
from anyres.workflow.graph import Graph
from anyres.workflow.node_work import Bench, Ended, Job, Sink, failed_before
from anyres.workflow.node_work import Cancel as Cancel
from anyres.workflow.tasks import Cell, Task, Tasks, tasks_of

Message = Ended | NodeProgress | BaseException  # from a thread at work; the last ends the run
Flowing = Image | ContinuousImage | PictureFile
OnProgress = Callable[[NodeProgress], None]


@dataclass(frozen=True)
class LoadedInput:
    """A value from a file: the file's own hash is its key in the cache."""

    image: Flowing | Callable[[], Flowing]  # a function reads it when it is needed, and only then
    sha256: str  # of the file's bytes
    name: str  # of the file, for people


def run_graph(
    graph: Graph,
    inputs: Mapping[str, object],
    *,
    cache: Cache | None = None,
    cancel: Cancel | None = None,
    sink: Sink | None = None,
    workers: int = 2,
    on_progress: OnProgress | None = None,
) -> Iterator[GraphEvent]:
    """Run a bound graph; the last event is GraphFinished, which has the results.

    Closing the iterator stops the run as `cancel` does.

    Args:
        graph: A bound one.
        inputs: For each declared input that is no scalar its value, or a LoadedInput; a sequence for a list.
        cache: Where results are looked for and kept; None: nowhere.
        cancel: Asked before each node, at each progress that an operation tells, and between stripes of rows.
        sink: Called with name, element (of a list, else None) and value of each output, in the thread that
            made it. The value may be `Rows`, which are computed as the sink takes them. What it gives back is
            the result; without a sink, the value is.
        workers: Nodes that run side by side, where they are independent.
        on_progress: Told how far a node is as it happens, in the thread that works, instead of by events.

    Raises:
        InputError: At once: inputs that are missing, unknown, or of another kind, and lists of wrong lengths.
    """
    assert graph.is_bound, "the graph is not bound"
    given = _checked_inputs(graph, inputs)
    lengths = {name: len(values) for name, values in given.items() if graph.inputs[name].is_list}
    run = _Run(graph, given, tasks_of(graph, lengths), cache, cancel or Cancel())
    return run.events(sink, workers, on_progress)


class _Run:
    """One run; its tables are of the thread that takes the events."""

    def __init__(
        self,
        graph: Graph,
        given: Mapping[str, Sequence[object]],
        tasks: Tasks,
        cache: Cache | None,
        cancel: Cancel,
    ) -> None:
        self.graph = graph
        self.given = given
        self.cache = cache
        self.cancel = cancel
        self.values: dict[Cell, Ended] = {}
        self.failures: dict[Cell, NodeFailed] = {}
        self.results: dict[str, dict[int | None, object]] = {}
        self.at_hand: dict[Cell, object] = {}  # from the cache
        self.keys: dict[Cell, str] = {}  # as they are if no element of a list fails
        self.weights: dict[str, Sequence[str]] = {}
        self.tasks = tasks if cache is None else self._without_known(tasks, cache)
        cells = self.tasks.by_cell
        self.uses = Counter(need for task in cells.values() for need in task.needs)
        self.outputs: dict[Cell, list[tuple[str, int | None]]] = {}
        for name, made in self.tasks.outputs.items():
            is_list = graph.is_list(graph.outputs[name])
            for index, cell in enumerate(made):
                self.outputs.setdefault(cell, []).append((name, index if is_list else None))

    def events(self, sink: Sink | None, workers: int, on_progress: OnProgress | None) -> Iterator[GraphEvent]:
        """Everything that happens."""
        start_s, stop = time.monotonic(), Cancel()
        messages: SimpleQueue[Message] = SimpleQueue()
        bench = Bench(
            self.cache,
            sink,
            lambda: stop.is_set() or self.cancel.is_set(),
            on_progress or messages.put,
        )
        is_inline = on_progress is not None and (workers == 1 or self._is_chain())
        pool = None if is_inline else ThreadPoolExecutor(workers, thread_name_prefix="anyres-node")

        def give(job: Job) -> None:
            if pool:
                pool.submit(_worked, bench, job, messages)
            else:
                messages.put(bench.work(job))

        try:
            yield from self._scheduled(give, messages, 1 if is_inline else workers)
        finally:
            stop.set()
            if pool:
                pool.shutdown(cancel_futures=True)
        yield self._finished(time.monotonic() - start_s)

    def _scheduled(
        self, give: Callable[[Job], None], messages: "SimpleQueue[Message]", most: int
    ) -> Iterator[GraphEvent]:
        cells = self.tasks.by_cell
        order = TopologicalSorter({cell: task.needs for cell, task in cells.items()})
        order.prepare()
        waiting: tuple[deque[Cell], deque[Cell]] = deque(), deque()  # without a network, with one
        running: set[Cell] = set()
        while order.is_active() and not (self.cancel.is_set() and not running):
            for cell in reversed(order.get_ready()):
                waiting[cells[cell].uses_network].appendleft(cell)  # depth first: fewer values live at once
            while len(running) < most and not self.cancel.is_set():
                is_busy = any(cells[cell].uses_network for cell in running)
                line = waiting[0] or (() if is_busy else waiting[1])
                if not line:
                    break
                cell = line.popleft()
                failure = self._failed_before(cells[cell])
                if failure:
                    yield self._lost(cell, failure)
                    order.done(cell)
                    break  # what comes after it is ready now
                if cells[cell].node:
                    yield NodeStarted(cell.place, cell.element)
                running.add(cell)
                give(self._job(cells[cell]))
            if running:
                message = messages.get()
                if isinstance(message, BaseException):
                    raise message
                if isinstance(message, NodeProgress):
                    yield message
                    continue
                running.remove(message.cell)
                yield from self._ended(message)
                order.done(message.cell)

    def _ended(self, ended: Ended) -> Iterator[GraphEvent]:
        """Note what came of a job."""
        self._release(self.tasks.by_cell[ended.cell])
        if ended.failed:
            yield self._lost(ended.cell, ended.failed)
        elif ended.done:
            if self.uses[ended.cell]:
                self.values[ended.cell] = ended
            for name, element in self.outputs.get(ended.cell, ()):
                self.results.setdefault(name, {})[element] = (ended.results or {})[name]
            if self.tasks.by_cell[ended.cell].node:
                yield ended.done

    def _lost(self, cell: Cell, failure: NodeFailed) -> NodeFailed:
        self.failures[cell] = failure
        return failure

    def _release(self, task: Task) -> None:
        """Let go of values that nobody takes any more."""
        for need in task.needs:
            self.uses[need] -= 1
            if not self.uses[need]:
                self.values.pop(need, None)

    def _failed_before(self, task: Task) -> NodeFailed | None:
        """The failure of a task whose inputs are not there; a whole list needs one element at least."""
        for port, cells in task.ports.items():
            lost = [cell for cell in cells if cell in self.failures]
            if lost and (port not in task.whole_lists or len(lost) == len(cells) or _is_single(lost)):
                self._release(task)
                return failed_before(task, lost[0], self.failures[lost[0]])
        return None

    def _job(self, task: Task) -> Job:
        cell, node = task.cell, task.node
        outputs = tuple(self.outputs.get(cell, ()))
        is_last_use = len(outputs) == 1 and not self.uses[cell]
        if node is None:
            values: dict[str, object] = {"value": self._given(cell)}
            return Job(task, values, self.keys.get(cell), None, outputs, is_last_use, self._file_of(task))
        ports = {
            port: [self.values[one] for one in cells if one in self.values]
            for port, cells in task.ports.items()
        }
        values = {
            port: tuple(one.value for one in made)
            if node.operation.port_types[port].is_list
            else made[0].value
            for port, made in ports.items()
        }
        key, at_hand = self.keys.get(cell), self.at_hand.pop(cell, None)
        if self.cache and at_hand is None and not self._is_as_planned(task):
            flowing = {port: [one.key or "" for one in made] for port, made in ports.items()}
            key = node_key(node, flowing, self.weights[node.id])
            at_hand = self.cache.get(key)
        return Job(task, values, key, at_hand, outputs, is_last_use, self._file_of(task))

    def _is_as_planned(self, task: Task) -> bool:
        """Whether its key is the one foreseen: no element of a list before it is missing."""
        return all(need in self.values and self.values[need].key == self.keys[need] for need in task.needs)

    def _given(self, cell: Cell) -> object:
        value = self.given[cell.source.port][cell.element or 0]
        return value.image if isinstance(value, LoadedInput) else value

    def _file_of(self, task: Task) -> str | None:
        """The name of the file that an element of a list is made of, or that an input is."""
        cells, files = [task.cell], set[str]()
        while cells:
            cell = cells.pop()
            if cell.source.node is None:
                value = self.given[cell.source.port][cell.element or 0]
                files.update([value.name] if isinstance(value, LoadedInput) else ())
            elif cell in self.tasks.by_cell and cell.element is not None:
                needs = self.tasks.by_cell[cell].needs
                cells += [one for one in needs if one.element == cell.element]
        return files.pop() if len(files) == 1 else None

    def _without_known(self, tasks: Tasks, cache: Cache) -> Tasks:
        """What the cache leaves to be done: keys from the inputs on, values from the outputs back."""
        for cell, task in tasks.by_cell.items():
            if task.node is None:
                self.keys[cell] = _input_key(self.given[cell.source.port][cell.element or 0])
                continue
            node = task.node
            if node.id not in self.weights:
                assert node.checked is not None, f"node {node.id} is not bound"
                self.weights[node.id] = node.operation.weights_sha256(node.checked)
            flowing = {port: [self.keys[one] for one in cells] for port, cells in task.ports.items()}
            self.keys[cell] = node_key(node, flowing, self.weights[node.id])
        needed = {cell for cells in tasks.outputs.values() for cell in cells}
        for cell, task in reversed(list(tasks.by_cell.items())):
            if cell in needed and task.node:
                value = cache.get(self.keys[cell])
                if value is None:
                    needed.update(task.needs)
                else:
                    self.at_hand[cell] = value
        return tasks.only(needed, self.at_hand)

    def _is_chain(self) -> bool:
        """Whether no two nodes could run side by side."""
        nodes = [task for task in self.tasks.by_cell.values() if task.node]
        return all(before.cell in after.needs for before, after in itertools.pairwise(nodes))

    def _finished(self, time_s: float) -> GraphFinished:
        results: dict[str, object] = {}
        for name, source in self.graph.outputs.items():
            made = self.results.get(name, {})
            if self.graph.is_list(source):
                results[name] = tuple(made[element] for element in sorted(made, key=lambda one: one or 0))
            elif made:
                results[name] = made[None]
        return GraphFinished(self._status(), results, tuple(self.failures.values()), time_s)

    def _status(self) -> Status:
        made = sum(len(one) for one in self.results.values())
        asked = sum(len(cells) for cells in self.tasks.outputs.values())
        if (
            self.cancel.is_set()
            and made + sum(len(self.outputs.get(one, ())) for one in self.failures) < asked
        ):
            return "cancelled"
        if self.failures:
            return "partial" if made else "failed"
        return "done"


def _worked(bench: Bench, job: Job, messages: "SimpleQueue[Message]") -> None:
    try:
        messages.put(bench.work(job))
    except BaseException as stop:  # it ends the run, which waits for a message
        messages.put(stop)


def _input_key(value: object) -> str:
    if isinstance(value, LoadedInput):
        kind = "" if callable(value.image) else type(value.image).__name__
        return f"file {kind} {value.sha256}"
    assert isinstance(value, Image | ContinuousImage | PictureFile)
    return value_key(value)


def _is_single(lost: Sequence[Cell]) -> bool:
    """Whether one of them is no element of a list: such a wire has no good elements to go on with."""
    return any(cell.element is None for cell in lost)


def _checked_inputs(graph: Graph, inputs: Mapping[str, object]) -> dict[str, Sequence[object]]:
    """The values of each input as a sequence, of one if it is no list."""
    declared = {name: one for name, one in graph.inputs.items() if not one.is_scalar}
    for name in inputs:
        if name not in declared:
            raise InputError(
                f"{graph.document.name} has no input {name}; it has {', '.join(declared) or 'none'}."
            )
    given: dict[str, Sequence[object]] = {}
    for name, one in declared.items():
        if name not in inputs:
            raise InputError(f"{graph.document.name} needs the input {name}, and nothing was given.")
        values: Any = inputs[name]
        if one.is_list and not isinstance(values, list | tuple):
            raise InputError(
                f"The input {name} is a list; {type(values).__name__} was given. Put it in a list."
            )
        given[name] = values if one.is_list else [values]
        for value in given[name]:
            _refuse_other_kind(name, one.kind, value)
    return given


def _refuse_other_kind(name: str, kind: str, value: object) -> None:
    flowing = value.image if isinstance(value, LoadedInput) else value
    is_read_later = isinstance(value, LoadedInput) and callable(flowing)
    if not is_read_later and type(flowing).__name__ != kind:
        raise InputError(f"The input {name} takes {kind}; {type(flowing).__name__} was given. Give that.")
