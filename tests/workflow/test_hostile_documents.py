"""Documents that mean harm, or are mistakes: each is refused by one sentence that says where and what."""

import json
import typing
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any

import pytest

from anyres.core.errors import InputError
from anyres.operations.operation import every_operation
from anyres.workflow.document import MAX_NODES, document_text, graph_sha256, read_document, self_contained
from anyres.workflow.finding import FOLDER_VARIABLE
from anyres.workflow.graph import resolve
from tests.workflow.small_operations import document, node, small_operations


@pytest.fixture(autouse=True)
def operations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    with small_operations():
        yield


def one(raw: object, **more: Any) -> dict[str, Any]:
    return document({"a": raw}, {"out": "a.result"}, **more)


def beside(left: str, right: str) -> dict[str, Any]:
    return {"operation": "beside@1.0.0", "inputs": {"left": left, "right": right}}


def named(workflow: str, **wires: str) -> dict[str, Any]:
    return {"workflow": f"{workflow}@1.0.0", "inputs": wires or {"photo": "inputs.photo"}}


def holding(workflow: str, **more: Any) -> dict[str, Any]:
    return document({"b": named(workflow)}, {"out": "b.out"}, **more)


PHOTOS = {
    "photo": {"type": "Image"},
    "photos": {"type": "list[Image]"},
    "n": {"type": "number", "default": 2},
}
INNER = document({"cut": node("trim")}, {"out": "cut.result"}, name="inner")
UNSOUND: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown operation": (
        one(node("tell2")),
        r"Node a: there is no operation tell2 here \(is it tell\?\)",
    ),
    "a newer version": (one(node("tall@1.3.0")), r"Node a: tall@1\.3\.0 is not here; tall@1\.2\.0 is"),
    "an older version of another kind": (
        one(node("tall@0.9.0")),
        r"Node a: tall@0\.9\.0 is not here; tall@1\.2",
    ),
    "another version": (one(node("tall@2.0.0")), r"Node a: tall@2\.0\.0 is not here; tall@1\.2\.0 is"),
    "no output": (document({"a": node("tall")}, {}), "small has no output: nothing would run"),
    "an output of no node": (
        document({"a": node("tall")}, {"out": "b.result"}),
        "Output out: there is no node b",
    ),
    "an output of no port": (
        document({"a": node("tall")}, {"out": "a.alpha"}),
        "Output out: node a has no output",
    ),
    "an output of an input": (
        document({"a": node("tall")}, {"out": "inputs.photo"}),
        "Output out: it comes from",
    ),
    "a wire from no node": (
        one(node("tall", "b.result")),
        "Node a, input image: there is no node b; a are there",
    ),
    "a wire from no input": (
        one(node("tall", "inputs.foto")),
        "Node a, input image: the workflow declares no input foto; it has photo",
    ),
    "a wire from no port": (
        document({"a": node("tall"), "b": node("tall", "a.image")}, {"out": "b.result"}),
        "Node b, input image: node a has no output image; it has result",
    ),
    "a missing wire": (
        one({"operation": "beside@1.0.0", "inputs": {"left": "inputs.photo"}}),
        "Node a, input right: no wire leads to it. Wire an Image to it",
    ),
    "two wires to one port": (
        document({"a": node("tall"), "b": node("tall", ["a.result", "inputs.photo"])}, {"out": "b.result"}),
        "Node b, input image: it takes one wire; 2 lead to it",
    ),
    "a wire to no port": (
        one({"operation": "tall@1.0.0", "inputs": {"image": "inputs.photo", "mask": "inputs.photo"}}),
        "Node a has no input mask; tall has image",
    ),
    "a wire to a parameter": (
        one(
            {"operation": "tall@1.0.0", "inputs": {"image": "inputs.photo", "times": "inputs.n"}},
            inputs=PHOTOS,
        ),
        "Node a, input times: inputs.n is a parameter; name it under parameters",
    ),
    "a parameter as a picture": (
        one(node("tall", "inputs.n"), inputs=PHOTOS),
        "Node a, input image: inputs.n is a parameter; name it under parameters",
    ),
    "a picture as a parameter": (
        one(node("tall", times={"from": "inputs.photo"})),
        "Node a, parameter times: inputs.photo is no parameter of the workflow; it has none",
    ),
    "a report as a picture": (
        document({"a": node("tell"), "b": node("tall", "a.result")}, {"out": "b.result"}),
        "Node b, input image: it takes an Image; a.result is a Report",
    ),
    "a list as a picture": (
        one(node("tall", "inputs.photos"), inputs=PHOTOS),
        "Node a, input image: it takes one Image; inputs.photos is a list. Name the input under each",
    ),
    "each of one picture": (
        one(node("tall") | {"each": ["image"]}),
        "Node a, input image: each takes the elements of a list; inputs.photo is no list",
    ),
    "each of no port": (
        one(node("tall") | {"each": ["images"]}),
        "Node a has no input images; tall has image",
    ),
    "each in each": (
        document(
            {
                "b": named("inner")
                | {"each": ["photo"], "inputs": {"photo": "inputs.photos", "all": "inputs.photos"}}
            },
            {"out": "b.out"},
            inputs=PHOTOS,
            workflows={
                "inner": document(
                    {"c": beside("inputs.photo", "inputs.all") | {"each": ["right"]}},
                    {"out": "c.result"},
                    inputs=PHOTOS
                    | {"all": {"type": "list[Image]"}, "photos": {"type": "number", "default": 1}},
                )
            },
        ),
        "Node b/c, input right: each stands within the each of node b; a list of lists is not supported",
    ),
    "a parameter out of range": (
        one(node("tall", times=10)),
        "Node a: times should be less than or equal to 9; 10",
    ),
    "a parameter of another type": (
        one(node("tall", times="two")),
        "Node a: times should be a valid integer",
    ),
    "a parameter of objects": (
        one(node("tall", times={"near": 1})),
        "Node a: times should be a valid integer",
    ),
    "an unknown parameter": (one(node("tall", tmies=2)), "Node a: tall has no parameter tmies; it has times"),
    "an unknown parameter from an input": (
        one(node("tall", tmies={"from": "inputs.n"}), inputs=PHOTOS),
        "Node a: tall has no parameter tmies; it has times",
    ),
    "a path where weights are named": (
        one(node("upscale", model="../../weights.safetensors")),
        r"Node a, parameter model: weights have a name.*'\.\./\.\./weights\.safetensors' is none",
    ),
    "an address where weights are named": (
        one(node("upscale", model="https://github.com/w")),
        "Node a, parameter model: weights have a name.*'https://github.com/w' is none",
    ),
    "a module where weights are named": (
        one(node("upscale", model="os:system")),
        "Node a, parameter model: weights",
    ),
    "a circle of one": (
        one(node("tall", "a.result")),
        "Node a, input image: the wires go in a circle: a -> a",
    ),
    "a circle of three": (
        document(
            {
                "a": node("tall", "c.result"),
                "b": node("trim", "a.result"),
                "c": beside("inputs.photo", "b.result"),
            },
            {"out": "c.result"},
        ),
        r"Node [abc], input (image|right): the wires go in a circle: ([abc] -> ){3}[abc]\. Break it",
    ),
    "a circle through a workflow": (
        document(
            {"a": node("tall", "b.out"), "b": named("inner", photo="a.result")},
            {"out": "a.result"},
            workflows={"inner": INNER},
        ),
        r"Node (a|b/cut), input image: the wires go in a circle: (a|b/cut) -> (a|b/cut) -> (a|b/cut)",
    ),
    "an unknown workflow": (holding("nowhere"), "Node b: There is no workflow 'nowhere'"),
    "a workflow of another version": (
        holding("inner", workflows={"inner": INNER | {"version": "2.0.0"}}),
        r"Node b: the workflow inner@1\.0\.0 is not here; inner@2\.0\.0 is",
    ),
    "a missing wire to a workflow": (
        document({"b": {"workflow": "inner@1.0.0"}}, {"out": "b.out"}, workflows={"inner": INNER}),
        "Node b, input photo: one wire leads to an input of a workflow; 0 were given",
    ),
    "a wire to no input of a workflow": (
        document({"b": named("inner", foto="inputs.photo")}, {"out": "b.out"}, workflows={"inner": INNER}),
        "Node b has no input foto; inner@1.0.0 has photo",
    ),
    "no output of a workflow": (
        document({"b": named("inner")}, {"out": "b.result"}, workflows={"inner": INNER}),
        "Output out: node b has no output result; it has out",
    ),
    "a list to a workflow that takes a picture": (
        document(
            {"b": named("inner", photo="inputs.photos")},
            {"out": "b.out"},
            inputs=PHOTOS,
            workflows={"inner": INNER},
        ),
        "Node b/cut, input image: it takes one Image; inputs.photos is a list",
    ),
    "a picture to a workflow that takes a list": (
        holding(
            "inner",
            workflows={
                "inner": INNER
                | {"inputs": {"photo": {"type": "list[Image]"}}, "nodes": {"cut": node("pile")}}
            },
        ),
        "Node b, input photo: it takes a list; inputs.photo is one Image",
    ),
    "an unknown parameter of a workflow": (
        document(
            {"b": named("inner") | {"parameters": {"most": 3}}}, {"out": "b.out"}, workflows={"inner": INNER}
        ),
        "Node b has no parameter most; inner@1.0.0 has none",
    ),
    "a parameter that a workflow refuses": (
        document(
            {"b": named("inner") | {"parameters": {"most": "all"}}},
            {"out": "b.out"},
            workflows={
                "inner": INNER | {"inputs": {"photo": {"type": "Image"}, "most": {"type": "integer"}}}
            },
        ),
        "Node b, parameter most: an integer is expected; 'all' was given",
    ),
    "a number in quotation marks": (
        document({"a": node("tall", times="2")}, {"out": "a.result"}),
        "Node a, parameter times: a number belongs here; the text '2' was given. Write it without",
    ),
    "a scale in quotation marks": (
        document({"a": node("resize", scale="2")}, {"out": "a.result"}),
        "Node a, parameter scale: a number belongs here; the text '2' was given",
    ),
    "a truth in quotation marks": (
        document({"a": node("save", strip="true")}, {"out": "a.result"}),
        "Node a, parameter strip: true or false belongs here; the text 'true' was given",
    ),
    "a number in quotation marks for a workflow": (
        document(
            {"b": named("inner") | {"parameters": {"most": "3"}}},
            {"out": "b.out"},
            workflows={
                "inner": INNER | {"inputs": {"photo": {"type": "Image"}, "most": {"type": "integer"}}}
            },
        ),
        "Node b, parameter most: an integer is expected; '3' was given",
    ),
    "a parameter that a workflow needs": (
        holding(
            "inner",
            workflows={
                "inner": INNER | {"inputs": {"photo": {"type": "Image"}, "most": {"type": "integer"}}}
            },
        ),
        "Node b, parameter most: inner@1.0.0 needs it, and nothing was given",
    ),
    "an unknown operation in a workflow": (
        holding("inner", workflows={"inner": INNER | {"nodes": {"cut": node("evil")}}}),
        "Node b/cut: there is no operation evil here",
    ),
}


