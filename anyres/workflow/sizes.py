"""Sizes of everything in a graph, by the size rules of its operations; nothing is run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any

from anyres.core.errors import InputError
from anyres.core.sizes import SizeHW
from anyres.workflow.names import RESULT, Source

if TYPE_CHECKING:
    from anyres.workflow.graph import Graph, Node

GivenSize = SizeHW | Sequence[SizeHW]
_SIDES = (1024, 64, 16_384, 262_144)  # pixels, of pictures to try size rules with
_LENGTHS = range(1, 13)  # of lists to try them with
InferredSize = SizeHW | None | tuple[SizeHW | None, ...]


@dataclass(frozen=True)
class Sized:
    """Sizes of what a graph makes, and what it does not make because size rules refuse."""

    sizes_hw: Mapping[str, InferredSize]  # by node; None for a report, and for what is not made
    refusals: Mapping[str, str]  # why, by the node whose size rule refuses, with its id
    lost: frozenset[tuple[Source, int | None]]  # not made: a result, or an element of a list

    def is_lost(self, source: Source) -> bool:
        """Whether nothing comes from there."""
        each = self.sizes_hw.get(source.node or "")
        if each and not isinstance(each[0], int):
            return all((source, index) in self.lost for index in range(len(each)))
        return (source, None) in self.lost


def inferred_sizes(graph: "Graph", sizes: Mapping[str, GivenSize]) -> Mapping[str, InferredSize]:
    """(height, width) in pixels of each node's result by its id; a tuple for a list, None for a report.

    Args:
        graph: A bound one.
        sizes: (height, width) of each declared input that is no scalar; a sequence of them for a list.

    Raises:
        InputError: For an input without size, and where an operation's size rule refuses; names the node.
    """
    sized = sized_where_it_can(graph, sizes)
    for reason in sized.refusals.values():
        raise InputError(reason)
    return sized.sizes_hw


def sized_where_it_can(graph: "Graph", sizes: Mapping[str, GivenSize]) -> Sized:
    """The sizes as `inferred_sizes` gives them, without what a size rule refuses and what comes after it.

    Raises:
        InputError: For an input without size, an empty list, and lists of different lengths.
    """
    known: dict[Source, InferredSize] = {}
    for name, declaration in graph.inputs.items():
        if not declaration.is_scalar:
            known[Source(None, name)] = _given(name, sizes, is_list=declaration.is_list)
    sizing = _Sizing(graph, known)
    found = {node.id: sizing.of_node(node) for node in graph.nodes.values()}
    return Sized(found, sizing.refusals, frozenset(sizing.lost))


def refuse_at_any_size(graph: "Graph") -> None:
    """InputError where a node's size rule refuses whatever picture comes: two targets are named for it.

    Pictures of many sizes, and lists of many lengths, are tried by the rules alone. What depends on two
    inputs is passed over: its pictures may have to be of related sizes.
    """
    taken = {name: one.is_list for name, one in graph.inputs.items() if not one.is_scalar}
    lengths = _LENGTHS if any(taken.values()) else range(1, 2)
    refusals: Mapping[str, str] | None = None
    for count, *size_hw in product(lengths, _SIDES, _SIDES):
        size: Any = tuple(size_hw)
        sizes = {name: (size,) * count if is_list else size for name, is_list in taken.items()}
        try:
            found = sized_where_it_can(graph, sizes).refusals
        except InputError:  # a list that would have to be longer
            found = {}
        kept = found if refusals is None else {one: refusals[one] for one in refusals if one in found}
        refusals = {one: reason for one, reason in kept.items() if len(_inputs_behind(graph, one)) < 2}
        if not refusals:
            return
    for reason in (refusals or {}).values():
        raise InputError(reason)


def _inputs_behind(graph: "Graph", node: str) -> set[str]:
    """Names of the inputs that lead to a node."""
    behind = [source for sources in graph.nodes[node].inputs.values() for source in sources]
    seen = set(behind)
    for source in behind:  # grows while it is walked
        if source.node is not None:
            new = {one for sources in graph.nodes[source.node].inputs.values() for one in sources} - seen
            seen |= new
            behind.extend(new)
    return {source.port for source in behind if source.node is None}


def elements_of(node: "Node", graph: "Graph", lengths: Mapping[Source, int]) -> int | None:
    """How often a node runs: once for each element of the lists under `each`; None where it has no `each`.

    Raises InputError if two of those lists are not equally long.
    """
    named = {port: [one for one in node.inputs[port] if graph.is_list(one)] for port in sorted(node.each)}
    counts = {(port, str(source)): lengths[source] for port, sources in named.items() for source in sources}
    if len(set(counts.values())) > 1:
        shown = ", ".join(f"{source} at {port} has {count}" for (port, source), count in counts.items())
        raise InputError(
            f"Node {node.id}: lists that are taken element by element are equally long; {shown}."
        )
    return next(iter(counts.values())) if counts else None


class _LostError(Exception):
    """What leads to a node has no result; why is known already."""


@dataclass
class _Sizing:
    graph: "Graph"
    known: dict[Source, InferredSize]
    lost: set[tuple[Source, int | None]] = field(default_factory=set)  # with the element of a list
    refusals: dict[str, str] = field(default_factory=dict)  # the first of each node

    def of_node(self, node: "Node") -> InferredSize:
        """The size of its result, or of each; noted for what comes after it."""
        lists = {
            source for sources in node.inputs.values() for source in sources if self.graph.is_list(source)
        }
        count = elements_of(node, self.graph, {source: len(self.known[source] or ()) for source in lists})
        size: InferredSize
        if count is None:
            size = self._of_run(node, lists, None)
        else:
            size = tuple(self._of_run(node, lists, index) for index in range(count))
        self.known[Source(node.id, RESULT)] = size
        return size

    def _of_run(self, node: "Node", lists: set[Source], element: int | None) -> SizeHW | None:
        """Size of the result of one run; `element` is the index in lists taken element by element."""
        try:
            sizes = [
                self._of_port(node, port, lists, element, is_list=type_.is_list)
                for port, type_ in node.operation.port_types.items()
            ]
        except _LostError:
            self.lost.add((Source(node.id, RESULT), element))
            return None
        assert node.checked is not None, f"node {node.id} is not bound"
        try:
            return node.operation.output_size_hw(sizes, node.checked)
        except InputError as refusal:
            self.refusals.setdefault(node.id, f"Node {node.id}: {refusal}")
            self.lost.add((Source(node.id, RESULT), element))
            return None

    def _of_port(
        self, node: "Node", port: str, lists: set[Source], element: int | None, *, is_list: bool
    ) -> Any:
        """The size, or sizes, that come to a port; of a whole list those that are there, if any is."""
        of_port: list[Any] = []
        for source in node.inputs[port]:
            size: Any = self.known[source]
            if source not in lists or size is None:
                of_port.append(self._unless_lost(source, None, size))
            elif port in node.each and element is not None:
                of_port.append(self._unless_lost(source, element, size[element]))
            else:
                there = [one for index, one in enumerate(size) if (source, index) not in self.lost]
                if size and not there:
                    raise _LostError
                of_port += there
        if not of_port:
            raise InputError(
                f"Node {node.id}, input {port}: the list that leads to it is empty. Give it one at least."
            )
        return tuple(of_port) if is_list else of_port[0]

    def _unless_lost(self, source: Source, element: int | None, size: SizeHW | None) -> SizeHW | None:
        if (source, element) in self.lost:
            raise _LostError
        return size


def _given(name: str, sizes: Mapping[str, GivenSize], *, is_list: bool) -> InferredSize:
    if name not in sizes:
        raise InputError(
            f"Input {name} has no size; give (height, width){' of each element' if is_list else ''}."
        )
    size: Any = sizes[name]
    return (
        tuple((int(height), int(width)) for height, width in size)
        if is_list
        else (int(size[0]), int(size[1]))
    )
