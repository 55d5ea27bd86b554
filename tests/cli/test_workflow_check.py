"""`anyres workflow check` refuses what `run` refuses, and says what is wrong with which picture."""

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anyres.core.image import Image

pytestmark = pytest.mark.usefixtures("nearest_model")
Run = Callable[..., Any]


def picture(path: Path, size_hw: tuple[int, int] = (8, 12)) -> Path:
    path.parent.mkdir(exist_ok=True)
    Image(np.full((*size_hw, 3), 0.5, np.float32)).save(path)
    return path


def written(folder: Path, nodes: dict[str, Any], outputs: dict[str, str], **inputs: Any) -> Path:
    path = folder / "workflow.json"
    head = {"anyres_workflow": 1, "name": "test", "version": "1.0.0"}
    path.write_text(json.dumps({**head, "inputs": inputs, "nodes": nodes, "outputs": outputs}))
    return path


def upscaled(source: str = "inputs.photo", **parameters: Any) -> dict[str, Any]:
    return {"operation": "upscale@1.0.0", "inputs": {"image": source}, "parameters": parameters}


def test_check_and_run_refuse_a_format_that_is_too_small_by_the_same_words(run: Run, tmp_path: Path) -> None:
    photo = picture(tmp_path / "photo.webp", (1, 4096))
    how = ("enlarge-photo", "-i", photo, "--set")
    checked, ran = run("workflow", "check", *how, "scale=4"), run("workflow", "run", *how, "scale=4")
    assert (checked.code, ran.code) == (3, 3)
    reason = checked.err.strip().removeprefix("anyres: ")
    assert "The largest scale that fits is 3.99 (16343x4)" in reason
    assert reason in ran.err
    assert run("workflow", "check", *how, "scale=3.99").code == 0
    assert run("workflow", "check", *how, "scale=4", "-o", tmp_path / "large.png").code == 0


def test_check_holds_the_limits_of_what_is_read(run: Run, tmp_path: Path) -> None:
    photo = picture(tmp_path / "photo.png")
    said = run("workflow", "check", "enlarge-photo", "-i", photo, "--max-megapixels", 1e-6)
    assert said.code == 3
    assert "--max-megapixels" in said.err


def test_check_names_no_scale_below_the_least_that_can_be_set(run: Run, tmp_path: Path) -> None:
    photo = picture(tmp_path / "photo.png")
    content = bytearray(photo.read_bytes())
    content[16:24] = struct.pack(">II", 600_000, 600_000)  # width and height of the first chunk, IHDR
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    photo.write_bytes(content)
    said = run("workflow", "check", "enlarge-photo", "-i", photo, "--max-megapixels", 1e6)
    assert said.code == 3
    assert "No scale is small enough" in said.err


def test_check_of_a_folder_goes_on_and_names_each_bad_picture(run: Run, tmp_path: Path) -> None:
    for name in ("a.png", "c.png"):
        picture(tmp_path / "in" / name)
    (tmp_path / "in/b.png").write_bytes(b"no picture")
    picture(tmp_path / "in/d.webp", (1, 9000))
    said = run("workflow", "check", "enlarge-photo", "-i", tmp_path / "in")
    assert said.code == 1
    bad, long = said.err.splitlines()
    assert bad.startswith(f"{tmp_path / 'in/b.png'}: cannot be done. ")
    assert long.startswith(f"{tmp_path / 'in/d.webp'}: cannot be done. ")
    assert said.out.count("It fits") == 2
    assert said.out.splitlines()[-1].startswith("2 of 4 fit. In all: ")


def test_check_of_a_list_needs_no_folder_and_names_its_bad_pictures(run: Run, tmp_path: Path) -> None:
    picture(tmp_path / "in/a.png")
    (tmp_path / "in/b.png").write_bytes(b"no picture")
    said = run("workflow", "check", "folder-to-2048", "-i", tmp_path / "in")
    assert said.code == 2
    assert "It fits" in said.out
    assert f"{tmp_path / 'in/b.png'} is not a picture" in said.err


