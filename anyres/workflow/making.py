"""One item made: its inputs read, its graph run, its results staged. The same on every engine.

`make` needs nothing but plain data and a graph, changes nothing but staged files, and raises no error of
ours: what went wrong is in what it gives back. Whoever called it notes the results in the journal and gives
them their names.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from anyres.core.budget import check_fits, check_side, free_disk_bytes, memory_as_limit
from anyres.core.errors import AnyresError, InputError
from anyres.core.files import check_header, output_format
from anyres.core.formats import FORMATS
from anyres.core.image import Image
from anyres.core.memory import free_machine_bytes
from anyres.core.sizes import SizeHW
from anyres.core.storage import storage_for
from anyres.core.weights import file_sha256
from anyres.workflow import addresses
from anyres.workflow.addresses import Place
from anyres.workflow.cache import Cache
from anyres.workflow.document import graph_sha256
from anyres.workflow.events import GraphFinished, NodeDone, NodeFailed, NodeKind, NodeProgress
from anyres.workflow.graph import Graph, inferred_sizes
from anyres.workflow.graph_run import Cancel, run_graph
from anyres.workflow.items import Item, Result, refuse_inputs
from anyres.workflow.journal import WHOLE
from anyres.workflow.preflight import preflight, suffixes_of
from anyres.workflow.provenance import Record
from anyres.workflow.reading import Inputs, opened_inputs
from anyres.workflow.sizes import GivenSize, InferredSize, sized_where_it_can
from anyres.workflow.staging import remove_leftovers
from anyres.workflow.writing import Manner, Staged, Target, Writer, record_place, targets_of

OnProgress = Callable[[float], None]
_SMALLEST_SHARE = 1e-3  # megapixels that a node without a size counts for, in the progress of an item


@dataclass(frozen=True)
class Work:
    """What is done to every item that has the same parameters."""

    graph: Graph  # bound
    graph_sha256: str
    weights_sha256: Mapping[str, tuple[str, ...]]  # by node
    key: str  # all that decides the result beside the inputs and how it is written
    records: dict[str, Record] = field(default_factory=dict)  # of what was made, kept to make others from


@dataclass(frozen=True)
class Task:
    """An item, and what earlier runs left where its results go; plain data that travels."""

    item: Item
    earlier: Mapping[str, Mapping[str, Mapping[str, str]]]  # sha256, by output, file name and item hash
    leftovers: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Job:
    """One item on its way: what is done, to what."""

    work: Work
    task: Task


@dataclass(frozen=True)
class Failure:
    """Why an item has no result, and the exit code that it alone would give."""

    reason: str
    exit_code: int


@dataclass(frozen=True)
class Made:
    """What came of an item; some of its outputs may be there although one failed."""

    item_hash: str | None = None
    staged: tuple[Staged, ...] = ()
    is_skipped: bool = False  # the results were in their places already
    is_cancelled: bool = False  # it was stopped before it was done; nothing is staged
    found: tuple[Result, ...] = ()  # these results, where the item is skipped
    replaced: frozenset[Place] = frozenset()  # files that this very work made before, and that may go
    notices: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    times: tuple[tuple[NodeKind, float, float], ...] = ()  # megapixels and seconds of each node
    time_s: float = 0.0


def work_of(graph: Graph) -> Work:
    """What a bound graph does; InputError where weights are not there."""
    weights: dict[str, tuple[str, ...]] = {}
    nodes: dict[str, str] = {}
    for node in graph.nodes.values():
        assert node.checked is not None, f"node {node.id} is not bound"
        nodes[node.id] = node.operation.canonical(node.checked)
        if node.operation.uses_network:
            weights[node.id] = tuple(node.operation.weights_sha256(node.checked))
    sha256 = graph_sha256(graph.document)
    return Work(graph, sha256, weights, json.dumps([sha256, graph.scalars, nodes, weights], sort_keys=True))


def make(
    work: Work,
    task: Task,
    manner: Manner,
    *,
    cache: Cache | None = None,
    on_progress: OnProgress | None = None,
    cancel: Cancel | None = None,
) -> Made:
    """Read, run and stage one item; a failure is in what comes back, an interrupt goes through."""
    start_s = time.monotonic()
    try:
        with (
            memory_as_limit(operation=work.graph.document.name),
            opened_inputs(work.graph, task.item, manner.limits) as inputs,
        ):
            made = _Making(work, task, manner, inputs, cache, on_progress, cancel).made()
    except AnyresError as error:
        made = Made(failures=(Failure(str(error), error.exit_code),))
    except UnicodeEncodeError as error:  # libvips takes names in UTF-8 alone
        reason = f"A name that is no UTF-8 cannot be opened: {error.object!r}. Rename the file or folder."
        made = Made(failures=(Failure(reason, InputError.exit_code),))
    except Exception as error:  # a fault of ours with one picture must not end a night's work
        reason = f"A fault in anyres, {type(error).__name__}: {error}. Please report it."
        made = Made(failures=(Failure(reason, AnyresError.exit_code),))
    return replace(made, time_s=time.monotonic() - start_s)


class _Making:
    def __init__(
        self,
        work: Work,
        task: Task,
        manner: Manner,
        inputs: Inputs,
        cache: Cache | None,
        on_progress: OnProgress | None,
        cancel: Cancel | None,
    ) -> None:
        self.cancel = cancel
        self.work, self.task, self.manner, self.inputs = work, task, manner, inputs
        self.graph, self.cache, self.on_progress = work.graph, cache, on_progress
        names = {port: [file.file_name for file in files] for port, files in inputs.files.items()}
        self.targets = targets_of(work.graph, task.item, names)
        # places that an item names were checked by the batch
        elements = [one.place for one in self.targets if one.element is not None]
        beside = [record_place(one.place) for one in self.targets] if manner.is_record_beside else []
        if elements or beside:
            refuse_inputs(task.item.input_places, [*elements, *beside])
        self.item_hash = self._item_hash()
        nodes = work.graph.nodes.values()
        self.is_single = len(nodes) == 1 and not any(node.each for node in nodes)
        # a plain operation: its own sentences, and the picture itself is all that memory holds
        self.is_plain = self.is_single and not work.graph.scalars

    def made(self) -> Made:
        ours = frozenset(target.place for target in self.targets if self._is_ours(target))
        if len(ours) == len(self.targets) and self._is_every_list_whole():
            self._put_missing_records()
            return Made(self.item_hash, is_skipped=True, found=tuple(map(self._found, self.targets)))
        for target in self.targets:
            if not self.manner.overwrite and target.place not in ours and addresses.is_there(target.place):
                raise InputError(
                    f"{target.place} exists already. Replace it with --overwrite, or name another output."
                )
        if not self.is_plain:
            self._refuse_what_does_not_fit()
        values = self.inputs.values()
        self._refuse_too_large(values)
        remove_leftovers(self.task.leftovers, self.item_hash)
        writer = self._writer()
        try:
            failures, times = self._run(values, writer)
        except BaseException:
            writer.discard()
            raise
        if self.cancel is not None and self.cancel.is_set():
            writer.discard()
            return Made(self.item_hash, is_cancelled=True)
        notices = tuple(dict.fromkeys(writer.notices))
        order = {target.place: number for number, target in enumerate(self.targets)}
        return Made(
            self.item_hash,
            tuple(sorted(writer.staged, key=lambda one: order[one.result.place])),
            replaced=ours,
            notices=notices,
            failures=failures,
            times=times,
        )

    def _writer(self) -> Writer:
        return Writer(
            graph=self.graph,
            targets={(target.output, target.element): target for target in self.targets},
            manner=self.manner,
            item_hash=self.item_hash,
            input_sha256=self.inputs.sha256,
            weights_sha256=self.work.weights_sha256,
            records=self.work.records,
            temporary=self.inputs.temporary,
        )

    def _put_missing_records(self) -> None:
        """Write the records again that should lie beside results and were removed."""
        for target in self.targets:
            if self._lacks_record(target):
                self._writer().put_record(target)

    def _lacks_record(self, target: Target) -> bool:
        return self.manner.is_record_beside and not addresses.is_file(record_place(target.place))

    def _item_hash(self) -> str:
        written = [[target.output, target.place.suffix.lower()] for target in self.targets]
        lists = [target.place.name for target in self.targets if target.element is not None]
        parts = [self.work.key, sorted(self.inputs.sha256.items()), written, lists, self.manner.strip]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def _is_ours(self, target: Target) -> bool:
        """Whether the file there is what an item of this hash made, untouched since."""
        made = self.task.earlier.get(target.output, {}).get(target.place.name, {}).get(self.item_hash)
        if made is None or not addresses.is_file(target.place):
            return False
        if self.manner.overwrite and self._lacks_record(target):
            return False  # what is not whole may be made again
        if isinstance(target.place, Path):
            return file_sha256(target.place) == made
        copy = self.inputs.copied(target.place)
        return file_sha256(copy) == made

    def _found(self, target: Target) -> Result:
        """The result of an earlier run, which is as it was."""
        sha256 = self.task.earlier[target.output][target.place.name][self.item_hash]
        place = target.place
        size = place.stat().st_size if isinstance(place, Path) else addresses.file_bytes(place)
        inferred = _sizes_where_it_can(self.graph, self.inputs.sizes_hw)
        return Result(target.output, place, sha256, size, self._size_hw(target, inferred))

    def _size_hw(self, target: Target, inferred: Mapping[str, Any]) -> SizeHW | None:
        """(height, width) that a result will have; None for what is no picture, or will not be made."""
        source = self.graph.outputs[target.output]
        given: Mapping[str, Any] = self.inputs.sizes_hw
        size_hw = given[source.port] if source.node is None else inferred[source.node]
        return None if size_hw is None else size_hw if target.element is None else size_hw[target.element]

    def _is_every_list_whole(self) -> bool:
        """Whether no element of a list failed when the files that are there were made."""
        if not self.graph.takes_list:
            return True
        earlier = self.task.earlier
        return all(self.item_hash in earlier.get(name, {}).get(WHOLE, {}) for name in self.graph.outputs)

    def _refuse_what_does_not_fit(self) -> None:
        """Refuse, before a pixel is read, what `anyres workflow check` refuses, with the memory of now."""
        for name, files in self.inputs.files.items():
            for file in files if not self.graph.inputs[name].is_list else ():
                assert file.header is not None, f"{file.place} has no header"
                check_header(file.path, file.header, self.manner.limits)
        preflight(
            self.graph,
            self.inputs.sizes_hw,
            free_memory_bytes=free_machine_bytes(),
            free_disk_bytes=min(map(free_disk_bytes, {self._folder(one.place) for one in self.targets})),
            times={},
            suffixes=suffixes_of(self.targets),
        )

    def _refuse_too_large(self, values: Mapping[str, Any]) -> None:
        """Refuse, before the work, what a format or the disk cannot hold."""
        pictures = [one.image for one in values.values() if not isinstance(one, tuple)]
        first = next((picture for picture in pictures if isinstance(picture, Image)), None)
        first_hw = next(file.size_hw for files in self.inputs.files.values() for file in files)
        sizes_of = inferred_sizes if self.is_plain else _sizes_where_it_can
        inferred = sizes_of(self.graph, self.inputs.sizes_hw)
        for target in self.targets:
            size_hw = self._size_hw(target, inferred)
            if size_hw is None or self.graph.kind(self.graph.outputs[target.output]) != "Image":
                continue
            ability, suffix = FORMATS[output_format(target.place.name)], target.place.suffix
            check_side(
                first_hw,
                size_hw,
                longest_side=ability.longest_side,
                suffix=suffix,
                has_scale=self._is_enlarged(),
            )
            if first:
                self._refuse_for_disk(first, size_hw, target.place)

    def _is_enlarged(self) -> bool:
        """Whether the result is the first picture by a scale, which can be made smaller."""
        nodes = self.graph.nodes.values()
        return self.is_plain and all("scale" in node.operation.parameters.model_fields for node in nodes)

    def _folder(self, place: Place) -> Path:
        """Where a result is written, on this machine."""
        folder = place.parent if isinstance(place, Path) else self.inputs.temporary
        assert folder is not None
        return folder

    def _refuse_for_disk(self, first: Image, size_hw: SizeHW, place: Place) -> None:
        form = output_format(place.name)
        has_alpha = first.alpha is not None and (len(self.graph.nodes) == 1 or FORMATS[form].has_alpha)
        storage = storage_for(
            form, first.encoding, size_hw=size_hw, has_alpha=has_alpha, strip=self.manner.strip
        )
        folder = self._folder(place)
        check_fits(
            first.size_hw,
            size_hw,
            # raw rows, and a file that may not compress
            bytes_per_pixel=2 * storage.channels * storage.depth // 8,
            free_bytes=free_disk_bytes(folder),
            place=f"the disk of {folder.absolute()}",
            has_scale=self._is_enlarged(),
        )

    def _run(
        self, values: Mapping[str, object], writer: Writer
    ) -> tuple[tuple[Failure, ...], tuple[tuple[NodeKind, float, float], ...]]:
        """Run the graph; the writer stages what comes out. Gives back what failed and how long nodes took."""
        progress = _Progress(self.graph, self.inputs, self.on_progress)
        times: list[tuple[NodeKind, float, float]] = []
        failed: list[NodeFailed] = []
        told = progress.take
        for event in run_graph(
            self.graph, values, cache=self.cache, cancel=self.cancel, sink=writer, on_progress=told
        ):
            progress.take(event)
            if isinstance(event, NodeDone) and not event.is_from_cache and event.size_hw:
                megapixels = event.size_hw[0] * event.size_hw[1] / 1e6
                times.append((self._kind(event.node), megapixels, event.time_s))
            elif isinstance(event, GraphFinished):
                failed.extend(event.failures)
        return self._failures(failed), tuple(times)

    def _kind(self, node: str) -> NodeKind:
        operation = self.graph.nodes[node].operation
        weights = " ".join(self.work.weights_sha256.get(node, ()))
        return NodeKind(f"{operation.name}@{operation.version}", weights)

    def _failures(self, failed: list[NodeFailed]) -> tuple[Failure, ...]:
        """In plain words for a single operation; with node and port for a workflow of several."""
        roots = [event for event in failed if not event.is_consequence]
        return tuple(
            Failure(event.text if self.is_single else event.reason, event.exit_code)
            for event in roots or failed
        )


def _sizes_where_it_can(graph: Graph, sizes: Mapping[str, GivenSize]) -> Mapping[str, InferredSize]:
    return sized_where_it_can(graph, sizes).sizes_hw


class _Progress:
    """How far an item is, from 0 to 1: the megapixels of its nodes' results, done and in work."""

    def __init__(self, graph: Graph, inputs: Inputs, told: OnProgress | None) -> None:
        self._told = told
        self._done: dict[tuple[str, int | None], float] = {}
        self._shares: dict[tuple[str, int | None], float] = {}
        for node, size in _sizes_where_it_can(graph, inputs.sizes_hw).items() if told else ():
            elements: Any = (
                enumerate(cast("tuple[Any, ...]", size)) if graph.nodes[node].each else [(None, size)]
            )
            for element, size_hw in elements:
                pixels = size_hw[0] * size_hw[1] if size_hw else 0
                self._shares[node, element] = max(pixels / 1e6, _SMALLEST_SHARE)
        self._total = sum(self._shares.values())
        self._last = -1.0

    def take(self, event: object) -> None:
        if self._told is None or not isinstance(event, NodeProgress | NodeDone):
            return
        key = event.node, event.element
        share = event.done / event.total if isinstance(event, NodeProgress) and event.total else 1.0
        self._done[key] = share * self._shares.get(key, 0.0)
        fraction = min(1.0, sum(self._done.values()) / self._total)
        if fraction > self._last:
            self._last = fraction
            self._told(fraction)
