"""A workflow that can run: operations found, workflows in it put in their place, wires and types checked.

`resolve` makes a graph of a document, `bind` puts its scalar inputs in, and `graph_of` makes the graph of one
operation, which is how a plain command runs. Nothing here runs an operation.
"""

import difflib
import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from pydantic import BaseModel

from anyres.core.errors import InputError
from anyres.operations.operation import OPERATIONS, Operation, every_operation
from anyres.workflow.declarations import InputDeclaration
from anyres.workflow.document import Document, ParameterFrom, document_of
from anyres.workflow.inlining import FlatNode, Inlined, Wire, checked_scalar, inlined
from anyres.workflow.names import Source as Source
from anyres.workflow.names import parsed_reference, parsed_version, runs_here
from anyres.workflow.sizes import inferred_sizes as inferred_sizes

_WEIGHTS_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Node:
    """An operation in its place."""

    id: str  # "sub/inner" for a node of a workflow in the workflow
    operation: Operation[..., Any]
    inputs: Mapping[str, tuple[Source, ...]]  # one source; or several for a list port, where lists are joined
    each: frozenset[str]  # ports that take, in run i, element i of each source that is a list
    parameters: Mapping[str, object]  # values; a ParameterFrom where a declared input gives it
    checked: BaseModel | None = None  # the parameters as the operation validated them; None until bound


@dataclass(frozen=True)
class Graph:
    """Nodes in an order in which they can run."""

    document: Document
    inputs: Mapping[str, InputDeclaration]
    nodes: Mapping[str, Node]
    outputs: Mapping[str, Source]
    scalars: Mapping[str, object] = field(default_factory=dict)  # values of the scalar inputs, once bound

    @property
    def takes_list(self) -> bool:
        """Whether an input is a list, of which elements may fail while the rest goes on."""
        return any(one.is_list for one in self.inputs.values())

    @property
    def is_bound(self) -> bool:
        """Whether every parameter has its value."""
        return all(node.checked is not None for node in self.nodes.values())

    def is_list(self, source: Source) -> bool:
        """Whether what flows from there is a list."""
        if source.node is None:
            return self.inputs[source.port].is_list
        node = self.nodes[source.node]
        return bool(node.each) or node.operation.output_type.is_list

    def kind(self, source: Source) -> str:
        """What flows from there: the kind of a port."""
        if source.node is None:
            return self.inputs[source.port].kind
        return self.nodes[source.node].operation.output_type.kind

    def bind(self, scalars: Mapping[str, object]) -> "Graph":
        """The graph with values for its scalar inputs, defaults where nothing is given.

        Raises InputError, which names the input, or the node and its parameter.
        """
        declared = {name: one for name, one in self.inputs.items() if one.is_scalar}
        for name in scalars:
            if name not in declared:
                raise InputError(
                    f"{self.document.name} has no parameter {name}; it has {', '.join(declared) or 'none'}."
                )
        values = {name: _scalar(name, one, scalars.get(name)) for name, one in declared.items()}
        nodes = {node.id: _bound(node, values) for node in self.nodes.values()}
        return replace(self, nodes=nodes, scalars=values)


def graph_of(operation: Operation[..., Any], parameters: Mapping[str, object]) -> Graph:
    """The bound graph of one operation; InputError for a parameter out of its range."""
    document = document_of(operation, parameters)
    named = document.nodes[operation.name].parameters
    node = Node(
        operation.name,
        operation,
        {name: (Source(None, name),) for name in document.inputs},
        frozenset(),
        named,
        operation.check_parameters(named),
    )
    return Graph(document, document.inputs, {node.id: node}, document.outputs)


def resolve(document: Document) -> Graph:
    """The graph of a document.

    Raises InputError, which names node and port: for an operation or version that is not here, wires that are
    missing, too many, of another type or in a circle, and parameters that an operation refuses.
    """
    if not document.outputs:
        raise InputError(f"{document.name} has no output: nothing would run. Name one under outputs.")
    flat = inlined(document)
    nodes: dict[str, Node] = {}
    graph = Graph(document, document.inputs, nodes, flat.outputs)  # sees each node as soon as it is there
    regions: dict[str, str] = {}  # of nodes that run once for each element because a node around them does
    for name in _ordered(flat):
        nodes[name] = _node(flat.nodes[name], graph, regions)
    for join in flat.joins:
        kind = PortKind(join.declaration.kind, join.declaration.is_list, takes_many=False)
        elements = [join.is_each or _is_element(join.wire, join.region, regions)]
        _check_types(f"Node {join.node}, input {join.port}", kind, [join.wire.source], elements, graph)
    return graph


