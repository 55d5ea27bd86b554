import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anyres.core.errors import InputError, RunError, WeightsError
from anyres.core.files import read_image, write_image
from anyres.core.formats import FORMATS, Format
from anyres.core.image import Encoding, Image
from anyres.core.weights import file_sha256
from anyres.workflow.document import read_document
from anyres.workflow.events import GraphFinished
from anyres.workflow.graph import Graph, resolve
from anyres.workflow.graph_run import run_graph
from anyres.workflow.provenance import Record, beside, read_record, record_of, record_text, with_record
from anyres.workflow.replay import largest_difference, recorded_graph, replay
from tests.workflow.small_operations import document, node, small_operations

pytestmark = pytest.mark.usefixtures("nearest_model")


@pytest.fixture(autouse=True)
def _small_operations() -> Iterator[None]:
    with small_operations():
        yield


def saved(path: Path, *, seed: int = 0, encoding: Encoding | None = None, has_alpha: bool = False) -> Path:
    random = np.random.default_rng(seed)
    pixels = random.random((12, 16, 3), np.float32)
    alpha = random.random((12, 16), np.float32) if has_alpha else None
    Image(pixels, alpha, encoding or Encoding()).save(path)
    return path


def made(
    graph: Graph, inputs: Mapping[str, Path | list[Path]], output: Path, element: int | None = None
) -> Path:
    """What a run of the graph writes, with its record: of its one output, or of an element of it."""
    hashes: dict[str, Any] = {}
    values: dict[str, Any] = {}
    for name, given in inputs.items():
        if isinstance(given, list):
            hashes[name] = [file_sha256(one) for one in given]
            values[name] = [read_image(one) for one in given]
        else:
            hashes[name], values[name] = file_sha256(given), read_image(given)

    def write(name: str, index: int | None, value: Any) -> None:
        if index == element:
            record = record_of(graph, hashes, name, element=index)
            kind: Format = next(key for key, one in FORMATS.items() if output.suffix in one.suffixes)
            encoding, _ = with_record(value.encoding, record, kind)
            write_image(replace(value, encoding=encoding), output)
            beside(output).write_text(record_text(record))

    *_, last = run_graph(graph, values, sink=write)
    assert isinstance(last, GraphFinished)
    assert last.status == "done"
    return output


@pytest.fixture
def chain() -> Graph:
    """Enlarged by 2.5, then piled on itself."""
    nodes = {"big": node("upscale", scale=2.5), "twice": node("tall@1.2.0", "big.result")}
    return resolve(read_document(document(nodes, {"out": "twice.result"}))).bind({})


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".bmp", ".avif"])
def test_a_result_of_any_format_replays_without_a_difference(
    chain: Graph, tmp_path: Path, suffix: str
) -> None:
    photo = saved(tmp_path / "photo.png")
    again = replay(made(chain, {"photo": photo}, tmp_path / f"out{suffix}"), {"photo": photo})
    assert (again.largest_difference, again.differing_pixels, again.matches) == (0, 0, True)
    assert again.size_hw == again.fresh_size_hw == (60, 40)
    assert again.notices == ()


def test_sixteen_bits_and_alpha_replay_without_a_difference(chain: Graph, tmp_path: Path) -> None:
    photo = saved(tmp_path / "photo.tif", encoding=Encoding(depth=16), has_alpha=True)
    nodes = {"big": node("upscale", scale=1.5)}
    graph = resolve(read_document(document(nodes, {"out": "big.result"}))).bind({})
    again = replay(made(graph, {"photo": photo}, tmp_path / "out.tif"), {"photo": photo})
    assert (again.bits, again.largest_difference) == (16, 0)


