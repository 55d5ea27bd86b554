"""Sizes of everything in a graph, by the size rules of its operations; nothing is run."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from anyres.core.errors import InputError
from anyres.core.sizes import SizeHW
from anyres.workflow.names import RESULT, Source

if TYPE_CHECKING:
    from anyres.workflow.graph import Graph, Node

GivenSize = SizeHW | Sequence[SizeHW]
InferredSize = SizeHW | None | tuple[SizeHW | None, ...]


def inferred_sizes(graph: "Graph", sizes: Mapping[str, GivenSize]) -> Mapping[str, InferredSize]:
    """(height, width) in pixels of each node's result by its id; a tuple for a list, None for a report.

    Args:
        graph: A bound one.
        sizes: (height, width) of each declared input that is no scalar; a sequence of them for a list.

    Raises:
        InputError: For an input without size, and where an operation's size rule refuses; names the node.
    """
    known: dict[Source, InferredSize] = {}
    for name, declaration in graph.inputs.items():
        if not declaration.is_scalar:
            known[Source(None, name)] = _given(name, sizes, is_list=declaration.is_list)
    found: dict[str, InferredSize] = {}
    for node in graph.nodes.values():
        found[node.id] = known[Source(node.id, RESULT)] = _of_node(node, graph, known)
    return found


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


def _of_node(node: "Node", graph: "Graph", known: Mapping[Source, InferredSize]) -> InferredSize:
    lists = {source for sources in node.inputs.values() for source in sources if graph.is_list(source)}
    count = elements_of(node, graph, {source: len(known[source] or ()) for source in lists})
    if count is None:
        return _of_run(node, lists, known, None)
    return tuple(_of_run(node, lists, known, index) for index in range(count))


def _of_run(
    node: "Node", lists: set[Source], known: Mapping[Source, InferredSize], element: int | None
) -> SizeHW | None:
    """Size of the result of one run; `element` is the index in lists that are taken element by element."""
    sizes: list[Any] = []
    for port, type_ in node.operation.port_types.items():
        of_port: list[Any] = []
        for source in node.inputs[port]:
            size = known[source]
            if source in lists and size is not None:
                of_port += [size[element]] if port in node.each and element is not None else size
            else:
                of_port.append(size)
        if not of_port:
            raise InputError(
                f"Node {node.id}, input {port}: the list that leads to it is empty. Give it one at least."
            )
        sizes.append(tuple(of_port) if type_.is_list else of_port[0])
    assert node.checked is not None, f"node {node.id} is not bound"
    try:
        return node.operation.output_size_hw(sizes, node.checked)
    except InputError as refusal:
        raise InputError(f"Node {node.id}: {refusal}") from None


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
