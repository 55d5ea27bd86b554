"""`anyres train liif` through its real door: what is refused, and that it leaves nothing behind."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

Run = Callable[..., Any]


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that runs are put into, which is not there yet."""
    monkeypatch.setenv("ANYRES_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def put(folder: Path, count: int, *, side: int = 40) -> Path:
    folder.mkdir()
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 256, (side, side, 3), np.uint8)
        PIL.Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


def refused(run: Run, runs: Path, *arguments: object) -> str:
    said = run("train", "liif", *arguments)
    assert said.code == 2, said.err
    assert not runs.exists()
    assert "Traceback" not in said.err
    return str(said.err)


def test_an_empty_folder_is_refused(run: Run, runs: Path, tmp_path: Path) -> None:
    told = refused(run, runs, put(tmp_path / "photos", 0))
    assert "holds 0. Give a folder" in told
    assert told.count("\n") == 1


def test_a_folder_that_is_not_there_is_refused(run: Run, runs: Path, tmp_path: Path) -> None:
    assert f"There is no folder {tmp_path / 'gone'}" in refused(run, runs, tmp_path / "gone")


def test_pictures_smaller_than_a_patch_are_counted(run: Run, runs: Path, tmp_path: Path) -> None:
    told = refused(run, runs, put(tmp_path / "photos", 4))
    assert "3 pictures found, 3 of them smaller than 192 x 192" in told  # the fourth is for validation


def test_a_picture_that_cannot_be_read_is_named(run: Run, runs: Path, tmp_path: Path) -> None:
    folder = put(tmp_path / "photos", 2)
    (folder / "broken.png").write_bytes(b"no picture")
    assert "broken.png is damaged" in refused(run, runs, folder)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--steps", "two", "'two' was given"),
        ("--steps", "0", "at least 1 step; 0 were asked for"),
        ("--seed", "-1", "greater than or equal to 0"),
        ("--hours", "-1", "greater than or equal to 0"),
    ],
)
def test_an_option_out_of_its_range_is_refused(
    run: Run, runs: Path, tmp_path: Path, option: str, value: str, message: str
) -> None:
    folder = put(tmp_path / "photos", 2, side=200)
    assert message in refused(run, runs, folder, option, value, "--recipe", "paper-rdn")


def test_a_run_that_ends_before_its_first_validation_says_so(run: Run, tmp_path: Path) -> None:
    folder, kept = put(tmp_path / "photos", 2, side=200), tmp_path / "run"
    said = run("train", "liif", folder, "--recipe", "pixel-shuffle-x2", "--hours", "0", "--run", kept)
    assert said.code == 0, said.err
    assert "it ended before its first validation" in said.out
    assert not (kept / "best.safetensors").exists()