@pytest.mark.parametrize(("bits", "depth"), [(8, 8), (16, 16)])
def test_a_pixel_that_was_changed_is_found_in_steps_of_the_pictures_own_depth(
    chain: Graph, tmp_path: Path, bits: int, depth: Any
) -> None:
    photo = saved(tmp_path / "photo.png", encoding=Encoding(depth=depth))
    out = made(chain, {"photo": photo}, tmp_path / "out.png")
    image = read_image(out)
    pixels = image.pixels.copy()
    pixels[3, 4, 1] = abs(pixels[3, 4, 1] - 7 / (2**bits - 1))
    Image(pixels, encoding=image.encoding).save(out, overwrite=True)
    again = replay(out, {"photo": photo})
    assert (again.bits, again.largest_difference, again.differing_pixels) == (bits, 7, 1)
    assert not again.matches


def test_another_file_is_refused_unless_it_is_asked_for(chain: Graph, tmp_path: Path) -> None:
    out = made(chain, {"photo": saved(tmp_path / "photo.png")}, tmp_path / "out.png")
    other = saved(tmp_path / "other.png", seed=1)
    with pytest.raises(InputError, match=r"other\.png is not the file.*--any-input"):
        replay(out, {"photo": other})
    again = replay(out, {"photo": other}, is_any_input=True)
    assert again.largest_difference is not None
    assert again.largest_difference > 0


def test_another_size_is_no_match_and_has_no_difference(chain: Graph, tmp_path: Path) -> None:
    photo = saved(tmp_path / "photo.png")
    out = made(chain, {"photo": photo}, tmp_path / "out.png")
    Image(np.zeros((5, 6, 3), np.float32), encoding=read_image(out).encoding).save(out, overwrite=True)
    again = replay(out, {"photo": photo})
    assert (again.size_hw, again.fresh_size_hw, again.largest_difference) == ((5, 6), (60, 40), None)
    assert not again.matches


def test_inputs_that_are_missing_or_too_many_are_refused_by_name(chain: Graph, tmp_path: Path) -> None:
    photo = saved(tmp_path / "photo.png")
    out = made(chain, {"photo": photo}, tmp_path / "out.png")
    with pytest.raises(InputError, match="name a file for photo"):
        replay(out, {})
    with pytest.raises(InputError, match="not made from an input picture; it was from photo"):
        replay(out, {"picture": photo})
    with pytest.raises(InputError, match="photo was 1 files; 2 were given"):
        replay(out, {"photo": [photo, photo]})
    with pytest.raises(InputError, match="There is no file"):
        replay(out, {"photo": tmp_path / "gone.png"})


def test_an_element_of_a_list_replays_from_its_own_picture_alone(tmp_path: Path) -> None:
    nodes = {"each": {**node("trim", "inputs.photos", most=9), "each": ["image"]}}
    parts = document(nodes, {"all": "each.result"}, inputs={"photos": {"type": "list[Image]"}})
    photos = [saved(tmp_path / f"{index}.png", seed=index) for index in range(3)]
    graph = resolve(read_document(parts)).bind({})
    out = made(graph, {"photos": photos}, tmp_path / "out.png", element=2)
    assert replay(out, {"photos": photos[2:]}).matches
    with pytest.raises(InputError, match="is not the file"):
        replay(out, {"photos": photos[:1]})


def test_only_what_the_output_needs_is_asked_for_and_run(tmp_path: Path) -> None:
    nodes = {"one": node("trim"), "other": node("upscale", "inputs.second", scale=99)}
    inputs = {"photo": {"type": "Image"}, "second": {"type": "Image"}}
    parts = document(nodes, {"out": "one.result", "huge": "other.result"}, inputs=inputs)
    photo = saved(tmp_path / "photo.png")
    graph = resolve(read_document(parts)).bind({})
    record = record_of(graph, {"photo": file_sha256(photo), "second": "a" * 64}, "out")
    expected = Image(np.ascontiguousarray(read_image(photo).pixels[:8, :8]))
    expected.save(tmp_path / "out.bmp")
    beside(tmp_path / "out.bmp").write_text(record_text(record))
    assert replay(tmp_path / "out.bmp", {"photo": photo}).matches


