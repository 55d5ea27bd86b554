import json
import os
import platform
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anyres.core.errors import AnyresError, InputError
from anyres.core.files import read_image, read_xmp, write_image
from anyres.core.formats import FORMATS, Format
from anyres.core.image import Encoding, Image
from anyres.operations.upscale import upscale
from anyres.workflow.document import graph_sha256, read_document
from anyres.workflow.graph import graph_of, resolve
from anyres.workflow.provenance import (
    LONGEST_JPEG_XMP,
    Record,
    beside,
    parsed_record,
    read_record,
    record_of,
    record_text,
    with_record,
)

pytestmark = pytest.mark.usefixtures("nearest_model")
SHA = "a" * 64
USERS_XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:dc="dc:" dc:rights="Ada"/></rdf:RDF></x:xmpmeta>'
)


@pytest.fixture
def record() -> Record:
    return record_of(graph_of(upscale, {"scale": 3.0}), {"image": SHA}, "result")


@pytest.fixture
def picture() -> Image:
    return Image(np.random.default_rng(1).random((24, 32, 3), np.float32))


def with_parts(record: Record, **changed: object) -> str:
    return json.dumps({**json.loads(record_text(record)), **changed})


@pytest.mark.parametrize("picture_format", [name for name in FORMATS if name != "bmp"])
def test_every_format_with_metadata_gives_the_record_back_and_keeps_the_users_own(
    picture_format: Format, record: Record, picture: Image, tmp_path: Path
) -> None:
    path = tmp_path / f"a{FORMATS[picture_format].suffixes[0]}"
    encoding, notices = with_record(Encoding(xmp=USERS_XMP), record, picture_format)
    write_image(replace(picture, encoding=encoding), path)
    assert notices == ()
    assert read_record(path) == record
    assert b'dc:rights="Ada"' in (read_xmp(path) or b"")


@pytest.mark.parametrize("picture_format", [name for name in FORMATS if name != "bmp"])
def test_a_picture_without_metadata_of_its_own_carries_the_record_in_every_format(
    picture_format: Format, record: Record, picture: Image, tmp_path: Path
) -> None:
    path = tmp_path / f"a{FORMATS[picture_format].suffixes[0]}"
    write_image(replace(picture, encoding=with_record(Encoding(), record, picture_format)[0]), path)
    assert read_record(path) == record


def test_bmp_holds_no_record_says_so_and_is_read_from_the_file_beside_it(
    record: Record, picture: Image, tmp_path: Path
) -> None:
    path = tmp_path / "a.bmp"
    encoding, (notice,) = with_record(picture.encoding, record, "bmp")
    write_image(replace(picture, encoding=encoding), path)
    assert "beside it" in notice
    with pytest.raises(InputError, match="holds no record"):
        read_record(path)
    beside(path).write_text(record_text(record))
    assert read_record(path) == record
    assert read_record(beside(path)) == record


def test_a_record_too_long_for_jpeg_stays_out_of_it_and_says_so(record: Record) -> None:
    own = USERS_XMP.replace(b"Ada", b"A" * (LONGEST_JPEG_XMP - len(USERS_XMP) - 500))
    encoding, (notice,) = with_record(Encoding(xmp=own), record, "jpeg")
    assert encoding.xmp == own
    assert str(LONGEST_JPEG_XMP) in notice
    assert with_record(Encoding(xmp=own), record, "png")[1] == ()


def test_the_longest_packet_that_is_let_into_a_jpeg_comes_back_out_of_it(
    record: Record, picture: Image, tmp_path: Path
) -> None:
    packet = with_record(Encoding(xmp=USERS_XMP), record, "jpeg")[0].xmp or b""
    own = USERS_XMP.replace(b"Ada", b"A" * (LONGEST_JPEG_XMP - len(packet) + 3))
    encoding, notices = with_record(Encoding(xmp=own), record, "jpeg")
    assert (len(encoding.xmp or b""), notices) == (LONGEST_JPEG_XMP, ())
    write_image(replace(picture, encoding=encoding), tmp_path / "a.jpg")
    assert read_record(tmp_path / "a.jpg") == record


@pytest.mark.parametrize("picture_format", [name for name in FORMATS if name not in ("bmp", "jpeg")])
def test_a_record_of_a_megabyte_comes_back_from_every_other_format(
    picture_format: Format, record: Record, picture: Image, tmp_path: Path
) -> None:
    long = replace(record, inputs={"images": tuple(f"{index:064x}" for index in range(15_000))})
    path = tmp_path / f"a{FORMATS[picture_format].suffixes[0]}"
    encoding, notices = with_record(Encoding(), long, picture_format)
    write_image(replace(picture, encoding=encoding), path)
    assert notices == ()
    assert read_record(path) == long


