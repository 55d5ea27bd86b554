import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from anyres.core.errors import InputError
from anyres.operations.operation import OPERATIONS, every_operation
from anyres.workflow.declarations import InputDeclaration
from anyres.workflow.document import ParameterFrom, read_document
from anyres.workflow.finding import FOLDER_VARIABLE
from anyres.workflow.graph import Graph, Source, graph_of, inferred_sizes, resolve
from anyres.workflow.inlining import checked_scalar
from tests.workflow.small_operations import document, node, small_operations


@pytest.fixture(autouse=True)
def operations() -> Iterator[None]:
    with small_operations():
        yield


PHOTO, PHOTOS, NUMBER = {"type": "Image"}, {"type": "list[Image]"}, {"type": "number", "default": 2}


def resolved(nodes: dict[str, Any], output: str, **more: Any) -> Graph:
    return resolve(read_document(document(nodes, {"out": output}, **more)))


def twice_smaller(**more: Any) -> dict[str, Any]:
    """A workflow: trim, then pile with a second picture."""
    nodes = {
        "cut": node("trim", most={"from": "inputs.most"}),
        "both": node("pile", ["cut.result", "inputs.other"]),
    }
    inputs = {"photo": PHOTO, "other": PHOTO, "most": {"type": "integer", "default": 3, "minimum": 2}}
    return document(
        nodes, {"piled": "both.result", "corner": "cut.result"}, name="smaller", inputs=inputs, **more
    )


def of_smaller(photo: str, other: str, each: tuple[str, ...] = (), **parameters: Any) -> dict[str, Any]:
    wires = {"photo": photo, "other": other}
    return {"workflow": "smaller@1.0.0", "each": list(each), "inputs": wires, "parameters": parameters}


def test_nodes_come_in_an_order_in_which_they_can_run() -> None:
    nodes = {
        "last": {"operation": "beside@1.0.0", "inputs": {"left": "middle.result", "right": "first.result"}},
        "middle": node("trim", "first.result"),
        "first": node("tall"),
    }
    graph = resolved(nodes, "last.result")
    assert list(graph.nodes) == ["first", "middle", "last"]
    assert graph.nodes["last"].inputs == {
        "left": (Source("middle", "result"),),
        "right": (Source("first", "result"),),
    }
    assert graph.nodes["first"].operation is OPERATIONS["tall"]


def test_declared_inputs_become_parameters_when_bound() -> None:
    inputs = {"photo": PHOTO, "times": {"type": "integer", "default": 3}}
    graph = resolved(
        {"a": node("tall", times={"from": "inputs.times"}), "b": node("trim", "a.result")},
        "b.result",
        inputs=inputs,
    )
    assert graph.nodes["a"].parameters == {"times": ParameterFrom("times")}
    assert not graph.is_bound
    bound = graph.bind({"times": "4"})
    assert bound.is_bound
    assert bound.nodes["a"].parameters == {"times": 4}
    assert bound.scalars == {"times": 4}
    assert graph.bind({}).nodes["a"].parameters == {"times": 3}


@pytest.mark.parametrize(
    ("scalars", "message"),
    [
        ({"tmies": 2}, r"small has no parameter tmies; it has times, word\."),
        ({"times": "many"}, r"times: a number is expected; 'many' was given\."),
        ({"times": 9}, r"times: it is 8 at most; 9 was given\."),
        ({"times": 0.5}, r"Node a: times should be a valid integer.*; 0\.5 was given\."),
        ({}, r"word has no default, and nothing was given\. Said beside it\."),
        ({"times": 2, "word": "north"}, r"word: it is one of up, down; 'north' was given\."),
    ],
)
def test_values_that_do_not_fit_are_refused_by_name(scalars: dict[str, object], message: str) -> None:
    inputs = {
        "photo": PHOTO,
        "times": {"type": "number", "default": 3, "maximum": 8},
        "word": {"type": "choice", "choices": ["up", "down"], "description": "Said beside it."},
    }
    graph = resolved({"a": node("tall", times={"from": "inputs.times"})}, "a.result", inputs=inputs)
    given = {"word": "up"} if "times" in scalars and "word" not in scalars else {}
    with pytest.raises(InputError, match=message):
        graph.bind(given | scalars)