def damaged(path: Path, **parts: object) -> None:
    """Put a record with other parts beside a picture that then holds none."""
    whole = {**json.loads(record_text(read_record(path))), **parts}
    image = read_image(path)
    Image(image.pixels).save(path, overwrite=True)
    beside(path).write_text(json.dumps(whole))


def test_a_workflow_that_was_changed_in_the_record_is_refused(chain: Graph, tmp_path: Path) -> None:
    photo = saved(tmp_path / "photo.png")
    out = made(chain, {"photo": photo}, tmp_path / "out.png")
    graph = json.loads(record_text(read_record(out)))["graph"]
    graph["nodes"]["big"]["parameters"]["scale"] = 3
    damaged(out, graph=graph)
    with pytest.raises(InputError, match="was changed"):
        replay(out, {"photo": photo})


@pytest.mark.parametrize(
    "parts",
    [
        {"output": "none"},
        {"element": 0},
        {"inputs": {"other": "a" * 64}},
        {"nodes": {"none": {"operation": "trim@1.0.0"}}},
        {"parameters": {"scale": 4}},
    ],
)
def test_a_record_that_names_what_its_workflow_has_not_is_refused(
    chain: Graph, tmp_path: Path, parts: dict[str, object]
) -> None:
    photo = saved(tmp_path / "photo.png")
    out = made(chain, {"photo": photo}, tmp_path / "out.png")
    damaged(out, **parts)
    with pytest.raises(InputError):
        replay(out, dict.fromkeys(read_record(out).inputs, photo), is_any_input=True)


def test_other_weights_than_the_records_are_refused_by_their_sha256(
    chain: Graph, tmp_path: Path, nearest_model: Path
) -> None:
    photo = saved(tmp_path / "photo.png")
    out = made(chain, {"photo": photo}, tmp_path / "out.png")
    before = file_sha256(nearest_model)
    nearest_model.write_bytes(b"others")
    with pytest.raises(WeightsError, match=f"liif-compact \\({before[:12]}"):
        replay(out, {"photo": photo})


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_precision_that_ran_runs_again_whatever_this_machine_would_choose(
    chain: Graph, precision: str
) -> None:
    record = record_of(chain, {"photo": "a" * 64}, "out")
    assert chain.nodes["big"].parameters.get("precision", "auto") == "auto"
    ran = replace(record.nodes["big"], precision=precision)
    graph = recorded_graph(replace(record, nodes={**record.nodes, "big": ran}), name="it")
    assert graph.nodes["big"].parameters["precision"] == precision


def test_a_library_of_another_version_is_told(chain: Graph, tmp_path: Path) -> None:
    photo = saved(tmp_path / "photo.png")
    out = made(chain, {"photo": photo}, tmp_path / "out.png")
    damaged(out, libraries={"numpy": "0.1"})
    (notice,) = replay(out, {"photo": photo}).notices
    assert "numpy 0.1 (here " in notice


def test_a_run_that_fails_is_an_error_that_names_the_node(
    chain: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = saved(tmp_path / "photo.png")
    out = made(chain, {"photo": photo}, tmp_path / "out.png")

    def fail(*_: object, **__: object) -> Record:
        raise RunError("The disk is full. Free some space.")

    monkeypatch.setattr("anyres.workflow.replay.write_image", fail)
    with pytest.raises(RunError, match=r"Node twice.*The disk is full"):
        replay(out, {"photo": photo})


def test_the_largest_difference_counts_alpha_and_whole_steps() -> None:
    black = Image(np.zeros((2, 2, 3), np.float32), np.zeros((2, 2), np.float32))
    for depth, steps in ((255, 3), (65_535, 40_000)):
        alpha = np.zeros((2, 2), np.float32)
        alpha[1, 1] = np.float32(steps) / np.float32(depth)
        assert largest_difference(black, Image(black.pixels, alpha), steps=depth) == (steps, 1)
    assert largest_difference(black, black, steps=255) == (0, 0)
