"""A workflow as a document: what is read from JSON, and written to it.

A document names operations and never code: nothing in it is imported, opened or fetched. Reading checks the
form (names, wires, declarations); `graph.resolve` says whether the operations are here and fit together, so
that a document with operations unknown here can be read, shown and written again with nothing lost.

    {"anyres_workflow": 1, "name": "twice", "version": "1.0.0",
     "inputs": {"photo": {"type": "Image"}, "scale": {"type": "number", "default": 2}},
     "nodes": {"enlarge": {"operation": "upscale@1.0.0", "inputs": {"image": "inputs.photo"},
                           "parameters": {"scale": {"from": "inputs.scale"}}}},
     "outputs": {"enlarged": "enlarge.result"}}
"""

import hashlib
import json
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StrictStr,
    TypeAdapter,
    ValidationError,
)

from anyres.core.errors import InputError
from anyres.core.regular import refuse_special
from anyres.operations.operation import Operation
from anyres.operations.targets import named_parameters
from anyres.workflow.declarations import InputDeclaration
from anyres.workflow.json_text import MAX_BYTES, canonical, check_values, parsed_json
from anyres.workflow.migrations import FORMAT, FORMAT_KEY, migrated
from anyres.workflow.names import (
    INPUTS,
    RESULT,
    Source,
    checked_id,
    checked_line,
    checked_node_id,
    checked_reference,
    checked_version,
    parsed_reference,
    parsed_source,
)

MAX_NODES = 2_000  # of a document, with those of the workflows in it
MAX_ENTRIES = 500  # inputs, outputs or workflows of a document; inputs or parameters of a node
MAX_TITLE = 200  # letters
_CONFIG = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class ParameterFrom:
    """A parameter whose value is a declared scalar input of the document."""

    input: str
    through: tuple[InputDeclaration, ...] = ()  # of sub-workflows on the way: their ranges hold too


def _wires(value: object) -> tuple[Source, ...]:
    sources = tuple(parsed_source(one) for one in (value if isinstance(value, (list, tuple)) else [value]))
    if not sources:
        raise ValueError("no wire leads here")
    if len(set(sources)) < len(sources):
        raise ValueError("the same wire is there twice")
    return sources


def _parameter(value: object) -> object:
    if not isinstance(value, dict) or "from" not in value:
        return value
    source = parsed_source(value["from"])
    if len(value) != 1 or source.node is not None:
        raise ValueError('a parameter comes from a declared input alone: {"from": "inputs.NAME"}')
    return ParameterFrom(source.port)


_Id = Annotated[str, BeforeValidator(checked_id)]
_NodeId = Annotated[str, BeforeValidator(checked_node_id)]
_Reference = Annotated[str, BeforeValidator(checked_reference)]
_Version = Annotated[str, BeforeValidator(checked_version)]
_Wires = Annotated[tuple[Source, ...], PlainValidator(_wires)]
_Wire = Annotated[Source, PlainValidator(parsed_source)]
_Title = Annotated[StrictStr, AfterValidator(checked_line), Field(max_length=MAX_TITLE)]
_Parameter = Annotated[Any, PlainValidator(_parameter)]


@dataclass(frozen=True)
class NodeEntry:
    """A node as it is written: an operation, or another workflow, with its wires and parameters."""

    __pydantic_config__: ClassVar[ConfigDict] = _CONFIG

    operation: _Reference | None = None  # "upscale@1.0.0"
    workflow: _Reference | None = None  # "enlarge-photo@1.0.0"
    inputs: Mapping[_Id, _Wires] = field(default_factory=dict)
    each: tuple[_Id, ...] = ()  # ports whose list is taken element by element
    parameters: Mapping[_Id, _Parameter] = field(default_factory=dict)  # JSON values, or ParameterFrom
    ui: Mapping[str, Any] = field(default_factory=dict)  # of the studio: no part of the graph

    def __post_init__(self) -> None:
        if (self.operation is None) == (self.workflow is None):
            raise ValueError("a node names either an operation or a workflow")


@dataclass(frozen=True)
class Document:
    """A workflow; its nodes as they are written, whether their operations are known here or not."""

    __pydantic_config__: ClassVar[ConfigDict] = _CONFIG

    name: _Id
    version: _Version
    nodes: Mapping[_NodeId, NodeEntry]
    outputs: Mapping[_Id, _Wire]
    inputs: Mapping[_Id, InputDeclaration] = field(default_factory=dict)
    title: _Title = ""
    description: StrictStr = ""
    workflows: Mapping[_Id, "Document"] = field(default_factory=dict)
    ui: Mapping[str, Any] = field(default_factory=dict)


