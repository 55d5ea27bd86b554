"""Replay: run what a picture's record says again, on the same inputs, and compare pixel by pixel.

The fresh result is written in the same format as the picture and read back, so that both went the same way.
Nothing of the record is trusted: its workflow is read as any stranger's document is, and weights and
inputs are those that their sha256 names, or the replay is refused.
"""

import math
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Float32

from anyres.core.errors import AnyresError, InputError, LimitError, RunError, WeightsError
from anyres.core.files import Limits, read_header, read_image, write_image
from anyres.core.formats import FORMATS
from anyres.core.image import Image, Rows, stripes_of
from anyres.core.results import PictureFile
from anyres.core.sizes import SizeHW
from anyres.core.weights import file_sha256
from anyres.workflow.document import graph_sha256
from anyres.workflow.events import GraphEvent, GraphFinished, NodeFailed
from anyres.workflow.graph import Graph, Node, resolve
from anyres.workflow.graph_run import LoadedInput, run_graph
from anyres.workflow.provenance import UNREADABLE, NodeRecord, Record, libraries_here, read_record

_STEPS: Final = {8: 255, 16: 65_535, 32: 65_535}  # of a channel, by its bits; float is told in 16
_ERRORS: Final = {kind.exit_code: kind for kind in (RunError, InputError, LimitError)}


@dataclass(frozen=True)
class Replayed:
    """How a picture and its fresh result compare."""

    record: Record
    size_hw: SizeHW  # of the picture
    fresh_size_hw: SizeHW
    bits: int  # of a channel of the picture, whose steps a difference counts: 8 or 16
    largest_difference: int | None  # in steps, over all pixels and channels; None: the sizes differ
    differing_pixels: int | None
    notices: tuple[str, ...] = ()  # what differs here from where the picture was made

    @property
    def matches(self) -> bool:
        """Whether every pixel is the same."""
        return self.largest_difference == 0


def replay(
    path: Path,
    inputs: Mapping[str, Path | Sequence[Path]],
    *,
    is_any_input: bool = False,
    limits: Limits | None = None,
) -> Replayed:
    """Run the record of a picture again and compare.

    Args:
        path: The picture; its record is in it or beside it.
        inputs: A file for each input that the record names; several for a list.
        is_any_input: Take files with another sha256 than the record's too.
        limits: On the bytes and pixels of the picture and of the inputs.

    Raises:
        InputError: No record, one that is damaged, an input that is missing or another file, an operation or
            version that is not here.
        WeightsError: The weights here are not those that the record names.
        LimitError: More pixels or bytes than the limits allow, or than memory holds.
        RunError: The run itself failed.
    """
    limits = limits or Limits()
    record = read_record(path, limits=limits)
    graph = recorded_graph(record, name=str(path))
    files = _checked_files(record, inputs, is_any_input=is_any_input)
    values = {name: _loaded(graph, name, given, limits) for name, given in files.items()}
    kind = read_header(path, limits=limits).format
    with tempfile.TemporaryDirectory(prefix="anyres-") as folder:
        fresh = Path(folder) / f"fresh{FORMATS[kind].suffixes[0]}"

        def write(output: str, element: int | None, value: object) -> Path | None:
            if element is not None and element != record.element:
                return None
            return _written(value, fresh)

        failed = _failures(run_graph(graph, values, sink=write))
        if not fresh.is_file():  # a list may lose elements, as it did when the picture was made
            raise _error(failed, record)
        return _compared(record, path, fresh, limits)


