"""What a person types for a workflow: which one, its parameters, and pictures for its inputs."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from anyres.core.errors import InputError
from anyres.workflow.declarations import InputDeclaration
from anyres.workflow.document import Document, read_document
from anyres.workflow.finding import find_workflow
from anyres.workflow.graph import Graph, resolve
from anyres.workflow.items import Item
from anyres.workflow.reading import check_inputs
from anyres.workflow.sizes import refuse_at_any_size


def document_named(text: str) -> Document:
    """The workflow in a file, or of that name.

    Raises:
        InputError: Nothing there; for a name, with the names there are.
    """
    path = Path(text)
    if path.suffix or os.sep in text or path.is_file():
        return read_document(path)
    return find_workflow(text)


def bound_graph(workflow: str, settings: Sequence[str]) -> Graph:
    """The graph of a workflow with what `--set` says; InputError says what is wrong with either."""
    graph = resolve(document_named(workflow))
    return graph.bind(settings_of(graph, settings))


def settings_of(graph: Graph, settings: Sequence[str]) -> dict[str, object]:
    """Values of the scalar inputs from texts as "scale=2.5".

    Raises:
        InputError: No such parameter, one named twice, or a value that it does not take; says what there is.
    """
    declared = {name: one for name, one in graph.inputs.items() if one.is_scalar}
    values: dict[str, object] = {}
    for setting in settings:
        name, separator, text = setting.partition("=")
        if not separator or name not in declared:
            known = _parameters_text(graph, declared)
            raise InputError(f"--set is NAME=VALUE; {setting!r} was given. {known}")
        if name in values:
            raise InputError(f"--set names {name} twice. Keep one.")
        try:
            values[name] = declared[name].checked(text)
        except ValueError as refusal:
            what = input_text(name, declared[name])
            raise InputError(f"{name}: {refusal}; {text!r} was given. It is {what}.") from None
    return values


def pictures_by_input(graph: Graph, given: Sequence[str]) -> dict[str, list[str]]:
    """Places by the inputs that they are for, from texts as "photo=a.jpg", or the path alone for one input.

    Raises:
        InputError: A name that is no input; says what there is.
    """
    taken = [name for name, one in graph.inputs.items() if not one.is_scalar]
    found: dict[str, list[str]] = {}
    for text in given:
        name, separator, place = text.partition("=")
        if separator and name in taken:
            found.setdefault(name, []).append(place)
        elif len(taken) == 1 and (not separator or Path(text).exists()):
            found.setdefault(taken[0], []).append(text)
        else:
            known = ", ".join(f"{one} ({graph.inputs[one].type})" for one in taken)
            raise InputError(
                f"--input is NAME=PATH; {text!r} was given. {graph.document.name} takes {known}."
            )
    return found


def _parameters_text(graph: Graph, declared: Mapping[str, InputDeclaration]) -> str:
    known = "; ".join(input_text(name, one) for name, one in declared.items())
    return (
        f"{graph.document.name} has the parameters {known}." if known else f"{graph.document.name} has none."
    )


def input_text(name: str, one: InputDeclaration) -> str:
    """An input in words: "scale: number from 1 to 30, default 2"."""
    parts = [f"{name}: {one.type}"]
    if one.choices:
        parts = [f"{name}: {' or '.join(one.choices)}"]
    if one.minimum is not None:
        parts.append(f"from {one.minimum:g}")
    if one.maximum is not None:
        parts.append(f"to {one.maximum:g}")
    text = " ".join(parts)
    return text if one.default is None else f"{text}, default {json.dumps(one.default)}"


def checked_without_pictures(graph: Graph, scalars: Mapping[str, object]) -> tuple[str, ...]:
    """Check what can be checked of a workflow before a picture is named; names of parameters still missing.

    Raises:
        InputError: Parameters that do not go together, weights that are not there, a graph that no file goes
            into or comes out of, or a node that refuses pictures of any size.
    """
    from anyres.workflow.making import work_of

    places = {name: Path(name) for name, one in graph.inputs.items() if not one.is_scalar}
    check_inputs(graph, Item(places, {name: Path(name) for name in graph.outputs}))
    declared = {name: one for name, one in graph.inputs.items() if one.is_scalar}
    missing = tuple(name for name, one in declared.items() if one.default is None and name not in scalars)
    if not missing:
        bound = graph.bind(scalars)
        work_of(bound)  # finds the weights
        refuse_at_any_size(bound)
    return missing
