"""Workflows in a workflow, put in their place: one flat set of nodes comes out, "sub/inner" by their ids.

A node that names a workflow disappears: the wires to its inputs go on to the nodes inside, those from its
outputs begin at the nodes inside, and its parameters become theirs. Nothing here knows operations; `graph`
checks types.
"""

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from anyres.core.errors import InputError
from anyres.workflow.declarations import InputDeclaration
from anyres.workflow.document import MAX_NODES, Document, NodeEntry, ParameterFrom, Scope
from anyres.workflow.finding import found_workflow
from anyres.workflow.names import RESULT, Source


@dataclass(frozen=True)
class Wire:
    """Where a wire begins, and whether it brings elements one by one because of an `each` further out."""

    source: Source
    is_mapped: bool = False


@dataclass(frozen=True)
class FlatNode:
    """A node whose operation is still a name."""

    id: str
    entry: NodeEntry
    wires: Mapping[str, tuple[Wire, ...]]
    parameters: Mapping[str, object]
    region: str  # the mapped workflow node that it lies in, with a slash behind it; "" for none


@dataclass(frozen=True)
class Join:
    """A wire into a workflow node: what the declaration inside asks of it."""

    node: str
    port: str
    wire: Wire
    declaration: InputDeclaration
    is_each: bool
    region: str  # as of a FlatNode


@dataclass(frozen=True)
class Inlined:
    """All nodes of a document and of the workflows in it, and where its outputs begin."""

    nodes: dict[str, FlatNode] = field(default_factory=dict)
    joins: list[Join] = field(default_factory=list)
    workflows: list[str] = field(default_factory=list)  # ids of the nodes that were workflows
    outputs: dict[str, Source] = field(default_factory=dict)


@dataclass(frozen=True)
class _Place:
    """A document where it stands: what its inputs are joined to."""

    document: Document
    prefix: str
    scope: Scope
    trail: tuple[Document, ...]  # the documents around it, itself last
    wires: Mapping[str, Wire]
    scalars: Mapping[str, object]
    region: str


def inlined(document: Document) -> Inlined:
    """The document as one flat set of nodes.

    Raises InputError, which names node and port, for workflows that are not here or hold themselves, wires
    from or to what is not there, and parameters that a workflow's declaration refuses.
    """
    flows = {name: Wire(Source(None, name)) for name, one in document.inputs.items() if not one.is_scalar}
    scalars = {name: ParameterFrom(name) for name, one in document.inputs.items() if one.is_scalar}
    place = _Place(document, "", (document.workflows,), (document,), flows, scalars, "")
    found = Inlined()
    _inline(place, found)
    for name, source in document.outputs.items():
        found.outputs[name] = _output(place, name, source)
    return found


def _inline(place: _Place, found: Inlined) -> None:
    for name, entry in place.document.nodes.items():
        node = place.prefix + name
        if len(found.nodes) + len(found.workflows) >= MAX_NODES:
            raise InputError(
                f"Node {node}: with the workflows in it, the graph has more than {MAX_NODES} nodes. Split it."
            )
        if entry.workflow is not None:
            found.workflows.append(node)
            _inline(_inner(place, name, entry, found), found)
            continue
        wires = {
            port: tuple(_wire(place, source, f"Node {node}, input {port}") for source in sources)
            for port, sources in entry.inputs.items()
        }
        parameters = {
            key: _parameter(place, value, f"Node {node}, parameter {key}")
            for key, value in entry.parameters.items()
        }
        found.nodes[node] = FlatNode(node, entry, wires, parameters, place.region)


def _inner(place: _Place, name: str, entry: NodeEntry, found: Inlined) -> _Place:
    """The workflow that a node names, joined to what leads to the node."""
    node = place.prefix + name
    assert entry.workflow is not None
    document, scope = found_workflow(node, entry.workflow, place.scope, place.trail)
    if entry.each and place.region:
        raise InputError(
            f"Node {node}, input {entry.each[0]}: each stands within the each of node {place.region[:-1]}; "
            "a list of lists is not supported. Take one of them away."
        )
    return _Place(
        document,
        f"{node}/",
        scope,
        (*place.trail, document),
        _joined(place, node, entry, document, found),
        _scalars(place, node, entry, document),
        f"{node}/" if entry.each else place.region,
    )


