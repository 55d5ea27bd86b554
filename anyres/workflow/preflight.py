"""What a workflow will need, said before it runs: sizes, megapixels, memory and time of each node.

Sizes are the operations' own rules. Memory is what the values take that live while a node runs, as floats
with alpha, the most that they can; a result that only goes into a file passes through in stripes and needs
disk instead, and what its encoder takes, the least that it can. Times come from stored runs on this machine.
Nothing is loaded, and nothing runs.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from anyres.core.budget import (
    LONGER_FORMATS,
    MEMORY_SHARE,
    bytes_per_pixel_in_memory,
    bytes_text,
    side_sentence,
)
from anyres.core.errors import InputError, LimitError
from anyres.core.formats import FORMATS, Format, format_of_suffix
from anyres.core.image import Rows
from anyres.core.sizes import SizeHW, size_text
from anyres.core.storage import encoder_bytes_per_pixel
from anyres.workflow.events import NodeKind
from anyres.workflow.graph import Graph, Node, Source
from anyres.workflow.names import RESULT
from anyres.workflow.sizes import GivenSize, InferredSize, sized_where_it_can
from anyres.workflow.smaller import Fit, what_can_be_smaller
from anyres.workflow.writing import Target

Suffixes = Mapping[str, Sequence[str]]  # of the files of each output
_FEATURES: Final = 64  # channels of the features of a continuous picture, float32: LIIF's
_IMAGE_BYTES: Final = bytes_per_pixel_in_memory(has_alpha=True)
_DISK_BYTES: Final = 2 * 4  # a pixel: raw rows and a file that may not compress, four channels of 8 bits


@dataclass(frozen=True)
class NodeForecast:
    """What one node will need."""

    id: str
    operation: str  # "upscale@1.0.0"
    sizes_hw: tuple[SizeHW, ...]  # of its results: several where it is mapped over a list, none of a report
    memory_mb: float  # of all values that live while it runs, its result among them
    time_s: float | None  # None: nothing like it has run here yet

    @property
    def megapixels(self) -> float:
        """Of all its results together."""
        return sum(height * width for height, width in self.sizes_hw) / 1e6


@dataclass(frozen=True)
class Forecast:
    """What a workflow will need."""

    nodes: tuple[NodeForecast, ...]  # in the order in which they run
    disk_mb: float  # for the results at most
    refusals: tuple[str, ...] = ()  # why some results will not be made, a sentence of each node

    @property
    def memory_mb(self) -> float:
        """The most that lives at any time."""
        return max((node.memory_mb for node in self.nodes), default=0.0)

    @property
    def time_s(self) -> float | None:
        """Of all nodes one after the other; None where one of them is not known."""
        times = [node.time_s for node in self.nodes]
        return None if None in times else sum(time for time in times if time is not None)


def preflight(
    graph: Graph,
    sizes: Mapping[str, GivenSize],
    *,
    free_memory_bytes: int,
    free_disk_bytes: int,
    times: Mapping[NodeKind, float],
    suffixes: Suffixes = MappingProxyType({}),
) -> Forecast:
    """What the graph will need.

    Args:
        graph: A bound one.
        sizes: (height, width) of each input that is no scalar; a sequence of them for a list.
        free_memory_bytes: What is free; a share of it may be used.
        free_disk_bytes: What may be used where the results go.
        times: Seconds a megapixel by the kind of node, as `store.seconds_a_megapixel` gives them.
        suffixes: Of the files of each output, as `suffixes_of` gives them; no format limits one left out.

    Raises:
        InputError: An input without size, or size rules that leave no output; names the node.
        LimitError: What does not fit memory, disk or its format; names the node and the largest scale, or
            other size that may be asked for, that fits.
    """
    needs = _needs(graph, sizes, suffixes)
    free = _Free(int(MEMORY_SHARE * free_memory_bytes), free_disk_bytes)
    refused = _refused(needs, free)
    if refused is not None:
        raise LimitError(f"{refused.sentence} {_way_out(graph, sizes, refused, free, suffixes)}")
    if not needs.is_any_made:
        raise InputError(next(iter(needs.refusals.values())))
    nodes = tuple(
        NodeForecast(
            id=node.id,
            operation=_reference(node),
            sizes_hw=needs.sizes_hw[node.id],
            memory_mb=needs.memory_bytes[node.id] / 1e6,
            time_s=_time_s(node, needs.sizes_hw[node.id], times),
        )
        for node in needs.ran
    )
    return Forecast(nodes, sum(needs.disk_bytes.values()) / 1e6, tuple(needs.refusals.values()))


def suffixes_of(targets: Iterable[Target]) -> Suffixes:
    """The suffix of each file of each output."""
    suffixes: dict[str, list[str]] = {}
    for target in targets:
        suffixes.setdefault(target.output, []).append(target.place.suffix)
    return suffixes


@dataclass(frozen=True)
class _Needs:
    ran: tuple[Node, ...]  # those that an output needs, in order
    sizes_hw: Mapping[str, tuple[SizeHW, ...]]  # by node
    memory_bytes: Mapping[str, int]  # while the node runs
    disk_bytes: Mapping[str, int]  # by the node that makes an output
    too_long: Mapping[str, str]  # by the node that makes an output: which format cannot hold it
    refusals: Mapping[str, str]  # why nodes have no result, or not all
    is_any_made: bool  # of the outputs


@dataclass(frozen=True)
class _Free:
    memory_bytes: int
    disk_bytes: int


@dataclass(frozen=True)
class _Refused:
    node: str
    sentence: str
    else_way: str = ""  # another way out than to make it smaller


def _needs(graph: Graph, sizes: Mapping[str, GivenSize], suffixes: Suffixes) -> _Needs:
    sized = sized_where_it_can(graph, sizes)
    needed = _that_run(graph)
    ran = tuple(node for node in needed if not sized.is_lost(Source(node.id, RESULT)))
    sizes_hw = {node.id: _each_of(sized.sizes_hw[node.id]) for node in needed}
    given = {Source(None, name): _each_of(one) for name, one in _given(graph, sizes).items()}
    known = given | {Source(node.id, RESULT): sizes_hw[node.id] for node in needed}
    memory = _memory_bytes(graph, needed, known)
    disk: dict[str, int] = {}
    too_long: dict[str, str] = {}
    encoders: dict[str, int] = {}  # they write one result after the other
    for output, source in graph.outputs.items():
        if source.node is None:
            continue
        pixels = sum(height * width for height, width in known[source])
        disk[source.node] = disk.get(source.node, 0) + _DISK_BYTES * pixels
        for (height, width), form, suffix in _files(sized.sizes_hw[source.node], suffixes.get(output, ())):
            longest_side = FORMATS[form].longest_side
            if max(height, width) > longest_side:
                sentence = side_sentence((height, width), longest_side=longest_side, suffix=suffix)
                too_long.setdefault(source.node, sentence)
            encoder = height * width * encoder_bytes_per_pixel(form, is_rich=False)
            encoders[source.node] = max(encoders.get(source.node, 0), encoder)
    return _Needs(
        ran,
        sizes_hw,
        {name: needs + encoders.get(name, 0) for name, needs in memory.items()},
        disk,
        too_long,
        {node.id: sized.refusals[node.id] for node in needed if node.id in sized.refusals},
        not all(sized.is_lost(source) for source in graph.outputs.values()),
    )


def _files(size: InferredSize, suffixes: Sequence[str]) -> Iterator[tuple[SizeHW, Format, str]]:
    """Each picture of an output: (height, width), format and suffix of its file."""
    each: Sequence[Any] = (size,) if size and isinstance(size[0], int) else size or ()
    for size_hw, suffix in zip(each, suffixes, strict=False):  # a report has a suffix, and no size
        form = format_of_suffix(suffix)
        if size_hw and form:
            yield size_hw, form, suffix


def _memory_bytes(
    graph: Graph, ran: Sequence[Node], known: Mapping[Source, Sequence[SizeHW]]
) -> dict[str, int]:
    """What lives while each node runs."""
    takers = _takers(graph, ran)
    held = {
        source: _held_bytes(graph, source, each, takers.get(source, [])) for source, each in known.items()
    }
    live = sum(bytes_ for source, bytes_ in held.items() if source.node is None)
    ends = {
        source: max((ran.index(node) for node, _ in nodes), default=-1) for source, nodes in takers.items()
    }
    memory: dict[str, int] = {}
    for index, node in enumerate(ran):
        live += held[Source(node.id, RESULT)]
        memory[node.id] = live
        for source in {one for sources in node.inputs.values() for one in sources}:
            is_last = ends[source] == index and source.node is not None  # files stay open to the end
            if is_last and source not in graph.outputs.values():
                live -= held[source]
    return memory


def _that_run(graph: Graph) -> tuple[Node, ...]:
    """Nodes that an output needs, in order; the others are not run."""
    needed = {source.node for source in graph.outputs.values()}
    for node in reversed(tuple(graph.nodes.values())):
        if node.id in needed:
            needed |= {source.node for sources in node.inputs.values() for source in sources}
    return tuple(node for node in graph.nodes.values() if node.id in needed)


def _takers(graph: Graph, ran: Sequence[Node]) -> dict[Source, list[tuple[Node, bool]]]:
    """By source: the nodes that take it, and whether element by element."""
    takers: dict[Source, list[tuple[Node, bool]]] = {}
    for node in ran:
        for port, sources in node.inputs.items():
            for source in sources:
                is_each = port in node.each and graph.is_list(source)
                takers.setdefault(source, []).append((node, is_each))
    return takers


def _held_bytes(
    graph: Graph, source: Source, sizes_hw: Sequence[SizeHW], takers: Sequence[tuple[Node, bool]]
) -> int:
    """Memory of a value: none where it passes in stripes, one element's where one is held at a time."""
    operation = None if source.node is None else graph.nodes[source.node].operation
    kind = graph.kind(source)
    if kind in ("Report", "PictureFile", "Alignment") or (
        operation and operation.output is Rows and not takers
    ):
        return 0
    a_pixel = _IMAGE_BYTES + (4 * _FEATURES if kind == "ContinuousImage" else 0)
    each = [a_pixel * height * width for height, width in sizes_hw]
    is_one_by_one = graph.is_list(source) and all(is_each for _, is_each in takers)
    return max(each, default=0) if is_one_by_one else sum(each)


