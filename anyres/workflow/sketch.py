"""The graph of a document that does not run here, as far as a drawing needs it: what is not here as a name.

Workflows in it stay nodes of their own. Nothing of it is checked, bound or run.
"""

from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, cast

from anyres.core.errors import InputError
from anyres.operations.operation import Operation, PortType, every_operation
from anyres.workflow.document import Document, NodeEntry
from anyres.workflow.graph import Graph, Node, resolve
from anyres.workflow.names import parsed_reference


@dataclass(frozen=True)
class _UnknownType:
    kind: str = "?"
    is_list: bool = False


class _Unknown(Operation[..., Any]):
    """Stands where an operation would; it has a name, and nothing that could run."""

    def __init__(self, name: str, version: str) -> None:
        self.name, self.version = name, version
        self.output_type = cast("PortType", _UnknownType())


def graph_to_draw(document: Document) -> tuple[Graph, str | None]:
    """The graph of a document; where operations are not here a sketch of it, and what is wrong.

    Raises:
        InputError: Something else is wrong than operations that are not here.
    """
    try:
        return resolve(document), None
    except InputError as refusal:
        nodes = document.nodes
        unknown = [name for name, entry in nodes.items() if _operation(entry) is None and entry.operation]
        if not unknown:
            raise
        needs = {
            name: [source.node for sources in entry.inputs.values() for source in sources if source.node]
            for name, entry in nodes.items()
        }
        ends = [source.node for source in document.outputs.values() if source.node]
        if not {*ends, *(one for ones in needs.values() for one in ones)} <= nodes.keys():
            raise
        try:
            order = tuple(TopologicalSorter(needs).static_order())
        except CycleError:
            raise refusal from None
        sketched = {name: _sketched(name, nodes[name]) for name in order}
        return Graph(document, document.inputs, sketched, document.outputs), str(refusal)


def _operation(entry: NodeEntry) -> Operation[..., Any] | None:
    if entry.operation is None:
        return None
    return every_operation().get(parsed_reference(entry.operation)[0])


def _sketched(name: str, entry: NodeEntry) -> Node:
    operation = _operation(entry)
    if operation is None:
        what, _, version = (entry.operation or entry.workflow or "").partition("@")
        operation = _Unknown(what, f"{version} (not here)" if entry.operation else version)
    return Node(name, operation, entry.inputs, frozenset(entry.each), entry.parameters)
