"""What one item of a workflow is refused for before the work, by the words of the check; and what is not."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anyres.core.errors import LimitError
from anyres.core.files import Limits, read_header
from anyres.core.image import Image
from anyres.operations.resize import resize
from anyres.workflow import making
from anyres.workflow.document import read_document
from anyres.workflow.events import BatchFinished
from anyres.workflow.graph import Graph, resolve
from anyres.workflow.items import Item
from anyres.workflow.journal import JOURNAL_NAME
from anyres.workflow.preflight import preflight
from anyres.workflow.provenance import beside
from anyres.workflow.run import run_batch
from tests.workflow.batches import files_in


def resized(source: str, **parameters: Any) -> dict[str, Any]:
    return {"operation": "resize@1.0.0", "inputs": {"image": source}, "parameters": parameters}


def cut(left: int) -> dict[str, Any]:
    return {"operation": "crop@1.0.0", "inputs": {"image": "inputs.photo"}, "parameters": {"left": left}}


def graph(nodes: dict[str, Any], **outputs: str) -> Graph:
    inputs = {"photo": {"type": "Image"}, "scale": {"type": "number", "default": 2}}
    head = {"anyres_workflow": 1, "name": "test", "version": "1.0.0", "inputs": inputs}
    return resolve(read_document({**head, "nodes": nodes, "outputs": outputs}))


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image(np.full((10, 20, 3), 0.5, np.float32)).save(path)
    return path


@pytest.fixture
def twice() -> Graph:
    nodes = {
        "first": resized("inputs.photo", scale={"from": "inputs.scale"}),
        "second": resized("first.result", scale=3),
    }
    return graph(nodes, large="second.result")


def run(workflow: Any, item: Item, **options: Any) -> BatchFinished:
    *_, finished = run_batch(workflow, [item], **options)
    assert isinstance(finished, BatchFinished)
    return finished


def refuse_to_run(*_: object, **__: object) -> None:
    pytest.fail("the graph ran")


def test_memory_that_would_not_do_is_refused_before_the_work_as_the_check_refuses_it(
    twice: Graph, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "free_machine_bytes", lambda: 100_000)
    monkeypatch.setattr(making, "run_graph", refuse_to_run)
    item = Item({"photo": photo}, {"large": tmp_path / "out" / "large.png"}, {"scale": 9})
    (failed,) = run(twice, item).failed
    with pytest.raises(LimitError) as refused:
        bound = twice.bind({"scale": 9})
        preflight(bound, {"photo": (10, 20)}, free_memory_bytes=100_000, free_disk_bytes=10**15, times={})
    assert (failed.reason, failed.exit_code) == (str(refused.value), 3)
    assert files_in(tmp_path / "out") == []


def test_one_operation_alone_needs_no_memory_for_its_result(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "free_machine_bytes", lambda: 0)
    item = Item({"image": photo}, {"result": tmp_path / "large.png"}, {"scale": 9})
    assert len(run(resize, item).done) == 1


def test_the_scale_that_is_named_for_a_format_reckons_with_the_whole_workflow(
    twice: Graph, tmp_path: Path
) -> None:
    long = tmp_path / "long.png"
    Image(np.full((1, 2000, 3), 0.5, np.float32)).save(long)
    outputs: dict[str, Any] = {"large": tmp_path / "out.webp"}
    (failed,) = run(twice, Item({"photo": long}, outputs, {"scale": 4})).failed
    assert failed.exit_code == 3
    assert "24000x12 pixels cannot be written as .webp" in failed.reason
    assert "The largest scale that fits is 2.73 (16380x9)" in failed.reason
    assert len(run(twice, Item({"photo": long}, outputs, {"scale": 2.73})).done) == 1


def test_a_format_is_no_reason_to_name_a_scale_to_an_operation_without_one(
    photo: Path, tmp_path: Path
) -> None:
    from anyres.operations.pad import pad

    item = Item({"image": photo}, {"result": tmp_path / "out.webp"}, {"left": 16_383})
    (failed,) = run(pad, item).failed
    assert "Ask for a smaller result; .tif and .png hold more." in failed.reason
    assert "scale" not in failed.reason


def test_a_picture_over_the_limit_is_refused_as_such_and_not_by_its_memory(
    twice: Graph, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "free_machine_bytes", lambda: 0)
    item = Item({"photo": photo}, {"large": tmp_path / "large.png"}, {"scale": 2})
    (failed,) = run(twice, item, limits=Limits(max_megapixels=1e-6)).failed
    assert "--max-megapixels" in failed.reason


def test_a_branch_that_is_broken_leaves_the_other_outputs_and_is_listed(photo: Path, tmp_path: Path) -> None:
    nodes = {"left": cut(5), "right": cut(15), "beyond": cut(500)}
    workflow = graph(nodes, left="left.result", right="right.result", beyond="beyond.result")
    outputs: dict[str, Any] = {name: tmp_path / "out" / f"{name}.png" for name in nodes}
    (failed,) = run(workflow, Item({"photo": photo}, outputs, {"scale": 2})).failed
    assert failed.exit_code == 2
    assert "Node beyond" in failed.reason
    assert "does not lie within the picture" in failed.reason
    assert [read_header(outputs[name]).size_hw for name in ("left", "right")] == [(10, 15), (10, 5)]
    assert files_in(tmp_path / "out") == [JOURNAL_NAME, "left.png", "right.png"]


def test_a_record_that_was_removed_is_written_again_and_nothing_is_made_again(
    twice: Graph, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = tmp_path / "out" / "large.png"
    item = Item({"photo": photo}, {"large": large}, {"scale": 2})
    assert len(run(twice, item, is_record_beside=True).done) == 1
    record = json.loads(beside(large).read_text())
    beside(large).unlink()
    monkeypatch.setattr(making, "run_graph", refuse_to_run)
    assert len(run(twice, item, is_record_beside=True).skipped) == 1
    assert json.loads(beside(large).read_text()) == record
    assert files_in(tmp_path / "out") == [JOURNAL_NAME, "large.png", "large.png.anyres.json"]