def recorded_graph(record: Record, *, name: str) -> Graph:
    """The bound graph of a record, down to what its output needs, with the precision that ran.

    Raises:
        InputError: The record is damaged, or names what is not here.
        WeightsError: The weights here are others.
    """
    document = record.document()
    if graph_sha256(document) != record.graph_sha256:
        raise InputError(
            f"The workflow in the record of {name} was changed: its sha256 is another. Name an undamaged "
            "copy of the picture."
        )
    graph = resolve(document).bind(record.parameters)
    if record.output not in graph.outputs or not set(record.inputs) <= set(graph.inputs):
        raise InputError(f"The record of {name} names inputs or outputs that its workflow has not.")
    if record.element is not None and not graph.is_list(graph.outputs[record.output]):
        raise InputError(f"The record of {name} names an element of {record.output}, which is no list.")
    nodes = {one.id: one for one in graph.nodes.values() if one.id in record.nodes}
    if len(nodes) < len(record.nodes):
        raise InputError(f"The record of {name} names nodes that its workflow has not.")
    for node in nodes.values():
        _check_weights(node, record.nodes[node.id], name)
        nodes[node.id] = _at_precision(node, record.nodes[node.id])
    return replace(
        graph,
        inputs={key: one for key, one in graph.inputs.items() if key in record.inputs or one.is_scalar},
        nodes=nodes,
        outputs={record.output: graph.outputs[record.output]},
    )


def _check_weights(node: Node, recorded: NodeRecord, name: str) -> None:
    assert node.checked is not None
    here = node.operation.weights_sha256(node.checked)
    if list(here) != list(recorded.weights.values()):
        named = ", ".join(f"{key} ({sha256[:12]}...)" for key, sha256 in recorded.weights.items()) or "none"
        found = ", ".join(f"{sha256[:12]}..." for sha256 in here) or "none"
        raise WeightsError(
            f"Node {node.id} of {name} ran with the weights {named}; those here are {found}. Add the others "
            "with `anyres weights add`, or use the version of anyres that has them."
        )


def _at_precision(node: Node, recorded: NodeRecord) -> Node:
    """The node at the precision that ran, where it had been left to the machine."""
    if recorded.precision is None or "precision" not in node.operation.parameters.model_fields:
        return node
    parameters = {**node.parameters, "precision": recorded.precision}
    return replace(node, parameters=parameters, checked=node.operation.check_parameters(parameters))


def _checked_files(
    record: Record, inputs: Mapping[str, Path | Sequence[Path]], *, is_any_input: bool
) -> dict[str, tuple[Path | None, ...]]:
    """The files of each input that the record names, in its order; None for one that was not there."""
    names = ", ".join(record.inputs) or "none"
    for name in inputs:
        if name not in record.inputs:
            raise InputError(f"The picture was not made from an input {name}; it was from {names}.")
    checked: dict[str, tuple[Path | None, ...]] = {}
    for name, recorded in record.inputs.items():
        if name not in inputs:
            raise InputError(f"The picture was made from {names}; name a file for {name}.")
        hashes = (recorded,) if isinstance(recorded, str) else recorded
        given = inputs[name]
        checked[name] = _in_order(name, (given,) if isinstance(given, Path) else tuple(given), hashes)
        for file, sha256 in zip(checked[name], hashes, strict=True):
            if file is not None:
                _check_file(name, file, sha256, is_any_input=is_any_input)
    return checked


def _in_order(name: str, files: tuple[Path, ...], hashes: Sequence[str]) -> tuple[Path | None, ...]:
    """A file for each hash; those that could not be read then may be left out."""
    if len(files) == sum(sha256 != UNREADABLE for sha256 in hashes):
        waiting = iter(files)
        return tuple(None if sha256 == UNREADABLE else next(waiting) for sha256 in hashes)
    if len(files) != len(hashes):
        raise InputError(
            f"{name} was {len(hashes)} files; {len(files)} were given. Name all, in their order."
        )
    return files


def _check_file(name: str, file: Path, sha256: str, *, is_any_input: bool) -> None:
    if not file.is_file():
        if sha256 == UNREADABLE:
            return
        raise InputError(f"There is no file {file}. Check the name and the folder.")
    if is_any_input:
        return
    if sha256 == UNREADABLE:
        raise InputError(
            f"{file} could not be read when the picture was made, and now it can. Leave it out, or run on it "
            "with --any-input."
        )
    if file_sha256(file) != sha256:
        raise InputError(
            f"{file} is not the file that the picture was made from: its sha256 begins with "
            f"{file_sha256(file)[:12]}, that of {name} with {sha256[:12]}. Name that file, or run on "
            "this one with --any-input."
        )