Scope = tuple[Mapping[str, Document], ...]  # embedded workflows that a name may mean, innermost first


def read_document(source: Path | str | bytes | Mapping[str, Any]) -> Document:
    """The workflow in a file (a Path), in JSON text (str or bytes), or in what JSON was read into.

    Raises InputError, which names the node and the port, for all that is no workflow in form.
    """
    name = str(source) if isinstance(source, Path) else "The workflow"
    if isinstance(source, Path):
        raw = parsed_json(_content(source), name=name)
    elif isinstance(source, (str, bytes)):
        raw = parsed_json(source, name=name)
    else:
        raw = source
        check_values(raw, name=name)
    prepared = _prepared(raw, name)
    if (count := _count(prepared)) > MAX_NODES:
        raise InputError(f"{name} has {count} nodes; {MAX_NODES} are the most that one has. Split it.")
    _refuse_too_many(prepared, name)
    try:
        document: Document = _adapter().validate_python(prepared)
    except ValidationError as refusal:
        error = refusal.errors(include_url=False)[0]
        raise InputError(f"{name}, {_sentence(error)}") from None
    return document


def document_text(document: Document) -> str:
    """Canonical JSON of a document, to be read by people and by `read_document`; ends with a line break."""
    return json.dumps(_document_json(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def document_of(operation: Operation[..., Any], parameters: Mapping[str, object]) -> Document:
    """The document of one node: inputs named as the operation's ports, output "result".

    Parameters that say what is meant without them are left out, so that equal work has an equal document.
    Raises InputError for a parameter out of its range.
    """
    checked = operation.check_parameters(parameters)
    types = {name: str(port) for name, port in operation.port_types.items()}
    entry = NodeEntry(
        operation=f"{operation.name}@{operation.version}",
        inputs={name: (Source(None, name),) for name in types},
        parameters=named_parameters(checked),
    )
    return Document(
        name=operation.name,
        version=operation.version,
        inputs={name: InputDeclaration(type=one) for name, one in types.items()},  # type: ignore[arg-type]
        nodes={operation.name: entry},
        outputs={RESULT: Source(operation.name, RESULT)},
    )


def graph_sha256(document: Document) -> str:
    """sha256 of what is computed: without titles, descriptions and `ui`, with the workflows that nodes name.

    Raises InputError for a workflow that is not here.
    """
    return _sha256(document, (document.workflows,), (document,), {})


def self_contained(document: Document, scalars: Mapping[str, object]) -> Document:
    """The document with the workflows that it names embedded, and these scalars as defaults of its inputs.

    It runs the same wherever it is read. Raises InputError for a workflow that is not here.
    """
    inputs = {
        name: replace(one, default=scalars.get(name, one.default)) for name, one in document.inputs.items()
    }
    return replace(_embedding(document, (document.workflows,), (document,)), inputs=inputs)


@cache
def _adapter() -> Any:
    return TypeAdapter(Document)


def _content(path: Path) -> bytes:
    """The bytes of a file, one more than is read at most."""
    refuse_special(path)
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as refusal:
        raise InputError(f"{path} cannot be read: {refusal.strerror}. Name a workflow's file.") from None


def _prepared(raw: object, name: str) -> dict[str, Any]:
    """The JSON in today's format, with the documents in it; the keys that say the format are gone."""
    if not isinstance(raw, Mapping):
        raise InputError(f"{name} is a JSON object; {_shown(raw)} was given.")
    found = {key: value for key, value in migrated(raw, name=name).items() if key != FORMAT_KEY}
    inner = found.get("workflows")
    if isinstance(inner, Mapping):
        found["workflows"] = {key: _prepared(one, f"{name}, workflow {key}") for key, one in inner.items()}
    return found


def _count(prepared: Mapping[str, Any]) -> int:
    """How many nodes there are, with those of the documents in it."""
    nodes, inner = prepared.get("nodes"), prepared.get("workflows")
    own = len(nodes) if isinstance(nodes, Mapping) else 0
    return own + sum(_count(one) for one in (inner.values() if isinstance(inner, Mapping) else ()))


def _refuse_too_many(prepared: Mapping[str, Any], name: str) -> None:
    """Refuse, before each is looked at, more entries than an honest document or node has."""
    nodes, inner = prepared.get("nodes"), prepared.get("workflows")
    holders = [(name, prepared, ("inputs", "outputs", "workflows"))]
    for node, entry in nodes.items() if isinstance(nodes, Mapping) else ():
        if isinstance(entry, Mapping):
            holders.append((f"{name}, node {str(node)[:80]}", entry, ("inputs", "each", "parameters")))
    for where, holder, parts in holders:
        for part in parts:
            entries = holder.get(part)
            if isinstance(entries, Mapping | list | tuple) and len(entries) > MAX_ENTRIES:
                raise InputError(
                    f"{where} has {len(entries)} {part}; {MAX_ENTRIES} are the most that one has. Split it."
                )
    for key, one in inner.items() if isinstance(inner, Mapping) else ():
        _refuse_too_many(one, f"{name}, workflow {str(key)[:80]}")


_SINGULAR = {
    "nodes": "node",
    "inputs": "input",
    "outputs": "output",
    "parameters": "parameter",
    "workflows": "workflow",
}


def _sentence(error: Any) -> str:
    """Where in the document and what is wrong there: "node enlarge, input image: ..."."""
    parts = [part for part in error["loc"] if part != "[key]"]
    words: list[str] = []
    while parts:
        part = parts.pop(0)
        if part in _SINGULAR and parts:
            words.append(f"{_SINGULAR[part]} {reprlib.repr(parts.pop(0))[1:-1]}")
        else:
            words.append(str(part)[:80])
    message = str(error["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    message = {"unexpected_keyword_argument": "nothing is called so here", "missing": "it is missing"}.get(
        error["type"], message
    )
    return f"{', '.join(words) or 'as a whole'}: {message}; {_shown(error['input'])} was given."


def _shown(value: object) -> str:
    return reprlib.repr(value)[:200]


def _document_json(document: Document) -> dict[str, Any]:
    parts = {
        "title": document.title,
        "description": document.description,
        "inputs": {name: _declaration_json(one) for name, one in document.inputs.items()},
        "nodes": {name: _entry_json(one) for name, one in document.nodes.items()},
        "outputs": {name: str(source) for name, source in document.outputs.items()},
        "workflows": {name: _document_json(one) for name, one in document.workflows.items()},
        "ui": document.ui,
    }
    head = {FORMAT_KEY: FORMAT, "name": document.name, "version": document.version}
    return head | {key: value for key, value in parts.items() if value or key in ("nodes", "outputs")}


def _declaration_json(declaration: InputDeclaration) -> dict[str, Any]:
    empty = {"description": "", "choices": ()}  # an empty default says something: the text of no letters
    return {
        name: value
        for name, value in vars(declaration).items()
        if value is not None and not (name in empty and value == empty[name])
    }


def _entry_json(entry: NodeEntry) -> dict[str, Any]:
    parts = {
        "operation": entry.operation,
        "workflow": entry.workflow,
        "each": list(entry.each),
        "inputs": {
            port: str(sources[0]) if len(sources) == 1 else [str(source) for source in sources]
            for port, sources in entry.inputs.items()
        },
        "parameters": {
            name: {"from": f"{INPUTS}.{value.input}"} if isinstance(value, ParameterFrom) else value
            for name, value in entry.parameters.items()
        },
        "ui": entry.ui,
    }
    return {key: value for key, value in parts.items() if value}


def _sha256(document: Document, scope: Scope, trail: tuple[Document, ...], known: dict[int, str]) -> str:
    """`graph_sha256` of a document in its place; `known` holds those of documents met before, by identity."""
    if id(document) not in known:
        inputs = {
            name: _declaration_json(replace(one, description="")) for name, one in document.inputs.items()
        }
        nodes = {}
        for name, entry in document.nodes.items():
            nodes[name] = _entry_json(replace(entry, ui={}, each=tuple(sorted(entry.each))))
            if entry.workflow:
                inner, around = _found(name, entry.workflow, scope, trail)
                nodes[name]["workflow"] = _sha256(inner, around, (*trail, inner), known)
        outputs = {name: str(source) for name, source in document.outputs.items()}
        text = json.dumps(canonical([inputs, nodes, outputs]), sort_keys=True, separators=(",", ":"))
        known[id(document)] = hashlib.sha256(text.encode()).hexdigest()
    return known[id(document)]


def _embedding(document: Document, scope: Scope, trail: tuple[Document, ...]) -> Document:
    workflows: dict[str, Document] = {}
    for name, entry in document.nodes.items():
        if entry.workflow:
            inner, around = _found(name, entry.workflow, scope, trail)
            called, _ = parsed_reference(entry.workflow)
            if called not in workflows:
                workflows[called] = _embedding(inner, around, (*trail, inner))
    return replace(document, workflows=workflows)


def _found(node: str, reference: str, scope: Scope, trail: tuple[Document, ...]) -> tuple[Document, Scope]:
    from anyres.workflow.finding import found_workflow  # which reads documents

    return found_workflow(node, reference, scope, trail)
