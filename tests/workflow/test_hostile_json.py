"""Files and JSON that mean harm, or are mistakes: each is refused by one sentence that says where."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from anyres.core.errors import InputError
from anyres.workflow.document import MAX_NODES, read_document
from anyres.workflow.finding import FOLDER_VARIABLE
from anyres.workflow.json_text import MAX_BYTES
from anyres.workflow.migrations import FORMAT
from tests.workflow.small_operations import document, node, small_operations


@pytest.fixture(autouse=True)
def operations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    with small_operations():
        yield


def one(raw: object, **more: Any) -> dict[str, Any]:
    return document({"a": raw}, {"out": "a.result"}, **more)


def text_with(value: str) -> str:
    """A document in whose parameter the text of a JSON value stands."""
    return json.dumps(one(node("tall", times="HERE"))).replace('"HERE"', value)


UNREADABLE: dict[str, tuple[str | bytes, str]] = {
    "no JSON": ("{'anyres_workflow': 1}", "is not JSON: .* at line 1, column 2"),
    "cut off": (text_with("2")[:-9], "is not JSON"),
    "empty": ("", "is not JSON"),
    "a list": ("[]", r"is a JSON object; \[\] was given"),
    "no UTF-8": (b'{"anyres_workflow": "\xff"}', "is not text in UTF-8: byte 21 is not"),
    "NaN": (text_with("NaN"), "NaN is no number of JSON"),
    "infinity": (text_with("-Infinity"), "-Infinity is no number of JSON"),
    "a number beyond floats": (text_with("1e999"), "1e999 is beyond what a number holds"),
    "an endless integer": (text_with("9" * 5000), "has 5000 digits; a whole number has 15 at most"),
    "half a letter": (text_with('"\\ud800"'), "lone surrogate.* stands at nodes.a.parameters.times"),
    "nesting of 10,000 lists": (text_with("[" * 10_000 + "]" * 10_000), "nested deeper than 64 levels"),
    "nesting of 10,000 objects": (text_with('{"a":' * 10_000 + "1" + "}" * 10_000), "nested deeper than 64"),
    "nesting of 65": (
        text_with("[" * 65 + "]" * 65),
        r"nested deeper than 64 levels at nodes\.a\.parameters",
    ),
    "too long": (" " * (MAX_BYTES + 1), f"has {MAX_BYTES + 1} bytes; {MAX_BYTES} are the most"),
    "a key twice": (
        '{"anyres_workflow": 1, "nodes": {"a": {"inputs": {"image": "b.result", "image": "c.result"}}}}',
        "'image' is there twice in one object",
    ),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_honest_json_is_refused(name: str) -> None:
    content, message = UNREADABLE[name]
    with pytest.raises(InputError, match=message):
        read_document(content)


@pytest.mark.parametrize("value", [math.nan, math.inf, object(), {1: 2}, "\ud800", b"bytes"])
def test_a_mapping_holds_only_what_json_can(value: object) -> None:
    with pytest.raises(InputError, match=r"nodes\.a\.parameters\.times"):
        read_document(one(node("tall", times=value)))


def test_a_mapping_that_holds_itself_is_refused() -> None:
    knot: dict[str, Any] = {}
    knot["ui"] = knot
    with pytest.raises(InputError, match=r"nested deeper than 64 levels at ui\.ui"):
        read_document(knot)


MISFORMED: dict[str, tuple[dict[str, Any], str]] = {
    "no format": ({"name": "a"}, "is no workflow: 'anyres_workflow' says the format.*nothing was given"),
    "a format of words": (one({}, anyres_workflow="1"), "a whole number up to 1; '1' was given"),
    "a format that is true": (one({}, anyres_workflow=True), "a whole number up to 1; True was given"),
    "a format of the future": (
        one(node("tall"), anyres_workflow=FORMAT + 1),
        f"is of format {FORMAT + 1}; this anyres reads formats up to {FORMAT}. Update anyres",
    ),
    "an inner format of the future": (
        one(node("tall"), workflows={"inner": one(node("tall"), anyres_workflow=99)}),
        "workflow inner is of format 99",
    ),
    "an unknown key": (one(node("tall") | {"code": "import os"}), "node a, code: nothing is called so here"),
    "an unknown key at the top": (one(node("tall"), hook="x"), "workflow, hook: nothing is called so here"),
    "steps of format 0 without ids": (
        {"anyres_workflow": 0, "steps": [{"id": ["a"]}]},
        "has a list of steps, each with its id",
    ),
    "a step of format 0 twice": (
        {"anyres_workflow": 0, "steps": [{"id": "a"}, {"id": "a"}]},
        "each with its own id; this one has 2, and twice a",
    ),
    "neither operation nor workflow": (one({}), "node a: a node names either an operation or a workflow"),
    "both": (
        one(node("tall") | {"workflow": "b@1.0.0"}),
        "node a: a node names either an operation or a work",
    ),
    "a module": (one(node("os.system@1.0.0")), "node a, operation: a name is of a-z.*'os.system@1.0.0' was"),
    "a module with a door": (one(node("os:system@1.0.0")), "node a, operation: a name is of a-z"),
    "a path for an operation": (one(node("../../evil@1.0.0")), "node a, operation: a name is of a-z"),
    "an address for an operation": (
        one(node("https://github.com/x@1.0.0")),
        "node a, operation: a name is of a-z",
    ),
    "dunder": (one(node("__import__@1.0.0")), "node a, operation: a name is of a-z"),
    "a path for a workflow": (
        one({"workflow": "../secret@1.0.0"}),
        r"node a, workflow: a name is of a-z.*'\.\./secret@1\.0\.0' was given",
    ),
    "no version": (one({"operation": "tall"}), "node a, operation: this is NAME@VERSION"),
    "a version of words": (one(node("tall@newest")), "node a, operation: a version is three numbers"),
    "a version that looks right": (one(node("tall@1.0.٠")), "node a, operation: a version is three numbers"),
    "an operation that is a number": (
        one({"operation": 5}),
        "node a, operation: this is NAME@VERSION.*; 5 was",
    ),
    "a wire that is a number": (one(node("tall", 5)), "node a, input image: a wire is NODE.PORT.*; 5 was"),
    "a wire that is a path": (
        one(node("tall", "/etc/passwd")),
        "node a, input image: a wire is NODE.PORT.*'/etc/passwd' was given",
    ),
    "a wire that is an address": (one(node("tall", "file://x.y")), "node a, input image: a name is of a-z"),
    "no wire": (one(node("tall", [])), "node a, input image: no wire leads here"),
    "a wire twice": (
        one(node("pile", ["inputs.photo", "inputs.photo"])),
        "node a, input images: the same wire is there twice",
    ),
    "a parameter from a node": (
        one(node("tall", times={"from": "b.result"})),
        "node a, parameter times: a parameter comes from a declared input alone",
    ),
    "an output that is a path": (
        document({"a": node("tall")}, {"out": "/tmp/out"}),
        "output out: a wire is NODE.PORT",
    ),
    "a node called inputs": (
        document({"inputs": node("tall")}, {"o": "inputs.result"}),
        "inputs: inputs means",
    ),
    "an id that is a path": (
        document({"../a": node("tall")}, {"o": "a.result"}),
        "node ../a: a name is of a-z",
    ),
    "an id that looks right": (
        document({"еnlarge": node("tall")}, {"o": "a.result"}),
        r"node еnlarge: .*U\+0435, CYRILLIC SMALL LETTER IE",
    ),
    "a wire that looks right": (
        one(node("tall", "inputs.phоto")),
        r"node a, input image: .*U\+043E, CYRILLIC SMALL LETTER O",
    ),
    "an operation that looks right": (
        one(node("tаll@1.0.0")),
        r"node a, operation: .*U\+0430, CYRILLIC SMALL LETTER A",
    ),
    "fullwidth letters": (one(node("ｔall@1.0.0")), r"U\+FF54, FULLWIDTH LATIN SMALL LETTER T"),
    "an invisible letter": (one(node("tall\u200b@1.0.0")), r"U\+200B, ZERO WIDTH SPACE"),
    "an id of 65 letters": (document({"a" * 65: node("tall")}, {"o": "a.result"}), "64 letters at most"),
    "a line break behind an id": (document({"a\n": node("tall")}, {"o": "a.result"}), "a name is of a-z"),
    "nodes in a list": (document([node("tall")], {"o": "a.result"}), "nodes: should be a valid "),
    "a node that is text": (one("tall@1.0.0"), "node a: "),
    "an unknown type of input": (
        one(node("tall"), inputs={"photo": {"type": "file"}}),
        "input photo, type: should be 'Image'.*'file' was given",
    ),
    "a default of a picture": (
        one(node("tall"), inputs={"photo": {"type": "Image", "default": "/etc/passwd"}}),
        "input photo: a default is of scalars; the type is Image",
    ),
    "a default of another type": (
        one(node("tall"), inputs={"n": {"type": "number", "default": "2"}}),
        "input n: default is no number: '2'",
    ),
    "a default out of range": (
        one(node("tall"), inputs={"n": {"type": "integer", "default": 2, "minimum": 3}}),
        "input n: it is 3 at least",
    ),
    "a range of nothing": (
        one(node("tall"), inputs={"n": {"type": "number", "minimum": 5, "maximum": 1}}),
        "input n: its minimum 5 is above its maximum 1",
    ),
    "a choice twice": (
        one(node("tall"), inputs={"n": {"type": "choice", "choices": ["a", "b", "a"]}}),
        "input n: 'a' is among the choices twice",
    ),
    "a choice of two lines": (
        one(node("tall"), inputs={"n": {"type": "choice", "choices": ["a\nb"]}}),
        "input n, choices, 0: this is one line",
    ),
    "a title of two lines": (one(node("tall"), title="Fine\nfolder-to-2048"), "title: this is one line"),
    "a title with a break behind it": (one(node("tall"), title="Fine\u2028"), "title: this is one line"),
    "a title without end": (one(node("tall"), title="x" * 201), "title: .*200"),
    "nodes in format 0": (
        {"anyres_workflow": 0, "steps": [], "nodes": {"a": node("tall")}},
        "format 0 has steps and no nodes",
    ),
    "a step of format 0 with a word of format 1": (
        {"anyres_workflow": 0, "steps": [{"id": "a", "type": "tall@1.0.0", "operation": "trim@1.0.0"}]},
        "Step a of format 0 has operation, which format 1 has",
    ),
    "a choice of nothing": (one(node("tall"), inputs={"n": {"type": "choice"}}), "input n: choices are of"),
    "a range of text": (
        one(node("tall"), inputs={"n": {"type": "text", "maximum": 3}}),
        "input n: minimum and maximum are of numbers",
    ),
}


@pytest.mark.parametrize("name", MISFORMED)
def test_what_is_no_workflow_in_form_is_refused(name: str) -> None:
    raw, message = MISFORMED[name]
    with pytest.raises(InputError, match=message):
        read_document(raw)
    with pytest.raises(InputError, match=message):
        read_document(json.dumps(raw))


AT_TIMES = r"It stands at nodes\.a\.parameters\.times\."


@pytest.mark.parametrize("value", ["NaN", "-Infinity", "1e999", "9" * 16, '{"b": 1, "b": 2}'])
def test_what_is_no_honest_value_is_refused_with_its_place(value: str) -> None:
    with pytest.raises(InputError, match=AT_TIMES):
        read_document(text_with(value))


def test_a_message_about_a_huge_key_that_is_there_twice_is_short() -> None:
    key = json.dumps("x" * 1_500_000)
    with pytest.raises(InputError, match=AT_TIMES) as refusal:
        read_document(text_with(f"{{{key}: 1, {key}: 2}}"))
    assert len(str(refusal.value)) < 300


MANY = {f"n{index}": "inputs.photo" for index in range(2_000)}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (one(node("tall"), inputs={key: {"type": "Image"} for key in MANY}), "has 2000 inputs; 500 are"),
        (document({"a": node("tall")}, MANY), "has 2000 outputs; 500 are the most"),
        (one(node("tall"), workflows=dict.fromkeys(MANY, document({}, {}))), "has 2000 workflows; 500 are"),
        (one({**node("tall"), "inputs": MANY}), "node a has 2000 inputs; 500 are the most"),
        (one({**node("tall"), "parameters": MANY}), "node a has 2000 parameters; 500 are the most"),
        (
            document({}, {}, workflows={"x": document({"a": node("tall")}, MANY)}),
            "workflow x has 2000 outputs",
        ),
    ],
)
def test_more_entries_than_an_honest_workflow_has_are_refused(raw: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_document(raw)


def test_a_hundred_thousand_nodes_are_refused() -> None:
    nodes = {f"n{index}": {"operation": "a@1.0.0"} for index in range(100_000)}
    with pytest.raises(InputError, match=f"has 100000 nodes; {MAX_NODES} are the most"):
        read_document(document(nodes, {"out": "n0.result"}))


def test_as_many_nodes_in_workflows_are_refused() -> None:
    inner = document({f"n{index}": node("trim") for index in range(1500)}, {"out": "n0.result"})
    with pytest.raises(InputError, match=f"has 3000 nodes; {MAX_NODES} are the most"):
        read_document(document({}, {"out": "n0.result"}, workflows={"x": inner, "y": inner}))


def test_a_message_about_a_huge_value_is_short() -> None:
    with pytest.raises(InputError) as refusal:
        read_document(one(node("tall", ["x" * 100_000] * 3)))
    assert len(str(refusal.value)) < 1000


@pytest.mark.parametrize("path", ["missing.json", "."])
def test_a_file_that_cannot_be_read_is_refused(path: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be read: .*\. Name a workflow's file\."):
        read_document(tmp_path / path)