def _joined(
    place: _Place, node: str, entry: NodeEntry, document: Document, found: Inlined
) -> dict[str, Wire]:
    """Wires to the inputs of the workflow inside; each wire that must fit is noted in `found`."""
    flows = {name: one for name, one in document.inputs.items() if not one.is_scalar}
    for port in (*entry.inputs, *entry.each):
        if port not in flows:
            raise InputError(f"Node {node} has no input {port}; {entry.workflow} has {_names(flows)}.")
    wires: dict[str, Wire] = {}
    for port, declaration in flows.items():
        where = f"Node {node}, input {port}"
        sources = entry.inputs.get(port, ())
        if len(sources) != 1:
            raise InputError(f"{where}: one wire leads to an input of a workflow; {len(sources)} were given.")
        wire = _wire(place, sources[0], where)
        is_each = port in entry.each
        found.joins.append(Join(node, port, wire, declaration, is_each, place.region))
        wires[port] = Wire(wire.source, is_mapped=wire.is_mapped or is_each)
    return wires


def _scalars(place: _Place, node: str, entry: NodeEntry, document: Document) -> dict[str, object]:
    """Values of the workflow's scalar inputs, checked where they are literals."""
    declared = {name: one for name, one in document.inputs.items() if one.is_scalar}
    for name in entry.parameters:
        if name not in declared:
            raise InputError(f"Node {node} has no parameter {name}; {entry.workflow} has {_names(declared)}.")
    values: dict[str, object] = {}
    for name, declaration in declared.items():
        where = f"Node {node}, parameter {name}"
        value = _parameter(place, entry.parameters.get(name, declaration.default), where)
        if value is None:
            raise InputError(f"{where}: {entry.workflow} needs it, and nothing was given.")
        if isinstance(value, ParameterFrom):
            values[name] = ParameterFrom(value.input, (declaration, *value.through))
        else:
            values[name] = checked_scalar(declaration, value, where, is_written=True)
    return values


def checked_scalar(
    declaration: InputDeclaration, value: object, where: str, *, is_written: bool = False
) -> object:
    """The value as declared; InputError says where and what is wrong.

    A text is read where a person typed it, and refused where a number `is_written` in a document.
    """
    try:
        return declaration.written(value) if is_written else declaration.checked(value)
    except ValueError as refusal:
        raise InputError(f"{where}: {refusal}; {reprlib.repr(value)} was given.") from None


def _wire(place: _Place, source: Source, where: str) -> Wire:
    """A wire of a document, from where it begins among the flat nodes."""
    if source.node is None:
        if source.port in place.wires:
            return place.wires[source.port]
        if source.port in place.scalars:
            raise InputError(f"{where}: {source} is a parameter; name it under parameters.")
        raise InputError(
            f"{where}: the workflow declares no input {source.port}; it has {_names(place.wires)}."
        )
    return Wire(_begin(place, source, where))


def _begin(place: _Place, source: Source, where: str) -> Source:
    """The flat node at which a wire from a node begins: inside, where the node is a workflow."""
    document, prefix, scope, trail = place.document, place.prefix, place.scope, place.trail
    while True:
        entry = document.nodes.get(source.node or "")
        if entry is None:
            raise InputError(f"{where}: there is no node {source.node}; {_names(document.nodes)} are there.")
        if entry.workflow is None:
            if source.port != RESULT:
                raise InputError(f"{where}: node {source.node} has no output {source.port}; it has {RESULT}.")
            return Source(f"{prefix}{source.node}", RESULT)
        document, scope = found_workflow(f"{prefix}{source.node}", entry.workflow, scope, trail)
        trail = (*trail, document)
        if source.port not in document.outputs:
            raise InputError(
                f"{where}: node {source.node} has no output {source.port}; it has {_names(document.outputs)}."
            )
        prefix, source = f"{prefix}{source.node}/", document.outputs[source.port]
        if source.node is None:
            raise InputError(f"{where}: it comes from {prefix}{source}: an output begins at a node.")


def _output(place: _Place, name: str, source: Source) -> Source:
    if source.node is None:
        raise InputError(f"Output {name}: it comes from {source}; an output begins at a node.")
    return _wire(place, source, f"Output {name}").source


def _parameter(place: _Place, value: object, where: str) -> object:
    if not isinstance(value, ParameterFrom):
        return value
    if value.input in place.scalars:
        return place.scalars[value.input]
    raise InputError(
        f"{where}: inputs.{value.input} is no parameter of the workflow; it has {_names(place.scalars)}."
    )


def _names(mapping: Mapping[str, object]) -> str:
    names = list(mapping)
    return ", ".join(names[:12]) + (" ..." if len(names) > 12 else "") if names else "none"
