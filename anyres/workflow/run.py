"""Run an operation or a workflow on items: skip what is done, go on after a bad one, resume after a kill.

An item is known by a hash of the workflow, its operations' versions and parameters, the content of its inputs
and of the weights, and how it is written. A result is made beside its place, noted in the journal of its
folder, and only then renamed; so at any moment a file with a result's name is whole, and a second run of the
same batch does only what is left. One item, a thousand, and a thousand over a cluster go the same way.
"""

import contextlib
import functools
import json
import math
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from anyres.core.errors import AnyresError, InputError
from anyres.core.files import Limits, read_header
from anyres.operations.operation import Operation
from anyres.workflow.addresses import Place
from anyres.workflow.cache import Cache
from anyres.workflow.document import Document
from anyres.workflow.events import (
    BatchEvent,
    BatchFinished,
    BatchStarted,
    ItemDone,
    ItemFailed,
    ItemSkipped,
    ItemStarted,
)
from anyres.workflow.graph import Graph, graph_of, inferred_sizes, resolve
from anyres.workflow.graph_run import Cancel
from anyres.workflow.items import Item, Result, each_of, refuse_shared_places, refuse_unwritable
from anyres.workflow.journal import WHOLE, Journal
from anyres.workflow.making import Failure, Job, Made, Task, Work, make, work_of
from anyres.workflow.reading import check_inputs
from anyres.workflow.staging import leftovers_in
from anyres.workflow.store import ArtefactEntry, ItemEntry, RunRecord, store_path
from anyres.workflow.writing import Manner, discard, give_its_name, targets_of

Workflow = Operation[..., Any] | Document | Graph
ENGINES = ("local", "ray")
_LOOKED_AT = 256  # headers, at most, before the work begins: a progress bar needs no more
_Ended = ItemDone | ItemSkipped | ItemFailed


def run_batch(
    workflow: Workflow,
    items: Sequence[Item],
    *,
    engine: str = "local",
    address: str | None = None,
    overwrite: bool = False,
    strip: bool = False,
    is_record_beside: bool = False,
    limits: Limits | None = None,
    is_resumable: bool = True,
    cache: Cache | None = None,
    on_progress: Callable[[Item, float], None] | None = None,
    cancel: Cancel | None = None,
) -> Iterator[BatchEvent]:
    """Check all that can be checked at once; then the events, as the items are worked on.

    Args:
        workflow: What to do; each of its outputs is a file.
        items: On what. No two of them may have the same output.
        engine: Where: "local", in this process, one after the other; "ray", over a cluster.
        address: Of the Ray cluster; left out, one is begun on this machine.
        overwrite: Replace files that are there. Without it an item fails whose output is there and was not
            made by this very work.
        strip: Leave profile, metadata and record out of the results.
        is_record_beside: Put the record of what made a result beside it, too, as JSON.
        limits: On the bytes and pixels of an input.
        is_resumable: Keep a journal beside the results; without one no existing output is taken as done.
        cache: Of results of nodes; none are kept without one.
        on_progress: Told how far an item is, from 0 to 1; by the local engine.
        cancel: Stops the local engine: what is in work leaves nothing, and what was not begun is not named
            in the last event.

    Raises:
        InputError: Before the first event, for a wrong parameter or model, an input without file, two items
            with one output, an output that is an input, or a folder that cannot be written.
    """
    if engine not in ENGINES:
        raise InputError(f"There is no engine {engine!r}; there are: {', '.join(ENGINES)}.")
    if address and engine != "ray":
        raise InputError(f"An address is of a Ray cluster; the engine is {engine}. Ask for the engine ray.")
    _refuse_other_workflow(workflow)
    works = _works(workflow, items)
    refuse_shared_places(items, _elements(works, items))
    folders = _made_folders(works, items)
    journals = {folder: Journal(folder) for folder in folders} if is_resumable else {}
    leftovers: dict[Place, tuple[Path, ...]] = {
        folder: leftovers_in(folder) for folder in folders if isinstance(folder, Path)
    }
    batch = _Batch(
        [Job(work, _task(work, item, journals, leftovers)) for work, item in zip(works, items, strict=True)],
        engine,
        address,
        Manner(overwrite, strip, is_record_beside, limits or Limits()),
        journals,
        cache,
        on_progress,
        cancel,
    )
    return batch.events()


