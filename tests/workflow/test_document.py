import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from anyres.core.errors import InputError
from anyres.operations.operation import OPERATIONS
from anyres.operations.resize import resize
from anyres.operations.upscale import upscale
from anyres.workflow.document import (
    ParameterFrom,
    document_of,
    document_text,
    graph_sha256,
    read_document,
    self_contained,
)
from anyres.workflow.finding import FOLDER_VARIABLE, find_workflow, workflow_paths
from anyres.workflow.migrations import FORMAT
from anyres.workflow.names import Source
from tests.workflow.small_operations import document, node, small_operations

FORMATS = Path(__file__).parent / "formats"


@pytest.fixture(autouse=True)
def operations() -> Iterator[None]:
    with small_operations():
        yield


def a_document(**more: Any) -> dict[str, Any]:
    nodes = {
        "first": node("tall@1.0.0", times={"from": "inputs.times"}) | {"ui": {"x": 1.5}},
        "second": node("pile", ["first.result", "inputs.photo"]),
        "inner": {"workflow": "half@1.0.0", "inputs": {"photo": "second.result"}, "parameters": {"most": 3}},
    }
    inputs = {
        "photo": {"type": "Image", "description": "Of anything."},
        "times": {"type": "integer", "default": 2, "minimum": 1, "maximum": 5},
    }
    half = document(
        {"cut": node("trim", most={"from": "inputs.most"})},
        {"corner": "cut.result"},
        name="half",
        inputs={"photo": {"type": "Image"}, "most": {"type": "integer"}},
    )
    return document(nodes, {"corner": "inner.corner"}, inputs=inputs, workflows={"half": half}, **more)


def test_a_document_says_nodes_wires_and_parameters() -> None:
    read = read_document(a_document())
    assert read.nodes["first"].operation == "tall@1.0.0"
    assert read.nodes["first"].parameters == {"times": ParameterFrom("times")}
    assert read.nodes["second"].inputs == {"images": (Source("first", "result"), Source(None, "photo"))}
    assert read.outputs == {"corner": Source("inner", "corner")}
    assert read.inputs["times"].maximum == 5


def test_a_document_comes_from_a_file_text_bytes_or_a_mapping_alike(tmp_path: Path) -> None:
    text = json.dumps(a_document())
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    expected = read_document(a_document())
    assert (
        read_document(text) == read_document(text.encode()) == read_document(tmp_path / "a.json") == expected
    )


def test_reading_what_was_written_changes_nothing() -> None:
    read = read_document(a_document(title="Größe ×2", description="", ui={"zoom": 0.5, "notes": ["a", None]}))
    text = document_text(read)
    assert read_document(text) == read
    assert document_text(read_document(text)) == text
    assert "Größe ×2" in text
    assert text.endswith("}\n")


def test_a_node_of_an_operation_unknown_here_keeps_all_that_it_holds() -> None:
    strange = {
        "operation": "dream@9.1.0",
        "each": ["frames"],
        "inputs": {"frames": ["inputs.photo", "other.result"], "mask": "other.alpha"},
        "parameters": {
            "depth": {"near": [1, 2.5, None], "far": {}},
            "mode": "deep",
            "seed": {"from": "inputs.n"},
        },
        "ui": {"x": 10, "colour": "#fff"},
    }
    given = document({"dream": strange}, {"dreamt": "dream.result"})
    assert json.loads(document_text(read_document(given)))["nodes"]["dream"] == strange


@pytest.mark.parametrize("path", sorted(FORMATS.glob("*.json")), ids=lambda path: path.stem)
def test_documents_of_every_format_that_there_was_are_read(path: Path) -> None:
    assert read_document(path) == read_document(FORMATS / f"{FORMAT}.json")


def test_there_is_a_document_of_every_format() -> None:
    assert {path.stem for path in FORMATS.glob("*.json")} == {str(number) for number in range(FORMAT + 1)}


def test_a_documents_hash_is_of_what_is_computed() -> None:
    read = read_document(a_document())
    same = a_document(name="other", version="2.0.0", title="T", description="D", ui={"zoom": 2})
    same["inputs"] = {name: same["inputs"][name] for name in ("times", "photo")}
    same["inputs"]["photo"] = {"type": "Image", "description": "Another."}
    same["nodes"]["first"]["ui"] = {"x": 9}
    same["workflows"]["half"]["title"] = "T"
    assert graph_sha256(read_document(same)) == graph_sha256(read)


