import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from typing import Any

import pytest

from anyres.core.errors import InputError
from anyres.workflow.document import read_document
from anyres.workflow.draw import mermaid, svg
from anyres.workflow.finding import example_names, find_workflow
from anyres.workflow.graph import Graph, resolve
from anyres.workflow.layout import Box, Link, laid_out
from anyres.workflow.sketch import graph_to_draw
from tests.workflow.small_operations import document, node, small_operations
from tools.workflow_pages import FOLDER, pages

SPACE = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def operations() -> Iterator[None]:
    with small_operations():
        yield


def branched(**more: Any) -> Graph:
    nodes = {
        "cuts": node("trim", "inputs.photos") | {"each": ["image"]},
        "pile": node("pile", ["cuts.result"]),
        "tall": node("tall", times={"from": "inputs.times"}),
        "beside": {"operation": "beside@1.0.0", "inputs": {"left": "pile.result", "right": "tall.result"}},
    }
    inputs = {"photo": {"type": "Image"}, "photos": {"type": "list[Image]"}, "times": {"type": "integer"}}
    return resolve(read_document(document(nodes, {"out": "beside.result"}, inputs=inputs, **more)))


def drawn(graph: Graph) -> tuple[list[str], ElementTree.Element]:
    root = ElementTree.fromstring(svg(graph))
    return [text.text or "" for text in root.iter(f"{SPACE}text")], root


def test_every_node_input_and_output_is_drawn() -> None:
    texts, root = drawn(branched())
    assert {"photo", "photos", "cuts", "pile", "tall", "beside", "out"} <= set(texts)
    assert {"trim@1.0.0 · each", "times = inputs.times", "> left", "> right", "list[Image]"} <= set(texts)
    assert len(root.findall(f"{SPACE}path")) == 6


def test_lists_are_drawn_otherwise_than_single_pictures() -> None:
    _, root = drawn(branched())
    classes = [path.get("class") for path in root.findall(f"{SPACE}path")]
    assert classes.count("wire list") == 2


def test_boxes_do_not_lie_on_each_other_and_stay_on_the_paper() -> None:
    _, root = drawn(branched())
    boxes = [
        [float(rect.get(side) or 0) for side in ("x", "y", "width", "height")]
        for rect in root.findall(f"{SPACE}rect")
        if rect.get("class") != "paper"
    ]
    assert len(boxes) == 7
    for index, (x, y, width, height) in enumerate(boxes):
        assert 0 <= x <= x + width <= float(root.get("width") or 0)
        assert 0 <= y <= y + height <= float(root.get("height") or 0)
        for left, top, other_width, other_height in boxes[:index]:
            assert (
                x + width <= left or left + other_width <= x or y + height <= top or top + other_height <= y
            )


def test_a_box_stands_to_the_right_of_all_that_lead_to_it() -> None:
    boxes = [Box(name, 50.0, 30.0) for name in "abcd"]
    links = [Link("a", "b", 15.0), Link("b", "c", 15.0), Link("a", "c", 15.0), Link("a", "d", 15.0)]
    layout = laid_out(boxes, links)
    left = {name: corner[0] for name, corner in layout.corners.items()}
    assert left["a"] < left["b"] < left["c"]
    assert left["d"] == left["b"]


def test_a_wire_goes_past_the_boxes_between_its_ends() -> None:
    boxes = [Box(name, 50.0, 30.0) for name in "abc"]
    layout = laid_out(boxes, [Link("a", "b", 15.0), Link("b", "c", 15.0), Link("a", "c", 15.0)])
    left, top = layout.corners["b"]
    passing = [(x, y) for x, y in layout.ways[2] if left <= x <= left + 50]
    assert len(passing) == 2
    assert all(not top <= y <= top + 30 for _, y in passing)


def test_text_in_a_drawing_is_never_markup() -> None:
    evil = '<script>alert("1")</script>&\x00'
    graph = branched(title=evil)
    root = ElementTree.fromstring(svg(graph))
    assert root.findtext(f"{SPACE}title") == evil.rstrip("\x00")
    nodes = {"up": node("upscale", model="a" * 60)}
    assert "model = aaa" in svg(resolve(read_document(document(nodes, {"out": "up.result"}))))
    labels = {
        "s": {
            "operation": "sheet@1.0.0",
            "inputs": {"images": "inputs.photo"},
            "parameters": {"labels": [evil[:8]]},
        }
    }
    text = mermaid(resolve(read_document(document(labels, {"out": "s.result"}))))
    assert "labels = #60;script#62;" in text
    assert "<script" not in text


def test_mermaid_has_each_wire_with_its_port() -> None:
    lines = mermaid(branched()).splitlines()
    assert lines[0] == "flowchart LR"
    assert sum("==>" in line for line in lines) == 2
    assert sum("-->|left|" in line for line in lines) == 1
    assert sum("-->" in line for line in lines) == 4


@pytest.mark.parametrize("name", example_names())
def test_the_same_example_is_drawn_the_same_again(name: str) -> None:
    graph = resolve(find_workflow(name))
    assert svg(graph) == svg(graph)


def test_the_drawings_in_the_docs_are_those_of_the_examples() -> None:
    found = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert found == pages(), "stale: run python tools/workflow_pages.py"


def test_an_operation_that_is_not_here_is_drawn_as_a_name_among_those_that_are() -> None:
    nodes = {"first": node("trim"), "second": node("sharpen", "first.result", amount=2)}
    graph, reason = graph_to_draw(read_document(document(nodes, {"out": "second.result"})))
    texts, root = drawn(graph)
    assert {"trim@1.0.0", "sharpen@1.0.0 (not here)", "amount = 2", "?"} <= set(texts)
    assert len(root.findall(f"{SPACE}path")) == 3
    assert reason is not None
    assert "no operation sharpen" in reason


def test_a_document_that_is_wrong_otherwise_is_not_drawn() -> None:
    nodes = {"first": node("sharpen"), "second": node("trim", "third.result")}
    for wrong in (nodes, {"first": node("trim") | {"inputs": {}}}):
        with pytest.raises(InputError):
            graph_to_draw(read_document(document(wrong, {"out": "first.result"})))