def _refused(needs: _Needs, free: _Free) -> _Refused | None:
    """The first node that does not fit, and the sentence that says so."""
    for node in needs.ran:
        if node.id in needs.too_long:
            what = f"Node {node.id} ({node.operation.name})"
            return _Refused(node.id, f"{what}: {needs.too_long[node.id]}", LONGER_FORMATS)
        asked = (
            (needs.memory_bytes[node.id], free.memory_bytes, "memory"),
            (needs.disk_bytes.get(node.id, 0), free.disk_bytes, "the disk"),
        )
        for needed, usable, place in asked:
            if needed > usable:
                what = f"{node.id} ({node.operation.name}, {_results_text(needs.sizes_hw[node.id])})"
                needs_text, usable_text = bytes_text(needed), bytes_text(usable)
                return _Refused(
                    node.id, f"Node {what} needs {needs_text} of {place}, and {usable_text} can be used."
                )
    return None


def _results_text(sizes_hw: Sequence[SizeHW]) -> str:
    if len(sizes_hw) == 1:
        return f"a result of {size_text(sizes_hw[0])} pixels"
    return f"{len(sizes_hw)} results" if sizes_hw else "a report"


def _way_out(
    graph: Graph, sizes: Mapping[str, GivenSize], refused: _Refused, free: _Free, suffixes: Suffixes
) -> str:
    """The largest value that fits of what can be made smaller."""
    there = set(sized_where_it_can(graph, sizes).refusals)

    def fit_of(changed: Graph) -> Fit:
        needs = _needs(changed, sizes, suffixes)
        if _refused(needs, free) is not None:
            return Fit.TOO_LARGE
        return Fit.FITS if needs.refusals.keys() <= there else Fit.UNFIT

    asked = what_can_be_smaller(graph, refused.node)
    if not asked:
        return f"Give smaller pictures, or ask for a smaller result{refused.else_way}."
    for one in asked:
        value = one.largest(fit_of)
        if value is not None:
            size_hw = _only_size_hw(one.graph_at(value), sizes, refused.node)
            result = f" ({size_text(size_hw)})" if size_hw else ""
            return f"The largest {one.name} that fits is {_number_text(value)}{result}{refused.else_way}."
    else_way = refused.else_way or "; give a smaller picture or free some space"
    return f"No {asked[0].name} is small enough{else_way}."


