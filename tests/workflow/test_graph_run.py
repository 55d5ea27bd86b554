import threading
from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
import pytest
from pydantic import Field

from anyres.core.errors import InputError
from anyres.core.image import Image, Rows
from anyres.core.sizes import SizeHW
from anyres.operations.operation import OPERATIONS, Progress, operation
from anyres.workflow.document import read_document
from anyres.workflow.events import (
    GraphEvent,
    GraphFinished,
    NodeDone,
    NodeFailed,
    NodeProgress,
    NodeStarted,
)
from anyres.workflow.graph import Graph, graph_of, resolve
from anyres.workflow.graph_run import Cancel, LoadedInput, run_graph
from anyres.workflow.tasks import tasks_of
from tests.workflow.small_operations import declared_inside

RUNS: Counter[str] = Counter()  # of each operation
Amount = Annotated[float, Field(ge=0, le=1)]


def same_size(*sizes_hw: Any) -> SizeHW:
    first = sizes_hw[0]
    return first[0] if isinstance(first[0], tuple) else first


def mean_of(pictures: Any, **how: Any) -> Any:
    return np.mean(pictures, **how)


@pytest.fixture(autouse=True)
def operations() -> Iterator[None]:
    RUNS.clear()
    with declared_inside(declare):
        yield


def declare() -> None:
    @operation(version="1.0.0", size=same_size)
    def dim(image: Image, *, amount: Amount = 0.5) -> Image:
        """Less light; refuses black."""
        RUNS["dim"] += 1
        if not image.pixels.any():
            raise InputError("The image is black already, all 0. Give another one.")
        return Image(image.pixels * np.float32(amount))

    @operation(version="1.0.0", size=same_size)
    def flow(image: Image, *, progress: Progress | None = None) -> Rows:
        """The same row by row."""

        def stripes() -> Iterator[np.ndarray]:
            RUNS["flow"] += 1
            for row in range(image.height):
                yield image.pixels[row : row + 1]
                if progress:
                    progress((row + 1) / image.height)

        return Rows(image.size_hw, False, image.encoding, stripes())

    @operation(version="1.0.0", size=same_size)
    def mean(images: tuple[Image, ...]) -> Image:
        """The mean of pictures."""
        RUNS["mean"] += 1
        return Image(mean_of([image.pixels for image in images], axis=0, dtype=np.float32))


def graph(nodes: dict[str, Any], outputs: dict[str, str], photos: str = "Image") -> Graph:
    document = {
        "anyres_workflow": 1,
        "name": "small",
        "version": "1.0.0",
        "inputs": {"photo": {"type": photos}},
    }
    return resolve(read_document({**document, "nodes": nodes, "outputs": outputs})).bind({})


def node(name: str, image: Any = "inputs.photo", *, each: bool = False, **parameters: Any) -> dict[str, Any]:
    port = "images" if name == "mean" else "image"
    made = {"operation": f"{name}@1.0.0", "inputs": {port: image}, "parameters": parameters}
    return {**made, "each": [port]} if each else made


def photo(value: float = 0.5) -> Image:
    return Image(np.linspace(0, value, 4 * 6 * 3, dtype=np.float32).reshape(4, 6, 3))


def events_of(made: Graph, inputs: Any, **options: Any) -> tuple[list[GraphEvent], GraphFinished]:
    *events, finished = run_graph(made, {"photo": inputs}, **options)
    assert isinstance(finished, GraphFinished)
    return events, finished


BRANCHES = {
    "one": node("dim", amount=0.2),
    "two": node("flow"),
    "three": node("dim", "two.result", amount=0.9),
    "all": node("mean", ["one.result", "two.result", "three.result"]),
}