@dataclass(frozen=True)
class PortKind:
    """What a port, or the input of a workflow, takes."""

    kind: str
    is_list: bool
    takes_many: bool  # whether single values are joined to a list


def _ordered(flat: Inlined) -> tuple[str, ...]:
    """Ids of the nodes, each behind those that it needs; InputError names the nodes of a circle."""
    needs = {
        name: [wire.source.node for wires in node.wires.values() for wire in wires if wire.source.node]
        for name, node in flat.nodes.items()
    }
    try:
        return tuple(TopologicalSorter(needs).static_order())
    except CycleError as refusal:
        circle = refusal.args[1]
        node = flat.nodes[circle[1]]
        port = next(
            port for port, wires in node.wires.items() if circle[0] in {one.source.node for one in wires}
        )
        shown = " -> ".join(circle if len(circle) <= 9 else [*circle[:8], "...", circle[-1]])
        raise InputError(
            f"Node {node.id}, input {port}: the wires go in a circle: {shown}. Break it."
        ) from None


def _node(flat: FlatNode, graph: Graph, regions: dict[str, str]) -> Node:
    operation = _operation(flat)
    _check_ports(flat, operation)
    elements = {
        port: [_is_element(wire, flat.region, regions) for wire in wires]
        for port, wires in flat.wires.items()
    }
    implied = {port for port, ones in elements.items() if any(ones)}
    if implied and flat.entry.each:
        raise InputError(
            f"Node {flat.id}, input {flat.entry.each[0]}: each stands within the each of node "
            f"{flat.region[:-1]}; a list of lists is not supported. Take one of them away."
        )
    if implied:
        regions[flat.id] = flat.region
    inputs: dict[str, tuple[Source, ...]] = {}
    for port, type_ in operation.port_types.items():
        sources = [wire.source for wire in flat.wires[port]]
        is_each = [port in flat.entry.each or one for one in elements[port]]
        kind = PortKind(type_.kind, type_.is_list, takes_many=True)
        _check_types(f"Node {flat.id}, input {port}", kind, sources, is_each, graph)
        inputs[port] = tuple(sources)
    each = frozenset(implied or flat.entry.each)
    node = Node(flat.id, operation, inputs, each, flat.parameters)
    if any(isinstance(value, ParameterFrom) for value in flat.parameters.values()):
        _check_parameter_names(node)
        return node
    return _bound(node, {})


def _operation(flat: FlatNode) -> Operation[..., Any]:
    """The operation that a node names; InputError says what is here instead."""
    assert flat.entry.operation is not None
    name, asked = parsed_reference(flat.entry.operation)
    operation = OPERATIONS.get(name) or every_operation().get(name)
    if operation is None:
        near = difflib.get_close_matches(name, OPERATIONS, n=1)
        guess = f" (is it {near[0]}?)" if near else ""
        raise InputError(
            f"Node {flat.id}: there is no operation {name} here{guess}; there are "
            f"{', '.join(sorted(OPERATIONS))}. The document keeps the node as it is."
        )
    if not runs_here(asked, parsed_version(operation.version)):
        raise InputError(
            f"Node {flat.id}: {flat.entry.operation} is not here; {name}@{operation.version} is. Name that "
            "version, or use the version of anyres that has the other."
        )
    return operation


def _check_ports(flat: FlatNode, operation: Operation[..., Any]) -> None:
    """Refuse wires to no port, ports without a wire, and two wires to a port that takes one."""
    ports = operation.port_types
    for port in (*flat.wires, *flat.entry.each):
        if port in operation.parameters.model_fields:
            raise InputError(
                f"Node {flat.id}, input {port}: {port} is a parameter of {operation.name}. Name it "
                'under parameters, as a value or {"from": "inputs.NAME"}.'
            )
        if port not in ports:
            raise InputError(f"Node {flat.id} has no input {port}; {operation.name} has {', '.join(ports)}.")
    for port, type_ in ports.items():
        count = len(flat.wires.get(port, ()))
        if not count:
            raise InputError(
                f"Node {flat.id}, input {port}: no wire leads to it. Wire {_a(type_.kind)} to it."
            )
        if count > 1 and not type_.is_list:
            raise InputError(
                f"Node {flat.id}, input {port}: it takes one wire; {count} lead to it. Keep one."
            )