def test_strip_leaves_the_record_out(record: Record, picture: Image, tmp_path: Path) -> None:
    encoding, _ = with_record(picture.encoding, record, "png")
    write_image(replace(picture, encoding=encoding), tmp_path / "a.png", strip=True)
    assert read_xmp(tmp_path / "a.png") is None


def test_the_record_of_an_input_is_replaced_by_that_of_the_result(record: Record, tmp_path: Path) -> None:
    earlier, _ = with_record(Encoding(xmp=USERS_XMP), record, "png")
    later = replace(record, inputs={"image": "b" * 64})
    encoding, _ = with_record(earlier, later, "png")
    assert (encoding.xmp or b"").count(b"anyres_record") == 1
    assert SHA.encode() not in (encoding.xmp or b"")


def test_xmp_that_takes_no_record_is_kept_as_it_is_and_that_is_said(record: Record) -> None:
    own = USERS_XMP.decode().encode("utf-16")
    encoding, (notice,) = with_record(Encoding(xmp=own), record, "png")
    assert encoding.xmp == own
    assert "beside it" in notice


def test_equal_work_gives_equal_bytes_with_no_time_host_path_or_process_in_them(
    picture: Image, tmp_path: Path
) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        record = record_of(graph_of(upscale, {"scale": 3.0}), {"image": SHA}, "result")
        encoding, _ = with_record(picture.encoding, record, "png")
        write_image(replace(picture, encoding=encoding), tmp_path / name / "a.png")
        for private in (platform.node(), str(tmp_path), f":{os.getpid()}", os.sep):
            assert private not in record_text(record)
    assert (tmp_path / "first/a.png").read_bytes() == (tmp_path / "second/a.png").read_bytes()


def test_a_record_names_operation_weights_precision_libraries_and_inputs(
    record: Record, nearest_model: Path
) -> None:
    from anyres.core.weights import file_sha256

    node = record.nodes["upscale"]
    assert node.operation == f"upscale@{upscale.version}"
    assert dict(node.weights) == {"liif-compact": file_sha256(nearest_model)}
    assert node.precision in ("float32", "bfloat16")
    assert {"anyres", "torch", "numpy", "pyvips", "pillow"} <= set(record.libraries)
    assert record.inputs == {"image": SHA}
    assert record.document().nodes["upscale"].parameters == {"scale": 3.0}


def test_another_parameter_is_another_record(record: Record) -> None:
    other = record_of(graph_of(upscale, {"scale": 3.5}), {"image": SHA}, "result")
    assert record_text(other) != record_text(record)
    assert other.graph_sha256 != record.graph_sha256


def test_a_record_written_and_read_is_the_same(record: Record) -> None:
    assert parsed_record(record_text(record), name="it") == record


MAPPED: dict[str, Any] = {
    "anyres_workflow": 1,
    "name": "all",
    "version": "1.0.0",
    "inputs": {
        "photos": {"type": "list[Image]"},
        "other": {"type": "Image"},
        "scale": {"type": "number", "default": 2},
    },
    "nodes": {
        "each": {
            "operation": "upscale@1.0.0",
            "each": ["image"],
            "inputs": {"image": "inputs.photos"},
            "parameters": {"scale": {"from": "inputs.scale"}},
            "ui": {"x": 1},
        },
        "one": {"operation": "upscale@1.0.0", "inputs": {"image": "inputs.other"}},
    },
    "outputs": {"all": "each.result", "single": "one.result"},
    "ui": {"zoom": 2},
}


def test_an_element_of_a_mapped_list_names_its_own_input_and_what_it_needs_alone() -> None:
    graph = resolve(read_document(MAPPED)).bind({"scale": 2.5})
    hashes = {"photos": ["b" * 64, "c" * 64, "d" * 64], "other": SHA}
    record = record_of(graph, hashes, "all", element=1)
    assert record.inputs == {"photos": ("c" * 64,)}
    assert record.element == 0
    assert record.parameters == {"scale": 2.5}
    assert set(record.nodes) == {"each"}
    assert record_of(graph, hashes, "single").inputs == {"other": SHA}


