"""What a workflow will need, said before it runs: sizes, megapixels, memory and time of each node.

Sizes are the operations' own rules. Memory is what the values take that live while a node runs, as floats
with alpha, the most that they can; a result that only goes into a file passes through in stripes and needs
disk instead. Times come from stored runs on this machine. Nothing is loaded, and nothing runs.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from anyres.core.budget import MEMORY_SHARE, bytes_per_pixel_in_memory, bytes_text
from anyres.core.errors import InputError, LimitError
from anyres.core.image import Rows
from anyres.core.sizes import LARGEST_SCALE, SizeHW, size_text
from anyres.workflow.document import ParameterFrom
from anyres.workflow.graph import Graph, Node, Source, resolve
from anyres.workflow.names import RESULT
from anyres.workflow.sizes import GivenSize, inferred_sizes
from anyres.workflow.store import NodeKind

SCALE: Final = (
    "scale"  # what an input or parameter is called that a person makes smaller when a result is refused
)
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
) -> Forecast:
    """What the graph will need.

    Args:
        graph: A bound one.
        sizes: (height, width) of each input that is no scalar; a sequence of them for a list.
        free_memory_bytes: What is free; a share of it may be used.
        free_disk_bytes: What may be used where the results go.
        times: Seconds a megapixel by the kind of node, as `store.seconds_a_megapixel` gives them.

    Raises:
        InputError: An input without size, or a size rule that refuses; names the node.
        LimitError: What does not fit memory or disk; names the node and the largest scale that fits.
    """
    needs = _needs(graph, sizes)
    free = _Free(int(MEMORY_SHARE * free_memory_bytes), free_disk_bytes)
    refused = _refused(needs, free)
    if refused is not None:
        raise LimitError(f"{refused.sentence} {_way_out(graph, sizes, refused.node, free)}")
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
    return Forecast(nodes, sum(needs.disk_bytes.values()) / 1e6)


@dataclass(frozen=True)
class _Needs:
    ran: tuple[Node, ...]  # those that an output needs, in order
    sizes_hw: Mapping[str, tuple[SizeHW, ...]]  # by node
    memory_bytes: Mapping[str, int]  # while the node runs
    disk_bytes: Mapping[str, int]  # by the node that makes an output


@dataclass(frozen=True)
class _Free:
    memory_bytes: int
    disk_bytes: int


@dataclass(frozen=True)
class _Refused:
    node: str
    sentence: str


def _needs(graph: Graph, sizes: Mapping[str, GivenSize]) -> _Needs:
    inferred = inferred_sizes(graph, sizes)
    ran = _that_run(graph)
    sizes_hw = {node.id: _each_of(inferred[node.id]) for node in ran}
    takers = _takers(graph, ran)
    given = {Source(None, name): _each_of(one) for name, one in _given(graph, sizes).items()}
    known = given | {Source(node.id, RESULT): sizes_hw[node.id] for node in ran}
    held = {
        source: _held_bytes(graph, source, each, takers.get(source, [])) for source, each in known.items()
    }
    live = sum(held[source] for source in given)
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
    disk: dict[str, int] = {}
    for source in graph.outputs.values():
        if source.node is not None:
            disk[source.node] = _DISK_BYTES * sum(height * width for height, width in known[source])
    return _Needs(ran, sizes_hw, memory, disk)


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
    if kind in ("Report", "PictureFile") or (operation and operation.output is Rows and not takers):
        return 0
    a_pixel = _IMAGE_BYTES + (4 * _FEATURES if kind == "ContinuousImage" else 0)
    each = [a_pixel * height * width for height, width in sizes_hw]
    is_one_by_one = graph.is_list(source) and all(is_each for _, is_each in takers)
    return max(each, default=0) if is_one_by_one else sum(each)


def _refused(needs: _Needs, free: _Free) -> _Refused | None:
    """The first node that does not fit, and the sentence that says so."""
    for node in needs.ran:
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


def _way_out(graph: Graph, sizes: Mapping[str, GivenSize], refused: str, free: _Free) -> str:
    """The largest scale that fits, where there is one to make smaller."""
    found = _scaled_by(graph, refused)
    if found is None:
        return "Give smaller pictures, or ask for a smaller result."
    name, scaled, most = found

    def is_refused(hundredths: int) -> bool:
        try:
            return _refused(_needs(scaled(hundredths / 100), sizes), free) is not None
        except InputError:  # a crop that leaves a smaller picture: no question of memory
            return False

    scale = bisect_left(range(1, round(100 * most) + 1), True, key=is_refused) / 100
    if scale == 0:
        return f"No {name} is small enough; give a smaller picture or free some space."
    largest = _largest_output(scaled, scale, sizes, refused)
    return f"The largest {name} that fits is {scale:g}{largest}."


def _largest_output(
    scaled: Callable[[float], Graph], scale: float, sizes: Mapping[str, GivenSize], node: str
) -> str:
    try:
        sizes_hw = _each_of(inferred_sizes(scaled(scale), sizes)[node])
    except InputError:
        return ""
    return f" ({size_text(sizes_hw[0])})" if len(sizes_hw) == 1 else ""


def _scaled_by(graph: Graph, refused: str) -> tuple[str, Callable[[float], Graph], float] | None:
    """What makes the refused result smaller: its name, the graph at a factor, and the largest factor."""
    names = _itself_and_before(graph, refused)
    declared = graph.document.inputs.get(SCALE)
    if declared is not None and declared.type == "number":
        unbound = resolve(graph.document)
        given = [one for name in names for one in unbound.nodes[name].parameters.values()]
        if any(isinstance(one, ParameterFrom) and one.input == SCALE for one in given):
            most = min(LARGEST_SCALE, declared.maximum or LARGEST_SCALE)
            return SCALE, partial(_bound_at, unbound, graph.scalars), most
    for name in names:
        if SCALE in graph.nodes[name].operation.parameters.model_fields:
            return f"{SCALE} of node {name}", partial(_node_at, graph, graph.nodes[name]), LARGEST_SCALE
    return None


def _bound_at(unbound: Graph, scalars: Mapping[str, object], scale: float) -> Graph:
    return unbound.bind({**scalars, SCALE: scale})


def _node_at(graph: Graph, node: Node, scale: float) -> Graph:
    targets = ("width", "height", "longest", "shortest", "size", "fit")  # a scale is named instead of these
    parameters: dict[str, Any] = {key: one for key, one in node.parameters.items() if key not in targets}
    parameters[SCALE] = scale
    changed = replace(node, parameters=parameters, checked=node.operation.check_parameters(parameters))
    return replace(graph, nodes={**graph.nodes, node.id: changed})


def _itself_and_before(graph: Graph, name: str) -> list[str]:
    """A node, then those before it, nearest first."""
    found = [name]
    for one in found:  # grows while it is walked
        sources = (source for sources in graph.nodes[one].inputs.values() for source in sources)
        found += [source.node for source in sources if source.node and source.node not in found]
    return found


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