@dataclass(frozen=True)
class _Batch:
    jobs: Sequence[Job]
    engine: str
    address: str | None
    manner: Manner
    journals: Mapping[Place, Journal]  # by folder
    cache: Cache | None
    on_progress: Callable[[Item, float], None] | None
    cancel: Cancel | None

    def events(self) -> Iterator[BatchEvent]:
        start_s = time.monotonic()
        sizes = self._forecast()
        yield BatchStarted(len(self.jobs), sum(sizes))
        record, ended = self._record(), list[_Ended]()
        try:
            with contextlib.closing(self._made()) as pairs:
                for number, made in pairs:
                    if made is None:
                        yield ItemStarted(self.jobs[number].task.item, sizes[number])
                        continue
                    ended.append(self._ended(self.jobs[number], made, record))
                    yield ended[-1]
        finally:
            notice = record.finish(_status(len(self.jobs), ended)) if record else None
        yield BatchFinished(
            tuple(event for event in ended if isinstance(event, ItemDone)),
            tuple(event for event in ended if isinstance(event, ItemSkipped)),
            tuple(event for event in ended if isinstance(event, ItemFailed)),
            time.monotonic() - start_s,
            (notice,) if notice else (),
        )

    def _made(self) -> Generator[tuple[int, Made | None]]:
        """The number of an item when it begins, with None; and again when it ends, with what came of it."""
        if self.engine == "ray":
            from anyres.workflow.ray_engine import made_on_ray

            yield from made_on_ray(self.jobs, self.manner, cache=self.cache, address=self.address)
            return
        for number, job in enumerate(self.jobs):
            if self.cancel is not None and self.cancel.is_set():
                return
            yield number, None
            told = None if self.on_progress is None else functools.partial(self.on_progress, job.task.item)
            made = make(
                job.work, job.task, self.manner, cache=self.cache, on_progress=told, cancel=self.cancel
            )
            if made.is_cancelled:
                return
            yield number, made

    def _ended(self, job: Job, made: Made, record: RunRecord | None) -> _Ended:
        """Give what was made its name, the journal first; and tell the store."""
        item, failures = job.task.item, list(made.failures)
        results: list[Result] = []
        waiting = list(made.staged)
        try:
            while waiting:
                staged = waiting[0]
                self._note(job, made, staged.result)
                may_replace = self.manner.overwrite or staged.result.place in made.replaced
                give_its_name(staged, overwrite=may_replace)
                results.append(waiting.pop(0).result)
            if made.staged and not failures:
                self._note_whole(job, made)
        except AnyresError as error:
            failures.append(Failure(str(error), error.exit_code))
        finally:
            for staged in waiting:
                discard(staged)
        if record:
            _tell(record, item, made, results, failures)
        if failures:
            reasons = " ".join(dict.fromkeys(failure.reason for failure in failures))
            return ItemFailed(item, reasons, failures[0].exit_code, tuple(results))
        if made.is_skipped:
            return ItemSkipped(item)
        size_hw = next((result.size_hw for result in results if result.size_hw), (0, 0))
        return ItemDone(item, size_hw, made.notices, made.time_s, tuple(results))

    def _note(self, job: Job, made: Made, result: Result) -> None:
        journal = self.journals.get(_folders(job.work, job.task.item)[result.output])
        if journal:
            assert made.item_hash is not None
            journal.add(made.item_hash, result.place.name, result.sha256)

    def _note_whole(self, job: Job, made: Made) -> None:
        """Note that no element of a list is missing, in what was made of it."""
        for output, folder in _folders(job.work, job.task.item).items():
            journal = self.journals.get(folder)
            if journal and job.work.graph.takes_list:
                count = sum(staged.result.output == output for staged in made.staged)
                journal.add(str(made.item_hash), WHOLE, str(count))

    def _forecast(self) -> list[float]:
        """Megapixels of each item's results: of many items some are looked at, and stand for the others."""
        step = math.ceil(len(self.jobs) / _LOOKED_AT) or 1
        seen = [self._predicted_megapixels(job) for job in self.jobs[::step]]
        if step == 1:
            return seen
        usual = sum(seen) / len(seen)
        return [seen[index // step] if index % step == 0 else usual for index in range(len(self.jobs))]

    def _predicted_megapixels(self, job: Job) -> float:
        item, graph = job.task.item, job.work.graph
        try:
            sizes: dict[str, Any] = {}
            for name, places in item.inputs.items():
                found = tuple(
                    read_header(_local(place), limits=self.manner.limits).size_hw for place in each_of(places)
                )
                sizes[name] = found if graph.inputs[name].is_list else found[0]
            inferred: Mapping[str, Any] = inferred_sizes(graph, sizes)
            total = 0
            for source in graph.outputs.values():
                of_node = inferred[source.node] if source.node else None
                for size_hw in (of_node or ()) if graph.is_list(source) else (of_node,):
                    total += size_hw[0] * size_hw[1] if size_hw else 0
        except (AnyresError, UnicodeEncodeError):
            return 0.0  # the item itself will say why
        return total / 1e6

    def _record(self) -> RunRecord | None:
        if not self.jobs:
            return None
        graph = self.jobs[0].work.graph
        name = f"{graph.document.name}@{graph.document.version}"
        return RunRecord(store_path(), name, self.jobs[0].work.graph_sha256, self.engine)


def _refuse_other_workflow(given: object) -> None:
    """InputError for a name, a file or anything else that is not what it stands for."""
    if isinstance(given, Operation | Document | Graph):
        return
    way_out = "Give one of these."
    if isinstance(given, str | Path):
        way_out = (
            "find_workflow(name) of anyres.workflow.finding gives the document of a name, and "
            "read_document(path) of anyres.workflow.document that in a file."
        )
    raise InputError(
        f"A workflow is an operation, a document or a graph; {given!r:.80} was given, a "
        f"{type(given).__name__}. {way_out}"
    )


def _works(workflow: Workflow, items: Sequence[Item]) -> list[Work]:
    """What is done to each item; the same object for items of equal parameters, as thousands share them."""
    graph = resolve(workflow) if isinstance(workflow, Document) else workflow
    known: dict[str, Work] = {}
    works = []
    for item in items:
        text = json.dumps(sorted(item.parameters.items()), default=repr)
        if text not in known:
            known[text] = work_of(_bound(graph, item.parameters))
        check_inputs(known[text].graph, item)
        works.append(known[text])
    return works


def _bound(workflow: Operation[..., Any] | Graph, parameters: Mapping[str, object]) -> Graph:
    if isinstance(workflow, Operation):
        return graph_of(workflow, parameters)
    if workflow.is_bound and dict(parameters) in ({}, dict(workflow.scalars)):
        return workflow
    return (resolve(workflow.document) if workflow.is_bound else workflow).bind(parameters)


def _made_folders(works: Sequence[Work], items: Sequence[Item]) -> set[Place]:
    """The folders of all results, made where they are not there; InputError where one cannot be written."""
    pairs = zip(works, items, strict=True)
    folders = {folder for work, item in pairs for folder in _folders(work, item).values()}
    for folder in folders:
        refuse_unwritable(folder)
    return folders


def _folders(work: Work, item: Item) -> dict[str, Place]:
    """The folder of each output; that of a list is the place that the item names."""
    graph = work.graph
    return {
        name: place if graph.is_list(graph.outputs[name]) else place.parent
        for name, place in item.outputs.items()
    }


def _elements(works: Sequence[Work], items: Sequence[Item]) -> Iterator[Place]:
    """Where the elements of lists go, by the names of the inputs: a suffix that is wrong is found later."""
    for work, item in zip(works, items, strict=True):
        graph = work.graph
        if any(graph.is_list(source) for source in graph.outputs.values()):
            names = {port: [place.name for place in each_of(places)] for port, places in item.inputs.items()}
            with contextlib.suppress(InputError):  # a suffix that is not written: the item itself will say so
                yield from (one.place for one in targets_of(graph, item, names) if one.element is not None)


def _task(
    work: Work, item: Item, journals: Mapping[Place, Journal], leftovers: Mapping[Place, tuple[Path, ...]]
) -> Task:
    """The item with what earlier runs left where its results go."""
    earlier: dict[str, Mapping[str, Mapping[str, str]]] = {}
    folders = _folders(work, item)
    for name, folder in folders.items():
        place = item.outputs[name]
        if journal := journals.get(folder):
            is_list = folder is place
            names = (place.name, WHOLE)
            earlier[name] = journal.made() if is_list else {one: journal.made_as(one) for one in names}
    return Task(
        item, earlier, tuple(path for folder in set(folders.values()) for path in leftovers.get(folder, ()))
    )


def _tell(
    record: RunRecord, item: Item, made: Made, results: Sequence[Result], failures: Sequence[Failure]
) -> None:
    """Tell the store how an item ended; what was done before is known to it already, or from the journal."""
    status: Literal["done", "skipped", "failed"] = (
        "failed" if failures else "skipped" if made.is_skipped else "done"
    )
    reason = " ".join(failure.reason for failure in failures) or None
    exit_code = failures[0].exit_code if failures else 0
    kept = tuple(
        ArtefactEntry(
            str(made.item_hash), str(one.place), one.sha256, one.bytes, *(one.size_hw or (None, None))
        )
        for one in (*results, *made.found)
    )
    record.add(ItemEntry(made.item_hash, item.inputs_text(), status, reason, exit_code, made.time_s), kept)
    for kind, megapixels, time_s in made.times:
        record.add_time(kind, megapixels=megapixels, time_s=time_s)


def _status(items: int, ended: Sequence[_Ended]) -> Literal["done", "partial", "failed", "stopped"]:
    if len(ended) < items:
        return "stopped"
    failed = [event for event in ended if isinstance(event, ItemFailed)]
    is_in_vain = len(failed) == items and not any(event.results for event in failed)
    return "done" if not failed else "failed" if is_in_vain else "partial"


def _local(place: Place) -> Path:
    """A path of this machine; what is elsewhere is not fetched for a forecast."""
    if not isinstance(place, Path):
        raise InputError(f"{place} is on another machine.")
    return place
