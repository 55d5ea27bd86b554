from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anyres.core.errors import InputError
from anyres.core.image import Image
from anyres.workflow.document import read_document
from anyres.workflow.folder import Plan
from anyres.workflow.graph import Graph, resolve
from anyres.workflow.plan import plan_workflow
from tests.workflow.small_operations import small_operations


@pytest.fixture(autouse=True)
def _small_operations() -> Iterator[None]:
    with small_operations():
        yield


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures, one in a folder below, a text, and a result of an earlier run."""
    (tmp_path / "in/sub").mkdir(parents=True)
    for name in ("a.png", "b.jpg", "a.large.png", "sub/c.png"):
        Image(np.full((4, 6, 3), 0.5, np.float32)).save(tmp_path / "in" / name)
    (tmp_path / "in/notes.txt").write_text("no picture")
    return tmp_path / "in"


def graph(nodes: Mapping[str, Any], outputs: Mapping[str, str], **inputs: str) -> Graph:
    declared = {name: {"type": kind} for name, kind in (inputs or {"photo": "Image"}).items()}
    parts = {"anyres_workflow": 1, "name": "test", "version": "1.0.0", "inputs": declared}
    return resolve(read_document({**parts, "nodes": nodes, "outputs": outputs})).bind({})


@pytest.fixture
def single() -> Graph:
    return graph(
        {"n": {"operation": "trim@1.0.0", "inputs": {"image": "inputs.photo"}}}, {"large": "n.result"}
    )


@pytest.fixture
def mapped() -> Graph:
    nodes = {"n": {"operation": "trim@1.0.0", "each": ["image"], "inputs": {"image": "inputs.photos"}}}
    return graph(nodes, {"all": "n.result"}, photos="list[Image]")


@pytest.fixture
def paired() -> Graph:
    node = {"operation": "beside@1.0.0", "inputs": {"left": "inputs.left", "right": "inputs.right"}}
    return graph({"n": node}, {"both": "n.result"}, left="Image", right="Image")


def plan(of: Graph, output: str | None = None, **inputs: object) -> Plan:
    texts = {
        name: [str(one) for one in (it if isinstance(it, list) else [it])] for name, it in inputs.items()
    }
    return plan_workflow(of, texts, parameters={"scale": 2.0}, output=output)


def test_one_picture_is_one_item_beside_it_under_the_name_of_the_output(single: Graph, folder: Path) -> None:
    (item,) = plan(single, photo=folder / "a.png").items
    assert item.inputs == {"photo": folder / "a.png"}
    assert item.outputs == {"large": folder / "a.large.png"}
    assert item.parameters == {"scale": 2.0}


def test_a_folder_for_one_picture_is_a_batch_that_keeps_places_below(single: Graph, folder: Path) -> None:
    planned = plan(single, "out", photo=folder)
    assert [item.outputs["large"] for item in planned.items] == [
        Path("out/a.large.png"),
        Path("out/b.large.jpg"),
        Path("out/sub/c.large.png"),
    ]
    assert (planned.others, planned.earlier_results) == (1, 1)


def test_a_single_result_can_be_named(single: Graph, folder: Path, tmp_path: Path) -> None:
    (item,) = plan(single, str(tmp_path / "big.webp"), photo=folder / "a.png").items
    assert item.outputs == {"large": tmp_path / "big.webp"}
    with pytest.raises(InputError, match=r"big\.txt"):
        plan(single, str(tmp_path / "big.txt"), photo=folder / "a.png")


def test_a_folder_for_a_list_is_the_list_and_its_results_go_into_the_folder(
    mapped: Graph, folder: Path
) -> None:
    (item,) = plan(mapped, "out", photos=folder).items
    assert item.inputs == {
        "photos": tuple(folder / name for name in ("a.large.png", "a.png", "b.jpg", "sub/c.png"))
    }
    assert item.outputs == {"all": Path("out")}


def test_a_list_of_results_needs_a_folder_named(mapped: Graph, folder: Path) -> None:
    with pytest.raises(InputError, match="-o"):
        plan(mapped, photos=folder)
    with pytest.raises(InputError, match="Name a folder"):
        plan(mapped, "out.png", photos=folder)


def test_one_input_varies_and_the_other_is_the_same_for_all(paired: Graph, folder: Path) -> None:
    planned = plan(paired, left=[folder / "a.png", folder / "b.jpg"], right=folder / "sub/c.png")
    assert [item.inputs for item in planned.items] == [
        {"left": folder / "a.png", "right": folder / "sub/c.png"},
        {"left": folder / "b.jpg", "right": folder / "sub/c.png"},
    ]


def test_two_inputs_that_vary_are_refused(paired: Graph, folder: Path) -> None:
    with pytest.raises(InputError, match="left and right"):
        plan(paired, left=folder, right=folder)


def test_a_missing_or_unknown_input_is_said_with_what_there_is(paired: Graph, folder: Path) -> None:
    with pytest.raises(InputError, match="--input right=PATH"):
        plan(paired, left=folder / "a.png")
    with pytest.raises(InputError, match=r"as middle; it takes left \(Image\), right \(Image\)"):
        plan(paired, middle=folder / "a.png")


def test_a_folder_without_a_picture_is_refused(single: Graph, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no picture for photo"):
        plan(single, photo=tmp_path)


def test_a_report_is_a_json_file(folder: Path) -> None:
    nodes = {"n": {"operation": "tell@1.0.0", "inputs": {"image": "inputs.photo"}}}
    (item,) = plan(graph(nodes, {"told": "n.result"}), photo=folder / "b.jpg").items
    assert item.outputs == {"told": folder / "b.told.json"}


def test_pictures_of_another_place_are_planned_as_those_of_this_machine_are(single: Graph) -> None:
    import fsspec

    files = fsspec.filesystem("memory")
    for name in ("/plan/a.png", "/plan/sub/b.jpg", "/plan/notes.txt"):
        files.pipe(name, b"x")
    planned = plan(single, "memory://results", photo="memory://plan")
    assert [str(item.outputs["large"]) for item in planned.items] == [
        "memory://results/a.large.png",
        "memory://results/sub/b.large.jpg",
    ]
    assert planned.others == 1
