import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anyres.core.files import read_image
from anyres.core.image import Image
from anyres.workflow.document import read_document
from anyres.workflow.provenance import beside, read_record

pytestmark = pytest.mark.usefixtures("nearest_model")
Run = Callable[..., Any]

TWICE = {
    "anyres_workflow": 1,
    "name": "twice",
    "version": "1.0.0",
    "title": "Large and small",
    "inputs": {
        "photo": {"type": "Image"},
        "scale": {"type": "number", "default": 2, "minimum": 1, "maximum": 30},
        "kernel": {"type": "choice", "choices": ["bicubic", "lanczos3"], "default": "bicubic"},
    },
    "nodes": {
        "enlarge": {
            "operation": "upscale@1.0.0",
            "inputs": {"image": "inputs.photo"},
            "parameters": {"scale": {"from": "inputs.scale"}},
        },
        "shrink": {
            "operation": "resize@1.0.0",
            "inputs": {"image": "enlarge.result"},
            "parameters": {"scale": 0.5, "kernel": {"from": "inputs.kernel"}},
        },
    },
    "outputs": {"large": "enlarge.result", "small": "shrink.result"},
}


@pytest.fixture
def twice(tmp_path: Path) -> Path:
    path = tmp_path / "twice.json"
    path.write_text(json.dumps(TWICE))
    return path


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    path = tmp_path / "in/photo.png"
    Image(np.random.default_rng(0).random((8, 12, 3), np.float32)).save(path)
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_run_writes_each_output_with_its_record_in_it_and_beside_it(
    run: Run, twice: Path, photo: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    said = run("workflow", "run", twice, "--set", "scale=3", "--input", f"photo={photo}", "-o", out)
    assert said.code == 0, said.err
    assert read_image(out / "photo.large.png").size_hw == (24, 36)
    assert read_image(out / "photo.small.png").size_hw == (12, 18)
    for name in ("photo.large.png", "photo.small.png"):
        assert f"{out / name}: " in said.out
        record = read_record(out / name)
        assert record.parameters == {"scale": 3, "kernel": "bicubic"}
        assert read_record(beside(out / name)) == record


def test_a_second_run_of_a_batch_does_nothing_again(
    run: Run, twice: Path, photo: Path, tmp_path: Path
) -> None:
    Image(np.zeros((5, 5, 3), np.float32)).save(photo.with_name("other.png"))
    command = ("workflow", "run", twice, "--input", f"photo={photo.parent}", "-o", tmp_path / "out")
    assert run(*command).code == 0
    before = {name: (tmp_path / "out" / name).stat().st_mtime_ns for name in names(tmp_path / "out")}
    said = run(*command)
    assert said.code == 0
    assert "2 pictures already done" in said.out
    assert before == {name: (tmp_path / "out" / name).stat().st_mtime_ns for name in names(tmp_path / "out")}
    pictures = [name for name in before if name.endswith(".png")]
    assert pictures == ["other.large.png", "other.small.png", "photo.large.png", "photo.small.png"]


def test_one_input_needs_no_name(run: Run, twice: Path, photo: Path, tmp_path: Path) -> None:
    assert run("workflow", "run", twice, "-i", photo, "-o", tmp_path / "out").code == 0
    assert (tmp_path / "out/photo.large.png").is_file()


def test_strip_leaves_no_record_inside(run: Run, twice: Path, photo: Path, tmp_path: Path) -> None:
    assert run("workflow", "run", twice, "-i", photo, "-o", tmp_path / "out", "--strip").code == 0
    assert read_image(tmp_path / "out/photo.large.png").encoding.xmp is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--set", "scale=two"],
            "scale: a number is expected; 'two' was given. It is scale: number from",
        ),
        (["--set", "scale=31"], "scale: it is 30 at most"),
        (["--set", "kernel=box"], "bicubic or lanczos3"),
        (["--set", "size=3"], "twice has the parameters scale: number from 1 to 30, default 2; kernel:"),
        (["--set", "scale"], "--set is NAME=VALUE"),
        (["--set", "scale=2", "--set", "scale=3"], "scale twice"),
        (["--input", "picture=a.png"], "twice takes photo (Image)"),
        (["--engine", "abacus"], "abacus"),
    ],
)
def test_a_wrong_option_is_bad_input_that_says_what_there_is(
    run: Run, twice: Path, photo: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    said = run("workflow", "run", twice, "--input", f"photo={photo}", "-o", tmp_path / "out", *options)
    assert said.code == 2
    assert message in said.err
    assert names(tmp_path) == ["in/photo.png", "twice.json"]


def test_no_picture_is_said_with_what_to_type(run: Run, twice: Path) -> None:
    said = run("workflow", "run", twice)
    assert said.code == 2
    assert "--input photo=PATH" in said.err


def test_an_unknown_name_lists_the_workflows_there_are(run: Run) -> None:
    said = run("workflow", "check", "enlarge-foto")
    assert said.code == 2
    assert "enlarge-photo" in said.err


def test_check_prints_a_table_of_nodes_and_runs_nothing(
    run: Run, twice: Path, photo: Path, tmp_path: Path
) -> None:
    said = run("workflow", "check", twice, "--set", "scale=2.5", "--input", f"photo={photo}")
    assert said.code == 0, said.err
    head, first, second, total = said.out.splitlines()
    assert head.split() == ["node", "operation", "size", "megapixels", "memory", "time"]
    assert first.split()[:3] == ["enlarge", "upscale@1.0.0", "30x20"]
    assert second.split()[:3] == ["shrink", "resize@1.0.0", "15x10"]
    assert total.startswith("It fits: ")
    assert names(tmp_path) == ["in/photo.png", "twice.json"]


def test_check_refuses_with_three_what_does_not_fit_and_names_the_largest_scale(
    run: Run, twice: Path, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anyres.cli.workflow.free_machine_bytes", lambda: 100_000)
    said = run("workflow", "check", twice, "--set", "scale=20", "--input", f"photo={photo}")
    assert said.code == 3
    assert "Node enlarge" in said.err
    assert "The largest scale that fits is " in said.err


def test_check_without_pictures_says_what_the_workflow_takes_runs_and_gives(run: Run, twice: Path) -> None:
    said = run("workflow", "check", twice)
    assert said.code == 0
    assert "takes scale: number from 1 to 30, default 2" in said.out
    assert "runs  shrink: resize@1.0.0" in said.out
    assert "gives large: Image" in said.out


def test_show_draws_in_mermaid_and_as_svg_into_a_file_that_is_new(
    run: Run, twice: Path, tmp_path: Path
) -> None:
    assert run("workflow", "show", twice).out.startswith(("flowchart", "graph", "---"))
    drawing = tmp_path / "twice.svg"
    assert run("workflow", "show", twice, "-o", drawing).code == 0
    assert "<svg" in drawing.read_text()
    said = run("workflow", "show", twice, "-o", drawing)
    assert said.code == 2
    assert "exists already" in said.err
    assert run("workflow", "show", twice, "--format", "png").code == 2


def test_new_begins_from_an_example_under_its_own_name_and_never_replaces_a_file(
    run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "frame.json"
    assert run("workflow", "new", "frame", "--from", "crop-and-paste", "-o", path).code == 0
    assert read_document(path).name == "frame"
    before = path.read_text()
    said = run("workflow", "new", "frame", "-o", path)
    assert said.code == 2
    assert path.read_text() == before
    assert run("workflow", "new", "../frame").code == 2


def test_new_without_a_file_is_known_by_its_name(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANYRES_WORKFLOWS", str(tmp_path / "mine"))
    assert run("workflow", "new", "frame").code == 0
    assert "frame" in run("workflow", "list").out
    assert run("workflow", "new", "frame").code == 2
    assert run("workflow", "check", "frame").out.startswith("frame 1.0.0")


def test_list_names_the_examples(run: Run) -> None:
    listed = run("workflow", "list").out
    for name in ("compare-three-models", "crop-and-paste", "encode-once", "enlarge-photo", "folder-to-2048"):
        assert name in listed


def test_replay_of_a_result_finds_every_pixel_the_same(
    run: Run, twice: Path, photo: Path, tmp_path: Path
) -> None:
    run("workflow", "run", twice, "--set", "scale=2.5", "-i", photo, "-o", tmp_path / "out")
    said = run("replay", tmp_path / "out/photo.small.png", "--input", f"photo={photo}")
    assert said.code == 0, said.err
    assert "every pixel of 15x10 is the same" in said.out


def test_replay_of_a_result_that_was_changed_ends_with_four(
    run: Run, twice: Path, photo: Path, tmp_path: Path
) -> None:
    run("workflow", "run", twice, "-i", photo, "-o", tmp_path / "out")
    path = tmp_path / "out/photo.large.png"
    image = read_image(path)
    pixels = image.pixels.copy()
    pixels[0, 0] = np.abs(pixels[0, 0] - 2 / 255)
    Image(pixels, encoding=image.encoding).save(path, overwrite=True)
    said = run("replay", path, "-i", photo)
    assert said.code == 4
    assert "1 pixels differ, by 2 of 255 at most" in said.out


def test_a_node_without_a_run_before_it_has_no_time_and_a_long_one_is_told_in_hours(
    run: Run, twice: Path, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from anyres.operations.resize import resize
    from anyres.workflow.events import NodeKind

    times = {NodeKind(f"resize@{resize.version}", ""): 2e8}  # seconds a megapixel
    monkeypatch.setattr("anyres.workflow.store.seconds_a_megapixel", lambda: times)
    said = run("workflow", "check", twice, "-i", photo)
    _, first, second, total = said.out.splitlines()
    assert first.split()[-1] == "-"
    assert second.endswith(f"{2e8 * 8 * 12 / 1e6 / 3600:.1f} h")
    assert total.endswith("time not known yet.")