def test_the_events_tell_the_whole_run() -> None:
    events, finished = events_of(
        graph({"a": node("dim"), "b": node("flow", "a.result")}, {"end": "b.result"}), photo()
    )
    assert [(type(one), one.node) for one in events if not isinstance(one, NodeProgress | GraphFinished)] == [
        (NodeStarted, "a"),
        (NodeDone, "a"),
        (NodeStarted, "b"),
        (NodeDone, "b"),
    ]
    progress = [one for one in events if isinstance(one, NodeProgress)]
    assert [(one.node, one.unit) for one in progress] == [("b", "megapixels")] * 4
    assert progress[-1].done == progress[-1].total == 24e-6
    assert finished.status == "done"
    result = finished.results["end"]
    assert isinstance(result, Image)
    np.testing.assert_array_equal(result.pixels, photo().pixels / 2)


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_parallel_branches_give_what_they_give_one_after_the_other(workers: int) -> None:
    made = graph(BRANCHES, {"end": "all.result"})
    _, finished = events_of(made, photo(), workers=workers)
    pixels = photo().pixels
    expected = np.mean([pixels * np.float32(0.2), pixels, pixels * np.float32(0.9)], axis=0, dtype=np.float32)
    result = finished.results["end"]
    assert isinstance(result, Image)
    np.testing.assert_array_equal(result.pixels, expected)


def test_nothing_of_an_unused_branch_runs() -> None:
    events, _ = events_of(graph(BRANCHES, {"end": "one.result"}), photo())
    assert {one.node for one in events if isinstance(one, NodeStarted)} == {"one"}
    assert RUNS == {"dim": 1}


def test_one_broken_branch_of_three_leaves_the_others() -> None:
    nodes = {
        "black": node("dim", amount=0.0),
        "broken": node("dim", "black.result"),
        "after": node("flow", "broken.result"),
        "two": node("flow"),
        "three": node("dim"),
    }
    outputs = {"a": "after.result", "b": "two.result", "c": "three.result"}
    _, finished = events_of(graph(nodes, outputs), photo())
    assert finished.status == "partial"
    assert set(finished.results) == {"b", "c"}
    broken, after = finished.failures
    assert (broken.node, broken.port, broken.value) == ("broken", "image", "Image 6x4")
    assert (broken.cause, broken.way_out) == ("The image is black already, all 0.", "Give another one.")
    assert broken.exit_code == 2
    assert (after.node, after.port) == ("after", "image")
    assert "node broken has no result" in after.reason
    assert RUNS["flow"] == 1


def test_a_fault_of_ours_is_a_failure_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(image: Image, amount: float) -> Image:
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr(OPERATIONS["dim"], "function", broken)
    _, finished = events_of(graph({"a": node("dim")}, {"end": "a.result"}), photo())
    assert finished.status == "failed"
    assert "ZeroDivisionError: a fault" in finished.failures[0].cause
    assert finished.failures[0].exit_code == 1


def test_a_bad_element_of_a_list_leaves_the_good_ones() -> None:
    nodes = {
        "each": node("dim", each=True),
        "again": node("flow", "each.result", each=True),
        "all": node("mean", "again.result"),
    }
    made = graph(nodes, {"list": "again.result", "end": "all.result"}, "list[Image]")
    black = Image(np.zeros((4, 6, 3), np.float32))
    _, finished = events_of(made, [photo(0.2), black, photo(0.6)])
    assert finished.status == "partial"
    assert [(one.node, one.element) for one in finished.failures] == [("each", 1), ("again", 1)]
    listed = finished.results["list"]
    assert isinstance(listed, tuple)
    first, second = listed
    np.testing.assert_array_equal(second.pixels, photo(0.6).pixels / 2)
    result = finished.results["end"]
    assert isinstance(result, Image)
    np.testing.assert_allclose(result.pixels, (first.pixels + second.pixels) / 2, atol=1e-7)


