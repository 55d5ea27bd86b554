from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anyres.core.image import Image, Rows
from anyres.core.sizes import SizeHW
from anyres.operations.operation import OPERATIONS, Operation, Progress, operation
from anyres.workflow.cache import Cache
from anyres.workflow.document import read_document
from anyres.workflow.events import BatchFinished, GraphFinished, NodeProgress, NodeStarted
from anyres.workflow.graph import graph_of, resolve
from anyres.workflow.graph_run import Cancel, run_graph
from anyres.workflow.items import Item
from anyres.workflow.names import RESULT
from anyres.workflow.run import run_batch

STEPS: list[float] = []


def same_size(size_hw: SizeHW) -> SizeHW:
    return size_hw


@pytest.fixture(autouse=True)
def slow() -> Iterator[Operation[..., Any]]:
    STEPS.clear()

    @operation(version="1.0.0", size=same_size)
    def slow(image: Image, *, progress: Progress | None = None) -> Rows:
        """A hundred steps, one a row."""

        def stripes() -> Iterator[np.ndarray]:
            for row in range(image.height):
                STEPS.append(row)
                if progress:
                    progress((row + 1) / image.height)
                yield image.pixels[row : row + 1]

        return Rows(image.size_hw, False, image.encoding, stripes())

    yield slow
    del OPERATIONS["slow"]


PICTURE = Image(np.zeros((100, 2, 3), np.float32))


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize("is_inline", [False, True])
def test_cancel_ends_a_long_node_within_one_step_and_leaves_no_half_entry(
    tmp_path: Path, slow: Operation[..., Any], is_streamed: bool, is_inline: bool
) -> None:
    cancel, cache = Cancel(), Cache(tmp_path / "cache")
    steps_when_asked: list[int] = []

    def after_some(progress: NodeProgress) -> None:
        if progress.done >= progress.total / 10 and not cancel.is_set():
            cancel.set()
            steps_when_asked.append(len(STEPS))

    def consume(name: str, element: int | None, value: object) -> object:
        assert isinstance(value, Rows)
        return value.collect()

    sink = consume if is_streamed else None
    events = run_graph(
        graph_of(slow, {}),
        {"image": PICTURE},
        cache=cache,
        cancel=cancel,
        sink=sink,
        on_progress=after_some,
        workers=1 if is_inline else 2,
    )
    *_, finished = events
    assert isinstance(finished, GraphFinished)
    assert (finished.status, finished.results, finished.failures) == ("cancelled", {}, ())
    assert steps_when_asked == [10]
    assert len(STEPS) <= 11
    assert list(cache.folder.iterdir()) == []


def test_what_was_done_before_the_cancel_is_kept(tmp_path: Path) -> None:
    node = {"operation": "slow@1.0.0", "inputs": {"image": "inputs.photo"}}
    document = {
        "anyres_workflow": 1,
        "name": "two",
        "version": "1.0.0",
        "inputs": {"photo": {"type": "Image"}},
        "nodes": {"a": node, "b": {**node, "inputs": {"image": "a.result"}}},
        "outputs": {"first": "a.result", "second": "b.result"},
    }
    cancel, cache = Cancel(), Cache(tmp_path / "cache")
    graph = resolve(read_document(document)).bind({})
    finished = None
    for event in run_graph(graph, {"photo": PICTURE}, cache=cache, cancel=cancel):
        if isinstance(event, NodeStarted) and event.node == "b":
            cancel.set()
        finished = event
    assert isinstance(finished, GraphFinished)
    assert finished.status == "cancelled"
    assert set(finished.results) == {"first"}
    assert len(list(cache.folder.iterdir())) == 1


def test_closing_the_events_stops_the_run(slow: Operation[..., Any]) -> None:
    events = run_graph(graph_of(slow, {}), {"image": PICTURE})
    assert isinstance(next(events), NodeStarted)
    events.close()  # type: ignore[attr-defined]
    count = len(STEPS)
    assert count < 100
    assert len(STEPS) == count


def test_a_cancel_before_the_start_runs_nothing(slow: Operation[..., Any]) -> None:
    cancel = Cancel()
    cancel.set()
    (finished,) = run_graph(graph_of(slow, {}), {"image": PICTURE}, cancel=cancel)
    assert isinstance(finished, GraphFinished)
    assert finished.status == "cancelled"
    assert STEPS == []


def test_a_cancelled_batch_leaves_neither_the_item_in_work_nor_those_behind_it(
    tmp_path: Path, slow: Operation[..., Any]
) -> None:
    cancel, places = Cancel(), [tmp_path / f"{name}.png" for name in "abc"]
    for place in places:
        PICTURE.save(place)
    items = [Item({"image": one}, {RESULT: tmp_path / "made" / one.name}) for one in places]

    def in_the_second(item: Item, fraction: float) -> None:
        if item is items[1] and fraction > 0.3:
            cancel.set()

    *_, finished = run_batch(slow, items, on_progress=in_the_second, cancel=cancel)
    assert isinstance(finished, BatchFinished)
    assert [event.item for event in finished.done] == items[:1]
    assert not finished.failed
    left = [path.name for path in (tmp_path / "made").iterdir() if path.suffix == ".png"]
    assert left == ["a.png"]