def test_equal_numbers_have_an_equal_hash() -> None:
    hashes = {
        graph_sha256(read_document(document({"a": node("tall", times=times)}, {"a": "a.result"})))
        for times in (2, 2.0)
    }
    assert len(hashes) == 1


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("nodes", "first", "operation"), "tall@1.1.0"),
        (("nodes", "first", "parameters", "times"), 3),
        (("nodes", "second", "inputs", "images"), ["inputs.photo", "first.result"]),
        (("nodes", "inner", "parameters", "most"), 4),
        (("inputs", "times", "default"), 3),
        (("outputs", "corner"), "second.result"),
        (("workflows", "half", "nodes", "cut", "parameters", "most"), 2),
    ],
)
def test_a_change_of_what_is_computed_changes_the_hash(path: tuple[str, ...], value: object) -> None:
    changed = a_document()
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    assert graph_sha256(read_document(changed)) != graph_sha256(read_document(a_document()))


def test_the_hash_sees_into_the_workflows_of_the_users_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    raw = a_document()
    half = raw["workflows"].pop("half")
    outer = read_document(raw)
    hashes = []
    for most in (3, 30):
        half["nodes"]["cut"]["parameters"] = {"most": most}
        (tmp_path / "half.json").write_text(json.dumps(half), encoding="utf-8")
        hashes.append(graph_sha256(outer))
    assert hashes[0] != hashes[1]


def test_a_self_contained_document_needs_no_folder_and_no_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    raw = a_document()
    half = raw["workflows"].pop("half")
    (tmp_path / "half.json").write_text(json.dumps(half), encoding="utf-8")
    outer = read_document(raw)
    whole = self_contained(outer, {"times": 4})
    assert whole.workflows == {"half": read_document(half)}
    assert whole.inputs["times"].default == 4
    assert graph_sha256(self_contained(outer, {})) == graph_sha256(outer)


def test_the_document_of_one_operation_leaves_out_its_defaults() -> None:
    made = document_of(upscale, {"scale": (2.0, 1.5), "fit": "inside", "model": "liif-compact"})
    assert made.nodes["upscale"].parameters == {"scale": [2.0, 1.5]}
    assert made == document_of(upscale, {"scale": "1.5x2"})
    assert read_document(document_text(made)) == made


def test_the_scale_that_is_meant_where_none_is_named_is_left_out() -> None:
    meant: list[dict[str, Any]] = [
        {"scale": 2},
        {"scale": "2"},
        {"scale": (2, 2)},
        {"scale": 2.0, "fit": "inside"},
    ]
    others: list[dict[str, Any]] = [
        {"scale": 2.5},
        {"scale": (2, 3)},
        {"scale": 2, "longest": 9},
        {"longest": 2},
    ]
    for named in meant:
        assert document_of(upscale, named) == document_of(upscale, {})
    for named in others:
        assert set(document_of(upscale, named).nodes["upscale"].parameters) == set(named)


def test_a_scale_of_an_operation_without_one_that_is_meant_is_kept() -> None:
    assert document_of(resize, {"scale": 2}).nodes["resize"].parameters == {"scale": 2}


def test_the_inputs_of_the_document_of_one_operation_are_its_ports() -> None:
    made = document_of(OPERATIONS["pile"], {})
    assert made.inputs["images"].type == "list[Image]"
    assert made.outputs == {"result": Source("pile", "result")}


def test_the_users_workflows_are_found_by_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    (tmp_path / "mine.json").write_text(json.dumps(a_document()), encoding="utf-8")
    assert find_workflow("mine") == read_document(a_document())
    assert workflow_paths()["mine"] == tmp_path / "mine.json"


@pytest.mark.parametrize("name", ["../mine", "/etc/passwd", "mine.json", "Mine", ""])
def test_a_path_is_no_name_of_a_workflow(name: str) -> None:
    with pytest.raises(InputError, match="is no name: a name is of a-z, 0-9"):
        find_workflow(name)


def test_a_workflow_that_is_not_there_is_refused_with_those_that_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    (tmp_path / "mine.json").write_text(json.dumps(a_document()), encoding="utf-8")
    with pytest.raises(InputError, match=r"no workflow 'yours'; there are: .*mine, .*\. Put yours into"):
        find_workflow("yours")


def test_a_default_of_no_letters_is_written_and_read_again() -> None:
    raw = {
        "anyres_workflow": 1,
        "name": "named",
        "version": "1.0.0",
        "inputs": {"label": {"type": "text", "default": ""}},
        "nodes": {},
        "outputs": {},
    }
    document = read_document(raw)
    assert read_document(document_text(document)).inputs["label"].default == ""