def test_a_workflow_in_a_workflow_is_put_in_its_place() -> None:
    nodes = {"first": node("tall"), "sub": of_smaller("first.result", "inputs.photo", most=5)}
    graph = resolved(
        nodes | {"end": node("trim", "sub.piled")}, "end.result", workflows={"smaller": twice_smaller()}
    )
    assert list(graph.nodes) == ["first", "sub/cut", "sub/both", "end"]
    assert graph.nodes["sub/cut"].inputs == {"image": (Source("first", "result"),)}
    assert graph.nodes["sub/cut"].parameters == {"most": 5}
    assert graph.nodes["sub/both"].inputs == {"images": (Source("sub/cut", "result"), Source(None, "photo"))}
    assert graph.nodes["end"].inputs == {"image": (Source("sub/both", "result"),)}


def test_an_output_of_a_workflow_in_a_workflow_can_be_an_output() -> None:
    graph = resolved(
        {"sub": of_smaller("inputs.photo", "inputs.photo")},
        "sub.corner",
        workflows={"smaller": twice_smaller()},
    )
    assert graph.outputs == {"out": Source("sub/cut", "result")}


def test_a_workflow_in_a_workflow_takes_its_parameters_from_outside() -> None:
    inputs = {"photo": PHOTO, "size": {"type": "integer", "default": 7}}
    nodes = {"sub": of_smaller("inputs.photo", "inputs.photo", most={"from": "inputs.size"})}
    graph = resolved(nodes, "sub.corner", inputs=inputs, workflows={"smaller": twice_smaller()})
    assert graph.bind({}).nodes["sub/cut"].parameters == {"most": 7}
    with pytest.raises(InputError, match=r"Node sub/cut, parameter most: it is 2 at least; 1 was given\."):
        graph.bind({"size": 1})


def test_workflows_are_embedded_by_the_nearest_document_that_has_the_name() -> None:
    near = document({"cut": node("trim", most=1)}, {"corner": "cut.result"}, name="part")
    far = document({"cut": node("trim", most=9)}, {"corner": "cut.result"}, name="part")
    use = {"part": {"workflow": "part@1.0.0", "inputs": {"photo": "inputs.photo"}}}
    middle = document(use, {"corner": "part.corner"}, workflows={"part": near})
    loose = document(use, {"corner": "part.corner"})
    nodes = {
        name: {"workflow": f"{name}@1.0.0", "inputs": {"photo": "inputs.photo"}}
        for name in ("middle", "loose")
    }
    nodes["end"] = node("pile", ["middle.corner", "loose.corner"])
    graph = resolved(nodes, "end.result", workflows={"middle": middle, "loose": loose, "part": far})
    assert graph.nodes["middle/part/cut"].parameters == {"most": 1}
    assert graph.nodes["loose/part/cut"].parameters == {"most": 9}


def test_workflows_of_the_users_folder_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    (tmp_path / "smaller.json").write_text(json.dumps(twice_smaller()), encoding="utf-8")
    graph = resolved({"sub": of_smaller("inputs.photo", "inputs.photo")}, "sub.piled")
    assert list(graph.nodes) == ["sub/cut", "sub/both"]


def test_each_maps_a_node_over_a_list() -> None:
    nodes = {"cut": node("trim", "inputs.photos") | {"each": ["image"]}, "pile": node("pile", ["cut.result"])}
    graph = resolved(nodes, "pile.result", inputs={"photos": PHOTOS})
    assert graph.nodes["cut"].each == {"image"}
    assert graph.is_list(Source("cut", "result"))
    assert not graph.is_list(Source("pile", "result"))


def test_each_maps_a_workflow_through_all_that_depends_on_the_list() -> None:
    nodes = {"sub": of_smaller("inputs.photos", "inputs.photo", each=("photo",))}
    inputs = {"photos": PHOTOS, "photo": PHOTO}
    graph = resolved(nodes, "sub.piled", inputs=inputs, workflows={"smaller": twice_smaller()})
    assert graph.nodes["sub/cut"].each == {"image"}
    assert graph.nodes["sub/both"].each == {
        "images"
    }  # of which the first is a list, and the second one picture
    sizes = inferred_sizes(graph.bind({}), {"photos": [(9, 9), (2, 8)], "photo": (4, 6)})
    assert sizes == {"sub/cut": ((3, 3), (2, 3)), "sub/both": ((7, 6), (6, 6))}


def test_what_does_not_depend_on_the_list_runs_once() -> None:
    nodes = {"sub": of_smaller("inputs.photo", "inputs.photos", each=("other",))}
    inputs = {"photos": PHOTOS, "photo": PHOTO}
    graph = resolved(nodes, "sub.piled", inputs=inputs, workflows={"smaller": twice_smaller()})
    assert graph.nodes["sub/cut"].each == frozenset()
    assert graph.nodes["sub/both"].each == {"images"}