def test_rows_stream_into_the_sink_and_equal_those_collected() -> None:
    made = graph({"a": node("flow")}, {"end": "a.result"})
    seen: list[Any] = []

    def sink(name: str, element: int | None, value: object) -> str:
        assert isinstance(value, Rows)
        seen.append((name, element, value.collect()))
        return "written"

    _, streamed = events_of(made, photo(), sink=sink)
    _, collected = events_of(made, photo())
    ((name, element, image),) = seen
    assert (name, element, streamed.results) == ("end", None, {"end": "written"})
    assert isinstance(collected.results["end"], Image)
    np.testing.assert_array_equal(image.pixels, collected.results["end"].pixels)


def test_a_sink_that_fails_is_named_with_its_output() -> None:
    def sink(name: str, element: int | None, value: object) -> None:
        raise InputError("No place here. Choose another folder.")

    _, finished = events_of(graph({"a": node("flow")}, {"end": "a.result"}), photo(), sink=sink)
    (failed,) = finished.failures
    assert (failed.port, failed.value, failed.way_out) == ("result", "end", "Choose another folder.")


def test_an_input_is_read_when_it_is_needed_and_a_bad_one_is_a_failure_of_its_own() -> None:
    def bad() -> Image:
        raise InputError("b.png is not a picture. Name another one.")

    made = graph({"each": node("dim", each=True)}, {"list": "each.result"}, "list[Image]")
    files = [LoadedInput(photo, "a" * 64, "a.png"), LoadedInput(bad, "b" * 64, "b.png")]
    events, finished = events_of(made, files)
    assert len(finished.results["list"]) == 1  # type: ignore[arg-type]
    assert [one.node for one in events if isinstance(one, NodeFailed)] == ["inputs.photo", "each"]


def test_a_chain_whose_progress_is_told_runs_in_the_thread_of_the_caller() -> None:
    threads: set[int] = set()
    told: list[NodeProgress] = []

    def note(progress: NodeProgress) -> None:
        threads.add(threading.get_ident())
        told.append(progress)

    made = graph({"a": node("flow")}, {"end": "a.result"})
    events, _ = events_of(made, photo(), on_progress=note)
    assert threads == {threading.get_ident()}
    assert [one.done for one in told] == pytest.approx([6e-6, 12e-6, 18e-6, 24e-6])
    assert not [one for one in events if isinstance(one, NodeProgress)]


def test_values_are_let_go_of_when_nobody_takes_them_any_more() -> None:
    from anyres.workflow import graph_run as subject

    held: list[int] = []
    nodes = {
        f"n{index}": node("dim", "inputs.photo" if not index else f"n{index - 1}.result", amount=1)
        for index in range(6)
    }
    made = graph(nodes, {"end": "n5.result"})
    run = subject._Run(made, {"photo": [photo()]}, tasks_of(made, {}), None, Cancel())
    for _ in run.events(None, 1, lambda progress: None):
        held.append(len(run.values))
    assert max(held) <= 2
    assert held[-1] == 0


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, "needs the input image"),
        ({"image": photo(), "other": photo()}, "has no input other"),
        ({"image": "a.png"}, "takes Image; str was given"),
    ],
)
def test_wrong_inputs_are_refused_at_once(inputs: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        run_graph(graph_of(OPERATIONS["dim"], {}), inputs)


def test_what_ends_a_thread_ends_the_run() -> None:
    nodes = {
        name: {"operation": "dim@1.0.0", "inputs": {"image": "inputs.photo"}}
        for name in ("one", "two", "three")
    }
    document = {
        "anyres_workflow": 1,
        "name": "three",
        "version": "1.0.0",
        "inputs": {"photo": {"type": "Image"}},
        "nodes": nodes,
        "outputs": {name: f"{name}.result" for name in nodes},
    }

    def sink(name: str, element: int | None, value: object) -> object:
        raise SystemExit(3)

    picture = Image(np.full((4, 4, 3), 0.5, np.float32))
    with pytest.raises(SystemExit):
        list(run_graph(resolve(read_document(document)).bind({}), {"photo": picture}, sink=sink))