def _is_element(wire: Wire, region: str, regions: Mapping[str, str]) -> bool:
    """Whether a wire brings elements one by one because of an `each` further out."""
    return wire.is_mapped or (bool(region) and regions.get(wire.source.node or "") == region)


def _check_types(
    where: str, port: PortKind, sources: Sequence[Source], is_each: Sequence[bool], graph: Graph
) -> None:
    """Refuse a source of another kind, and a list where one value is taken or the other way round."""
    lists = [graph.is_list(source) for source in sources]
    for source, is_list, takes_elements in zip(sources, lists, is_each, strict=True):
        kind = graph.kind(source)
        if kind != port.kind:
            raise InputError(f"{where}: it takes {_a(port.kind)}; {source} is {_a(kind)}.")
        if takes_elements and not is_list and not (port.is_list and any(lists)):
            raise InputError(
                f"{where}: each takes the elements of a list; {source} is no list. Take the each away."
            )
        if takes_elements and port.is_list and not port.takes_many:
            raise InputError(
                f"{where}: each gives one {port.kind} at a time; a list is taken. Take the each away."
            )
        if is_list and not takes_elements and not port.is_list:
            raise InputError(
                f"{where}: it takes one {port.kind}; {source} is a list. Name the input under each, so "
                "that the node runs once for each element."
            )
        if not is_list and port.is_list and not port.takes_many:
            raise InputError(f"{where}: it takes a list; {source} is one {kind}.")
        if is_list and not takes_elements and any(is_each):
            raise InputError(
                f"{where}: {source} is a whole list beside elements of another. Wire them apart."
            )


def _scalar(name: str, declaration: InputDeclaration, value: object) -> object:
    found = declaration.default if value is None else value
    if found is None:
        raise InputError(f"{name} has no default, and nothing was given. {declaration.description}".rstrip())
    return checked_scalar(declaration, found, name)


def _bound(node: Node, values: Mapping[str, object]) -> Node:
    """The node with its parameters checked, unless they were before."""
    if node.checked is not None:
        return node
    given: dict[str, object] = {}
    for name, value in node.parameters.items():
        given[name] = value
        if isinstance(value, ParameterFrom):
            given[name] = values[value.input]
            for declaration in value.through:
                checked_scalar(declaration, given[name], f"Node {node.id}, parameter {name}")
    _check_weights_names(node, given)
    _refuse_texts_for_numbers(node)
    try:
        checked = node.operation.check_parameters(given)
    except InputError as refusal:
        raise InputError(f"Node {node.id}: {refusal}") from None
    return replace(node, parameters=given, checked=checked)


def _check_weights_names(node: Node, given: Mapping[str, object]) -> None:
    """Refuse a path or an address where weights are named."""
    for name, parameter in node.operation.parameters.model_fields.items():
        extra = parameter.json_schema_extra
        value = given.get(name)
        is_name = isinstance(extra, dict) and extra.get("format") == "weights"
        if is_name and isinstance(value, str) and not _WEIGHTS_NAME.fullmatch(value):
            raise InputError(
                f"Node {node.id}, parameter {name}: weights have a name, such as liif-compact; "
                f"{value[:80]!r} is none. Add a file by `anyres weights add FILE`, and name it here."
            )


def _refuse_texts_for_numbers(node: Node) -> None:
    """Refuse "2" where the document means 2; a person who types it, and an input of type text, may say it."""
    texts = {name: value for name, value in node.parameters.items() if isinstance(value, str)}
    for name, value in texts.items():
        kinds = _json_kinds(node.operation, name)
        is_for_truth = "boolean" in kinds and "string" not in kinds
        if is_for_truth or (kinds & {"number", "integer"} and _is_number(value)):
            expected = "true or false" if is_for_truth else "a number"
            raise InputError(
                f"Node {node.id}, parameter {name}: {expected} belongs here; the text {value[:80]!r} was "
                "given. Write it without quotation marks."
            )


@functools.cache
def _json_kinds(operation: Operation[..., Any], name: str) -> frozenset[str]:
    """Types of JSON that a parameter takes; none for an unknown one."""
    schema = operation.parameters.model_json_schema()["properties"].get(name, {})
    return frozenset(str(one["type"]) for one in (schema, *schema.get("anyOf", ())) if "type" in one)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _check_parameter_names(node: Node) -> None:
    known = node.operation.parameters.model_fields
    for name in node.parameters:
        if name not in known:
            raise InputError(
                f"Node {node.id}: {node.operation.name} has no parameter {name}; it has {', '.join(known)}."
            )


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'AEIOUaeiou' else 'a'} {noun}"