def test_check_advises_what_can_be_set(run: Run, tmp_path: Path) -> None:
    photo = picture(tmp_path / "photo.webp")
    said = run("workflow", "check", "folder-to-2048", "-i", photo, "--set", "longest=100000")
    assert said.code == 3
    assert "The largest longest that fits is 16383 (16383x10922)" in said.err


IMAGE = {"type": "Image"}
CONTINUOUS = {"operation": "encode@1.0.0", "inputs": {"image": "inputs.photo"}}
WRONG: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "two targets": ({"n": upscaled(scale=2, width=9)}, {"photo": IMAGE}, "in exactly one way"),
    "no such weights": ({"n": upscaled(model="nope")}, {"photo": IMAGE}, "no weights called 'nope'"),
    "no file for an output": ({"n": CONTINUOUS}, {"photo": IMAGE}, "The output out of test"),
    "no file for an input": (
        {"n": {"operation": "render@1.0.0", "inputs": {"continuous": "inputs.seen"}}},
        {"seen": {"type": "ContinuousImage"}},
        "The input seen of test",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_check_without_pictures_refuses_what_no_picture_could_mend(
    run: Run, tmp_path: Path, name: str
) -> None:
    nodes, inputs, message = WRONG[name]
    said = run("workflow", "check", written(tmp_path, nodes, {"out": "n.result"}, **inputs))
    assert said.code == 2
    assert message in said.err
    photo = picture(tmp_path / "photo.png")
    assert run("workflow", "check", tmp_path / "workflow.json", "-i", photo).code == 2


@pytest.mark.parametrize("setting", ["scale=99", "scal=2"])
def test_check_without_pictures_refuses_a_wrong_parameter(run: Run, setting: str) -> None:
    assert run("workflow", "check", "enlarge-photo", "--set", setting).code == 2


def test_check_without_pictures_says_which_parameter_is_needed(run: Run, tmp_path: Path) -> None:
    nodes = {"n": upscaled(scale={"from": "inputs.scale"})}
    path = written(tmp_path, nodes, {"out": "n.result"}, photo=IMAGE, scale={"type": "number"})
    said = run("workflow", "check", path)
    assert said.code == 0
    assert "It needs scale: name it with --set." in said.out
    assert "It can run." in run("workflow", "check", path, "--set", "scale=2").out


def test_check_shows_what_can_be_made_and_names_what_cannot(run: Run, tmp_path: Path) -> None:
    beyond = {"operation": "crop@1.0.0", "inputs": {"image": "inputs.photo"}, "parameters": {"left": 99}}
    outputs = {"large": "n.result", "beyond": "m.result"}
    path = written(tmp_path, {"n": upscaled(), "m": beyond}, outputs, photo=IMAGE)
    said = run("workflow", "check", path, "-i", picture(tmp_path / "photo.png"))
    assert said.code == 2
    assert "It fits" in said.out
    assert "cannot be done in full. Node m: The box" in said.err


@pytest.mark.parametrize("parent", ["file.jpg", "file.jpg/deeper"])
def test_a_folder_that_cannot_be_made_for_a_new_workflow_is_bad_input(
    run: Run, tmp_path: Path, parent: str
) -> None:
    (tmp_path / "file.jpg").touch()
    said = run("workflow", "new", "mine", "-o", tmp_path / parent / "mine.json")
    assert said.code == 2
    assert "cannot be made" in said.err


@pytest.mark.parametrize(("name", "options"), [("a.png", ()), ("a.svg", ("--format", "mermaid"))])
def test_a_drawing_goes_into_no_file_that_says_it_holds_something_else(
    run: Run, tmp_path: Path, name: str, options: tuple[str, ...]
) -> None:
    said = run("workflow", "show", "enlarge-photo", "-o", tmp_path / name, *options)
    assert said.code == 2
    assert name in said.err
    assert not (tmp_path / name).exists()


def test_show_draws_what_is_known_and_says_what_is_not(run: Run, tmp_path: Path) -> None:
    nodes = {"n": upscaled(), "m": {"operation": "sharpen@1.0.0", "inputs": {"image": "n.result"}}}
    said = run("workflow", "show", written(tmp_path, nodes, {"out": "m.result"}, photo=IMAGE))
    assert said.code == 0
    assert "sharpen@1.0.0 (not here)" in said.out
    assert "no operation sharpen" in said.err