def test_each_reaches_through_workflows_in_a_mapped_workflow() -> None:
    outer = document(
        {"sub": of_smaller("inputs.photo", "inputs.photo"), "end": node("tall", "sub.corner")},
        {"end": "end.result"},
    )
    nodes = {"outer": {"workflow": "outer@1.0.0", "each": ["photo"], "inputs": {"photo": "inputs.photos"}}}
    graph = resolved(
        nodes, "outer.end", inputs={"photos": PHOTOS}, workflows={"outer": outer, "smaller": twice_smaller()}
    )
    assert {name: set(one.each) for name, one in graph.nodes.items()} == {
        "outer/sub/cut": {"image"},
        "outer/sub/both": {"images"},
        "outer/end": {"image"},
    }


def test_sizes_follow_the_rules_of_the_operations() -> None:
    nodes = {
        "tall": node("tall", times=3),
        "beside": {"operation": "beside@1.0.0", "inputs": {"left": "tall.result", "right": "inputs.photo"}},
        "cuts": node("trim", "inputs.photos", most=4) | {"each": ["image"]},
        "pile": node("pile", ["beside.result", "cuts.result"]),
        "tell": node("tell", "pile.result"),
    }
    graph = resolved(nodes, "pile.result", inputs={"photo": PHOTO, "photos": PHOTOS}).bind({})
    assert inferred_sizes(graph, {"photo": (2, 5), "photos": [(9, 9), (3, 1)]}) == {
        "tall": (6, 5),
        "beside": (6, 10),
        "cuts": ((4, 4), (3, 1)),
        "pile": (13, 10),
        "tell": None,
    }


def test_lists_that_are_taken_together_are_equally_long() -> None:
    both = {"left": "inputs.photos", "right": "inputs.others"}
    nodes = {"beside": {"operation": "beside@1.0.0", "each": ["left", "right"], "inputs": both}}
    graph = resolved(nodes, "beside.result", inputs={"photos": PHOTOS, "others": PHOTOS}).bind({})
    sizes = {"photos": [(1, 2), (3, 4)], "others": [(1, 1), (2, 2)]}
    assert inferred_sizes(graph, sizes) == {"beside": ((1, 3), (3, 6))}
    with pytest.raises(
        InputError, match=r"Node beside: .*inputs\.photos at left has 2, inputs\.others at right has 1"
    ):
        inferred_sizes(graph, sizes | {"others": [(1, 1)]})


def test_an_empty_list_is_refused_where_one_value_is_needed() -> None:
    graph = resolved({"pile": node("pile", "inputs.photos")}, "pile.result", inputs={"photos": PHOTOS}).bind(
        {}
    )
    with pytest.raises(InputError, match="Node pile, input images: the list that leads to it is empty"):
        inferred_sizes(graph, {"photos": []})


def test_a_size_that_an_operation_refuses_names_the_node() -> None:
    graph = resolved({"up": node("upscale", scale=2, width=5)}, "up.result").bind({})
    with pytest.raises(InputError, match="Node up: Name the target in exactly one way"):
        inferred_sizes(graph, {"photo": (2, 2)})


def test_the_graph_of_one_operation_is_bound_and_has_its_document() -> None:
    upscale = every_operation()["upscale"]
    graph = graph_of(upscale, {"scale": 1.5})
    assert graph.is_bound
    assert inferred_sizes(graph, {"image": (10, 20)}) == {"upscale": (15, 30)}
    again = resolve(graph.document).bind({})
    assert again.nodes["upscale"].checked == graph.nodes["upscale"].checked
    assert again.outputs == graph.outputs
    with pytest.raises(InputError, match="upscale has no parameter sacle"):
        graph_of(upscale, {"sacle": 2})


def test_a_newer_version_of_the_same_kind_runs_an_older_node() -> None:
    assert resolved({"a": node("tall@1.0.0")}, "a.result").nodes["a"].operation is OPERATIONS["tall"]
    assert resolved({"a": node("tall@1.2.0")}, "a.result").nodes["a"].operation is OPERATIONS["tall"]


def test_a_refused_scalar_shows_the_beginning_of_a_long_value_alone() -> None:
    with pytest.raises(InputError) as refusal:
        checked_scalar(InputDeclaration(type="text"), "x" * 3_000_000, "Parameter label")
    assert len(str(refusal.value)) < 500