def test_a_document_written_by_hand_has_the_record_of_the_plain_command(record: Record) -> None:
    whole = {**json.loads(record_text(record))["graph"], "title": "By hand", "description": "Three times."}
    whole["inputs"]["image"]["description"] = "The picture."
    for scale in (3, 3.0):
        whole["nodes"]["upscale"]["parameters"]["scale"] = scale
        by_hand = record_of(resolve(read_document(json.dumps(whole))).bind({}), {"image": SHA}, "result")
        assert record_text(by_hand) == record_text(record)


def test_a_value_set_and_the_same_by_default_are_one_record() -> None:
    graph = resolve(read_document(MAPPED))
    texts = {
        record_text(record_of(graph.bind(scalars), {"photos": [SHA], "other": SHA}, "all", element=0))
        for scalars in ({}, {"scale": 2}, {"scale": 2.0}, {"scale": "2"})
    }
    assert len(texts) == 1


def test_nothing_of_the_studio_is_in_a_record() -> None:
    record = record_of(resolve(read_document(MAPPED)).bind({}), {"other": SHA}, "single")
    assert "ui" not in json.loads(record_text(record))["graph"]
    assert "ui" not in record.graph["nodes"]["each"]


def test_a_workflow_from_the_library_is_embedded_so_that_the_record_runs_without_it() -> None:
    nodes = {"sub": {"workflow": "enlarge-photo@1.0.0", "inputs": {"photo": "inputs.photo"}}}
    parts = {
        "anyres_workflow": 1,
        "name": "outer",
        "version": "1.0.0",
        "inputs": {"photo": {"type": "Image"}},
    }
    graph = resolve(read_document({**parts, "nodes": nodes, "outputs": {"out": "sub.enlarged"}})).bind({})
    record = record_of(graph, {"photo": SHA}, "out")
    assert set(record.graph["workflows"]) == {"enlarge-photo"}
    assert graph_sha256(record.document()) == record.graph_sha256
    assert set(record.nodes) == {"sub/enlarge"}


@pytest.mark.parametrize(
    "damage",
    [
        lambda record: "{" * 100_000,
        lambda record: "[" * 100_000,
        lambda record: '{"a":' * 5_000 + "1" + "}" * 5_000,
        lambda record: " " * 5_000_000,
        lambda record: "null",
        lambda record: "NaN",
        lambda record: with_parts(record, anyres_record=2),
        lambda record: with_parts(record, anyres_record="1"),
        lambda record: with_parts(record, graph_sha256="../../etc"),
        lambda record: with_parts(record, inputs={"image": "x"}),
        lambda record: with_parts(record, inputs=[1, 2]),
        lambda record: with_parts(record, element="first"),
        lambda record: with_parts(record, parameters={"scale": {"from": "os"}}),
        lambda record: with_parts(record, module="os"),
        lambda record: with_parts(record, nodes={"a": {"operation": "x@1.0.0", "command": "rm"}}),
    ],
)
def test_a_damaged_or_hostile_record_is_bad_input_that_names_the_file(
    damage: Callable[[Record], str], record: Record, tmp_path: Path
) -> None:
    path = tmp_path / "a.png.anyres.json"
    path.write_text(damage(record))
    with pytest.raises(InputError, match=r"a\.png\.anyres\.json"):
        read_record(path)


def test_a_record_whose_graph_is_no_workflow_is_bad_input(record: Record) -> None:
    hostile = parsed_record(with_parts(record, graph={"anyres_workflow": 1, "nodes": "os"}), name="it")
    with pytest.raises(InputError):
        hostile.document()


@pytest.mark.parametrize("name", ["missing.png", "text.png", "text.png.anyres.json", "no.png.anyres.json"])
def test_what_is_no_picture_and_no_record_is_said_so(name: str, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "text.png.anyres.json").write_text("hello")
    with pytest.raises(AnyresError, match=name.split(".")[0]):
        read_record(tmp_path / name)


def test_a_record_tells_of_its_own_file_alone_and_does_not_go_on_to_what_is_made_of_it(
    record: Record, picture: Image, tmp_path: Path
) -> None:
    for own in (None, USERS_XMP):
        encoding, _ = with_record(Encoding(xmp=own), record, "png")
        write_image(replace(picture, encoding=encoding), tmp_path / "a.png", overwrite=True)
        assert read_record(tmp_path / "a.png") == record
        assert read_image(tmp_path / "a.png").encoding.xmp == own
        assert Image.from_pil(replace(picture, encoding=encoding).to_pil()).encoding.xmp == own