def _loaded(graph: Graph, name: str, files: Sequence[Path | None], limits: Limits) -> object:
    """The files of an input, each to be read when the run needs it."""
    declaration = graph.inputs[name]
    read = partial(PictureFile.at if declaration.kind == "PictureFile" else read_image, limits=limits)
    values = [
        LoadedInput(
            partial(read, file) if file else partial(_refuse_missing, name),
            file_sha256(file) if file and file.is_file() else UNREADABLE,
            file.name if file else "nothing",
        )
        for file in files
    ]
    return tuple(values) if declaration.is_list else values[0]


def _refuse_missing(name: str) -> Image:
    raise InputError(f"A picture of {name} was not there when this was made. Nothing can be done.")


def _written(value: object, fresh: Path) -> Path:
    """Where the fresh result is, as a file."""
    if isinstance(value, PictureFile):
        fresh.write_bytes(value.path.read_bytes())
    elif isinstance(value, Image | Rows):
        write_image(value, fresh, overwrite=True, strip=True)
    else:
        raise InputError(f"A {type(value).__name__} is no picture that could be compared. Name a picture.")
    return fresh


def _failures(events: Iterable[GraphEvent]) -> list[NodeFailed]:
    """Let a run go to its end; the nodes that failed, the first one first."""
    failed: list[NodeFailed] = []
    for event in events:
        if isinstance(event, NodeFailed):
            failed.append(event)
        elif isinstance(event, GraphFinished):
            failed += event.failures
    return failed


def _error(failed: Sequence[NodeFailed], record: Record) -> AnyresError:
    """Why a run gave no picture: the error of its first failed node."""
    if not failed:
        return InputError(
            f"The record names element {record.element} of {record.output}, which has fewer. Name an "
            "undamaged copy of the picture."
        )
    kind: type[AnyresError] = _ERRORS.get(failed[0].exit_code, RunError)
    return kind(failed[0].reason)


def _compared(record: Record, path: Path, fresh: Path, limits: Limits) -> Replayed:
    first, second = read_image(path, limits=limits), read_image(fresh, limits=limits)
    bits = 8 if first.encoding.depth == 8 else 16
    largest = differing = None
    if first.size_hw == second.size_hw and (first.alpha is None) == (second.alpha is None):
        largest, differing = largest_difference(first, second, steps=_STEPS[bits])
    return Replayed(record, first.size_hw, second.size_hw, bits, largest, differing, _other_libraries(record))


def largest_difference(first: Image, second: Image, *, steps: int) -> tuple[int, int]:
    """The largest difference of two pictures of one size, in steps, and how many pixels differ at all."""
    largest = differing = 0
    for top, bottom in stripes_of(first.size_hw, 4):
        difference = np.abs(first.pixels[top:bottom] - second.pixels[top:bottom]).max(axis=2)
        if first.alpha is not None and second.alpha is not None:
            np.maximum(difference, np.abs(first.alpha[top:bottom] - second.alpha[top:bottom]), out=difference)
        largest = max(largest, _in_steps(difference, steps))
        differing += int(np.count_nonzero(difference))
    return largest, differing


def _in_steps(difference: Float32[np.ndarray, "h w"], steps: int) -> int:
    """The largest of them in whole steps, rounded up: what is not equal is one step at least."""
    most = float(difference.max())
    return (
        max(1, math.ceil(most * steps - 0.01)) if most > 0 else 0
    )  # float32 has 65,535 steps to 0.004 of one


def _other_libraries(record: Record) -> tuple[str, ...]:
    here = libraries_here()
    other = [
        f"{name} {version} (here {here.get(name, 'none')})"
        for name, version in record.libraries.items()
        if here.get(name) != version
    ]
    return (f"It was made with {', '.join(other)}.",) if other else ()