def _number_text(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:g}"


def _only_size_hw(graph: Graph, sizes: Mapping[str, GivenSize], node: str) -> SizeHW | None:
    sizes_hw = _each_of(sized_where_it_can(graph, sizes).sizes_hw[node])
    return sizes_hw[0] if len(sizes_hw) == 1 else None


def _time_s(node: Node, sizes_hw: Sequence[SizeHW], times: Mapping[NodeKind, float]) -> float | None:
    if not times:
        return None
    assert node.checked is not None, f"node {node.id} is not bound"
    rate = times.get(NodeKind(_reference(node), " ".join(node.operation.weights_sha256(node.checked))))
    return None if rate is None else rate * sum(height * width for height, width in sizes_hw) / 1e6


def _reference(node: Node) -> str:
    return f"{node.operation.name}@{node.operation.version}"


def _given(graph: Graph, sizes: Mapping[str, GivenSize]) -> Mapping[str, GivenSize]:
    return {name: sizes[name] for name, one in graph.inputs.items() if not one.is_scalar}


def _each_of(size: Any) -> tuple[SizeHW, ...]:
    """One size, none, or those of a list, as a tuple."""
    if size is None:
        return ()
    if isinstance(size[0], int) if size else False:
        return (size,)
    return tuple(one for one in size if one is not None)
