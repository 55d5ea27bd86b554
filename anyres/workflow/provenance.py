"""Provenance: what made a picture, written into the picture itself, so that it can be asked and run again.

A record holds the workflow with the values of its inputs, the weights and the precision that ran, and sha256
of the input files; no time, host, path or run id, so that equal work gives equal bytes. It stands in the XMP
packet of the file, beside the user's own metadata, as one property with canonical JSON; and, where the caller
asks for it or the format holds no metadata, in a JSON file beside the picture: `photo.x2.jpg.anyres.json`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from anyres.core.errors import InputError
from anyres.core.files import Limits, read_xmp
from anyres.core.formats import FORMATS, Format
from anyres.core.image import Encoding
from anyres.core.regular import refuse_special
from anyres.core.xmp import property_of, with_property
from anyres.workflow.document import (
    Document,
    document_text,
    graph_sha256,
    read_document,
    self_contained,
)
from anyres.workflow.graph import Graph, Node, Source
from anyres.workflow.json_text import MAX_BYTES, canonical, parsed_json

FORMAT: Final = 1  # of records; another number is refused
FORMAT_KEY: Final = "anyres_record"
SUFFIX: Final = ".anyres.json"  # of the file beside a picture
LONGEST_JPEG_XMP: Final = 60_000  # bytes: what libvips writes, of the 65,502 that a segment holds
_LIBRARIES: Final = ("anyres", "torch", "numpy", "pyvips", "pyvips-binary", "pillow", "pillow-heif")

UNREADABLE: Final = ""  # in place of the sha256 of a list's element that was not there, or could not be read

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True)
class NodeRecord:
    """What ran as one node."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    operation: str  # "upscale@1.0.0"
    weights: Mapping[str, Sha256] = field(default_factory=dict)  # sha256 of the files by their names
    precision: str | None = None  # arithmetic of a network: "float32", "bfloat16"