@pytest.mark.parametrize("name", UNSOUND)
def test_what_does_not_fit_together_is_refused_by_node_and_port(name: str) -> None:
    raw, message = UNSOUND[name]
    with pytest.raises(InputError, match=message):
        resolve(read_document(raw))


@pytest.mark.parametrize("name", UNSOUND)
def test_what_does_not_fit_together_is_still_read_and_written_whole(name: str) -> None:
    read = read_document(UNSOUND[name][0])
    assert read_document(document_text(read)) == read


def test_a_workflow_of_the_folder_that_holds_itself_is_refused(tmp_path: Path) -> None:
    for name, other in (("ping", "pong"), ("pong", "ping")):
        (tmp_path / f"{name}.json").write_text(json.dumps(holding(other, name=name)), encoding="utf-8")
    read = read_document(holding("ping"))
    for refused in (resolve, graph_sha256):
        with pytest.raises(
            InputError, match=r"the workflow ping holds itself \(ping in pong in ping in small\)"
        ):
            refused(read)


def test_an_embedded_workflow_that_holds_itself_is_refused() -> None:
    raw = holding("knot", workflows={"knot": holding("knot", name="knot")})
    with pytest.raises(InputError, match=r"Node b/b: the workflow knot holds itself"):
        resolve(read_document(raw))


