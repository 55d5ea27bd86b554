"""Random graphs: the sizes that are predicted are those that come out."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyres.core.errors import InputError
from anyres.core.image import Image
from anyres.core.results import Report
from anyres.core.sizes import SizeHW
from anyres.workflow.document import read_document
from anyres.workflow.events import GraphFinished
from anyres.workflow.graph import Graph, Source, inferred_sizes, resolve
from anyres.workflow.graph_run import run_graph
from anyres.workflow.sizes import refuse_at_any_size, sized_where_it_can
from tests.workflow.small_operations import document, node, small_operations

SIDES = st.integers(1, 9)
SIZES = st.tuples(SIDES, SIDES)
SMALL = ("trim", "tall", "beside", "pile", "tell")
REAL = ("resize", "pad", "crop", "blend", "sheet")
PORTS = {"beside": ("left", "right"), "blend": ("below", "above"), "pile": ("images",), "sheet": ("images",)}
PARAMETERS: dict[str, Any] = {
    "trim": st.fixed_dictionaries({"most": SIDES}),
    "tall": st.fixed_dictionaries({"times": st.integers(1, 3)}),
    "resize": st.one_of(
        st.fixed_dictionaries({"scale": st.sampled_from([0.5, 1, 1.3, 2]), "kernel": st.just("bicubic")}),
        st.fixed_dictionaries({"longest": SIDES, "kernel": st.sampled_from(["bicubic", "lanczos3", "area"])}),
        st.fixed_dictionaries(
            {"size": st.just("7x5"), "fit": st.sampled_from(["inside", "cover", "stretch"])}
        ),
    ),
    "pad": st.fixed_dictionaries(
        {"left": SIDES, "bottom": SIDES, "mode": st.sampled_from(["edge", "colour"])}
    ),
    "crop": st.just({"width": 1, "height": 1}),
    "blend": st.fixed_dictionaries({"opacity": st.sampled_from([0.5, 1])}),
    "sheet": st.fixed_dictionaries({"columns": st.integers(1, 3)}),
}


@st.composite
def workflows(draw: st.DrawFn) -> dict[str, Any]:
    """The JSON of a workflow of up to six nodes, with branches, merges, lists and nodes that run for each."""
    singles, lists = ["inputs.photo"], ["inputs.photos"]
    nodes: dict[str, Any] = {}
    for index in range(draw(st.integers(1, 6))):
        name = draw(st.sampled_from(SMALL + REAL[:-1] if index < 5 else REAL))
        ports = PORTS.get(name, ("image",))
        takes_list = name in ("pile", "sheet")
        each = [] if takes_list or draw(st.integers(0, 2)) else [draw(st.sampled_from(ports))]
        wires: dict[str, Any] = {
            port: draw(st.sampled_from(lists if port in each else singles)) for port in ports
        }
        if takes_list:
            wires = {
                ports[0]: draw(
                    st.lists(st.sampled_from(singles + lists), min_size=1, max_size=3, unique=True)
                )
            }
        nodes[f"n{index}"] = {
            "operation": f"{name}@1.0.0",
            "each": each,
            "inputs": wires,
            "parameters": draw(PARAMETERS.get(name, st.just({}))),
        }
        if name != "tell":
            (lists if each else singles).append(f"n{index}.result")
    inputs = {"photo": {"type": "Image"}, "photos": {"type": "list[Image]"}}
    return document(nodes, {name.replace("n", "out"): f"{name}.result" for name in nodes}, inputs=inputs)


def picture(size_hw: SizeHW) -> Image:
    return Image(np.full((*size_hw, 3), 0.5, np.float32))


def real_size(value: object) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(real_size(one) for one in value)
    return None if isinstance(value, Report) else value.size_hw  # type: ignore[attr-defined]


def sizes_made(graph: Graph, values: dict[str, object]) -> dict[Source, Any]:
    *_, last = run_graph(graph, values)
    assert isinstance(last, GraphFinished)
    assert last.status == "done", last.failures
    return {graph.outputs[name]: real_size(value) for name, value in last.results.items()}


@given(workflows(), SIZES, st.lists(SIZES, min_size=1, max_size=3))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_predicted_sizes_are_the_real_ones(raw: dict[str, Any], one: SizeHW, several: list[SizeHW]) -> None:
    with small_operations():
        graph = resolve(read_document(raw)).bind({})
        predicted = inferred_sizes(graph, {"photo": one, "photos": several})
        made = sizes_made(graph, {"photo": picture(one), "photos": [picture(size) for size in several]})
    assert {source: predicted[source.node or ""] for source in graph.outputs.values()} == made


def lists_of_trims(left: int) -> Graph:
    """Each picture of a list cut from a column on, then piled; and the first input doubled downwards."""
    nodes = {
        "cut": {**node("crop", "inputs.photos", left=left), "each": ["image"]},
        "all": node("pile", "cut.result"),
        "tall": node("tall"),
    }
    inputs = {"photo": {"type": "Image"}, "photos": {"type": "list[Image]"}}
    outputs = {"all": "all.result", "tall": "tall.result"}
    return resolve(read_document(document(nodes, outputs, inputs=inputs))).bind({})


def test_what_a_size_rule_refuses_takes_with_it_what_comes_after_and_nothing_else() -> None:
    with small_operations():
        graph = lists_of_trims(3)
        some = sized_where_it_can(graph, {"photo": (2, 3), "photos": [(4, 5), (4, 3)]})
        none = sized_where_it_can(graph, {"photo": (2, 3), "photos": [(4, 2), (4, 3)]})
    assert some.sizes_hw == {"cut": ((4, 2), None), "all": (4, 2), "tall": (4, 3)}
    assert none.sizes_hw == {"cut": (None, None), "all": None, "tall": (4, 3)}
    assert [list(one.refusals) for one in (some, none)] == [["cut"], ["cut"]]
    assert not some.is_lost(Source("cut", "result"))
    assert all(none.is_lost(Source(name, "result")) for name in ("cut", "all"))
    assert not none.is_lost(Source("tall", "result"))


def test_two_targets_of_one_node_are_refused_whatever_the_picture_and_a_far_cut_is_not() -> None:
    with small_operations():
        wrong = {"wrong": node("resize", scale=2, width=100)}
        graph = resolve(read_document(document(wrong, {"out": "wrong.result"}))).bind({})
        with pytest.raises(InputError, match="Node wrong: Name the target in exactly one way"):
            refuse_at_any_size(graph)
        refuse_at_any_size(lists_of_trims(100_000))


def test_pictures_that_need_related_sizes_are_not_refused_without_them() -> None:
    halved = {"half": node("resize", "inputs.photo", scale=0.5)}
    compared = {
        "operation": "difference@1.0.0",
        "inputs": {"first": "half.result", "second": "inputs.small"},
    }
    inputs = {"photo": {"type": "Image"}, "small": {"type": "Image"}}
    raw = document({**halved, "compared": compared}, {"out": "compared.result"}, inputs=inputs)
    refuse_at_any_size(resolve(read_document(raw)).bind({}))