@dataclass(frozen=True)
class Record:
    """What made one picture; two records are equal when the work was."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    graph: Mapping[str, Any]  # the document as JSON, with the workflows that it refers to
    graph_sha256: Sha256
    parameters: Mapping[str, float | int | str | bool]  # values of the document's scalar inputs
    inputs: Mapping[str, Sha256 | tuple[Sha256 | Literal[""], ...]]  # of the files that this output needs
    output: str  # which of the document's outputs the picture is
    nodes: Mapping[str, NodeRecord]  # by id, those that this output needs
    libraries: Mapping[str, str]  # versions
    element: int | None = None  # of an output that is a list: which element
    checks: Mapping[str, float] = field(default_factory=dict)  # figures measured on the way

    def document(self) -> Document:
        """The workflow; InputError where the record holds none."""
        return read_document(self.graph)


def record_of(
    graph: Graph,
    input_sha256: Mapping[str, str | Sequence[str]],
    output: str,
    *,
    element: int | None = None,
    weights_sha256: Mapping[str, Sequence[str]] | None = None,
    checks: Mapping[str, float] | None = None,
) -> Record:
    """The record of one output of a bound graph.

    Of a list that is mapped, an element's record names that element's own inputs alone.

    Args:
        graph: What ran; bound.
        input_sha256: Of the input files by the inputs' names; several for a list.
        output: Name of the output.
        element: Which one, of an output that is a list.
        weights_sha256: By node id, where the caller has them; else the files are read.
        checks: Figures measured on the way, by their names; finite.
    """
    needed = _needed(graph, graph.outputs[output], element)
    whole = {name for name, asked in needed.inputs.items() if None in asked}
    lists = {name for name in needed.inputs if graph.inputs[name].is_list}
    is_alone = element is not None and bool(lists) and whole.isdisjoint(lists)
    inputs: dict[str, str | tuple[str, ...]] = {}
    for name in sorted(needed.inputs):
        given = input_sha256[name]
        if isinstance(given, str):
            inputs[name] = given
        else:
            inputs[name] = (given[element],) if is_alone and element is not None else tuple(given)
    known = weights_sha256 or {}
    return Record(
        graph=_document_json(graph.document),
        graph_sha256=graph_sha256(graph.document),
        parameters={name: _scalar(value) for name, value in sorted(graph.scalars.items())},
        inputs=inputs,
        output=output,
        nodes={name: _node_record(graph.nodes[name], known.get(name)) for name in sorted(needed.nodes)},
        libraries=libraries_here(),
        element=0 if is_alone else element,
        checks=dict(checks or {}),
    )


def record_text(record: Record) -> str:
    """The record as canonical JSON: one line of ASCII, keys in order."""
    parts = {name: value for name, value in vars(record).items() if value is not None}
    parts["nodes"] = {name: _with_values(vars(node)) for name, node in record.nodes.items()}
    whole = {FORMAT_KEY: FORMAT, **parts}
    return json.dumps(whole, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _with_values(parts: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in parts.items() if value}


def parsed_record(text: str | bytes, *, name: str) -> Record:
    """The record in a JSON text; `name` is what errors call it.

    Raises:
        InputError: No JSON, too long or too deep, of another format, or not a record.
    """
    raw = parsed_json(text, name=name)
    if not isinstance(raw, Mapping) or raw.get(FORMAT_KEY) != FORMAT:
        seen = raw.get(FORMAT_KEY) if isinstance(raw, Mapping) else raw
        raise InputError(
            f"{name} is of format {seen!r:.40}; this version of anyres reads format {FORMAT}. Update anyres, "
            "or name a picture that it wrote."
        )
    parts = {key: one for key, one in raw.items() if key != FORMAT_KEY}
    try:
        found: Record = _adapter().validate_python(parts)
    except ValidationError as refusal:
        error = refusal.errors(include_url=False)[0]
        where = ".".join(str(part) for part in error["loc"])[:80] or "as a whole"
        raise InputError(
            f"{name} is damaged at {where}: {error['msg']}. Name an undamaged copy of the picture."
        ) from None
    return found


def with_record(encoding: Encoding, record: Record, format: Format) -> tuple[Encoding, tuple[str, ...]]:
    """The encoding with the record in its XMP, and what a person should know where that cannot be.

    An earlier record of ours is replaced. The user's own XMP is never given up for it.
    """
    if not FORMATS[format].has_metadata:
        name = format.upper()
        return encoding, (f"{name} holds no metadata; the record can only lie beside it (--record).",)
    packet = with_property(encoding.xmp, record_text(record))
    if packet is None:
        return encoding, (
            "The picture's own XMP is in a form that takes no record; it can only lie beside it (--record).",
        )
    if format == "jpeg" and len(packet) > LONGEST_JPEG_XMP:
        return encoding, (
            f"A JPEG takes {LONGEST_JPEG_XMP} bytes of XMP; with the record it would be {len(packet)}. "
            "The record can only lie beside the picture (--record).",
        )
    return replace(encoding, xmp=packet), ()


def beside(path: Path) -> Path:
    """Where the record lies that is not in the picture: "photo.x2.jpg.anyres.json"."""
    return path.with_name(path.name + SUFFIX)


def read_record(path: Path, *, limits: Limits | None = None) -> Record:
    """The record of a picture: from the file itself, else from the JSON beside it; or that JSON, if named.

    Raises:
        InputError: No picture, no record, or one that is damaged, too long, or of another format.
        LimitError: More bytes than the limits allow.
    """
    if path.name.endswith(SUFFIX):
        return parsed_record(_content(path), name=str(path))
    packet = read_xmp(path, limits=limits or Limits())
    text = property_of(packet) if packet else None
    if text is not None:
        return parsed_record(text, name=f"The record in {path}")
    if beside(path).is_file():
        return parsed_record(_content(beside(path)), name=str(beside(path)))
    raise InputError(
        f"{path} holds no record of anyres, and there is no {beside(path).name} beside it. "
        "Only what anyres wrote has one; --strip leaves it out."
    )


@dataclass
class _Needed:
    """What an output is made of."""

    nodes: set[str] = field(default_factory=set)
    inputs: dict[str, set[int | None]] = field(default_factory=dict)  # which element; None for all of it


def _needed(graph: Graph, source: Source, element: int | None) -> _Needed:
    needed, seen = _Needed(), set[tuple[Source, int | None]]()
    waiting = [(source, element)]
    while waiting:
        asked = waiting.pop()
        if asked in seen:
            continue
        seen.add(asked)
        (source, element) = asked
        if source.node is None:
            needed.inputs.setdefault(source.port, set()).add(element if graph.is_list(source) else None)
            continue
        needed.nodes.add(source.node)
        node = graph.nodes[source.node]
        for port, sources in node.inputs.items():
            waiting += [
                (one, element if port in node.each and graph.is_list(one) else None) for one in sources
            ]
    return needed


def _node_record(node: Node, known: Sequence[str] | None) -> NodeRecord:
    operation, parameters = node.operation, node.checked
    assert parameters is not None, f"node {node.id} is not bound"
    reference = f"{operation.name}@{operation.version}"
    if not operation.uses_network:
        return NodeRecord(reference)
    hashes = operation.weights_sha256(parameters) if known is None else known
    model = getattr(parameters, "model", None)
    names = [str(model)] if model and len(hashes) == 1 else [str(index) for index in range(len(hashes))]
    precision = getattr(parameters, "precision", None)
    return NodeRecord(
        reference,
        dict(zip(names, hashes, strict=True)),
        None if precision is None else _precision_that_runs(precision),
    )


@cache
def _precision_that_runs(precision: str) -> str:
    from anyres.core.device import choose_device, choose_precision

    return str(choose_precision(precision, choose_device())).removeprefix("torch.")


@cache
def libraries_here() -> Mapping[str, str]:
    """Versions of what decides the bytes of a result, those that are installed."""
    found: dict[str, str] = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # an extra
            continue
    return found


def _document_json(document: Document) -> dict[str, Any]:
    """The document as JSON, with every workflow that it refers to embedded; nothing that is for people."""
    whole: dict[str, Any] = json.loads(document_text(_bare(self_contained(document, {}))))
    return {key: canonical(value) for key, value in whole.items()}


def _bare(document: Document) -> Document:
    return replace(
        document,
        title="",
        description="",
        ui={},
        inputs={name: replace(one, description="") for name, one in document.inputs.items()},
        nodes={name: replace(one, ui={}) for name, one in document.nodes.items()},
        workflows={name: _bare(one) for name, one in document.workflows.items()},
    )


def _scalar(value: object) -> float | int | str | bool:
    assert isinstance(value, float | int | str | bool), f"a scalar input is no {type(value).__name__}"
    found: float | int | str | bool = canonical(value)
    return found


@cache
def _adapter() -> Any:  # TypeAdapter[Record], which the tests' checker of types does not know
    return TypeAdapter(Record)


def _content(path: Path) -> bytes:
    """The bytes of a JSON file, one more than is read at most."""
    refuse_special(path)
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        way_out = "Check the name and who may read it."
        raise InputError(f"{path} cannot be read ({error.strerror}). {way_out}") from error