def nested(depth: int) -> dict[str, Any]:
    raw = INNER
    for _ in range(depth):
        raw = holding("inner", workflows={"inner": raw})
    return raw


def test_workflows_are_nested_eight_deep_at_most() -> None:
    assert list(resolve(read_document(nested(8))).nodes) == ["b/b/b/b/b/b/b/b/cut"]
    with pytest.raises(InputError, match="workflows are nested deeper than 8"):
        resolve(read_document(nested(9)))


def test_nodes_that_multiply_in_workflows_are_refused_when_they_are_too_many() -> None:
    raw: dict[str, Any] = document({"cut": node("trim")}, {"out": "cut.result"})
    for _ in range(7):
        nodes = {f"b{index}": named("inner") for index in range(10)}
        raw = document(nodes, {"out": "b0.out"}, workflows={"inner": raw})
    with pytest.raises(InputError, match=rf"Node b0/.*the graph has more than {MAX_NODES} nodes"):
        resolve(read_document(raw))


def test_nodes_that_multiply_are_hashed_all_the_same() -> None:
    raw: dict[str, Any] = document({"cut": node("trim")}, {"out": "cut.result"})
    for _ in range(7):
        raw = document(
            {f"b{index}": named("inner") for index in range(50)}, {"out": "b0.out"}, workflows={"inner": raw}
        )
    read = read_document(raw)
    assert graph_sha256(self_contained(read, {})) == graph_sha256(read)


def test_a_chain_of_as_many_nodes_as_are_taken_is_resolved() -> None:
    nodes = {
        f"n{index}": node("tall", f"n{index - 1}.result" if index else "inputs.photo")
        for index in range(MAX_NODES)
    }
    graph = resolve(read_document(document(nodes, {"out": f"n{MAX_NODES - 1}.result"})))
    assert list(graph.nodes) == list(nodes)


def test_a_circle_of_many_nodes_is_named_in_short() -> None:
    nodes = {f"n{index}": node("tall", f"n{(index - 1) % 500}.result") for index in range(500)}
    with pytest.raises(InputError, match="the wires go in a circle") as refusal:
        resolve(read_document(document(nodes, {"out": "n0.result"})))
    assert len(str(refusal.value)) < 200


def test_no_operation_has_a_parameter_that_is_a_path() -> None:
    for operation in every_operation().values():
        for name, field in operation.parameters.model_fields.items():
            kinds = {field.annotation, *typing.get_args(field.annotation)}
            paths = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, PurePath)]
            assert not paths, f"{operation.name} opens what a document names under {name}"
