import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anyres.core.image import Image

Run = Callable[..., Any]
EXAMPLE = Path(__file__).parents[2] / "anyres" / "advisor" / "examples" / "enlarge-2x.txt"


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No library of whoever runs the tests."""
    monkeypatch.setattr("platformdirs.user_data_path", lambda *_, **__: tmp_path / "data")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A picture of 24 x 20 pixels."""
    Image(np.random.default_rng(0).random((20, 24, 3), np.float32)).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_a_brief_is_answered_in_three_numbered_parts(run: Run) -> None:
    said = run("ask", "--brief", EXAMPLE)
    assert said.code == 0, said.err
    for title in ("1. The task", "2. The workflow: input -> model -> output", "3. Papers and tools"):
        assert title in said.out


def test_a_brief_comes_from_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(EXAMPLE.read_bytes()))
    monkeypatch.setattr("sys.stdin", stream)
    assert "SISR-Any-LIIF-RDN" in run("ask", "-b", "-").out


def test_json_is_json_and_korean_is_korean(run: Run) -> None:
    assert json.loads(run("ask", "-b", EXAMPLE, "--format", "json").out)["task"] == "sisr_any"
    assert "1. 하려는 작업" in run("ask", "-b", EXAMPLE, "--language", "ko").out


def test_the_workflow_is_run_on_a_picture(run: Run, photo: Path) -> None:
    said = run("ask", "-b", EXAMPLE, "--image", photo, "--run")
    assert said.code == 0, said.err
    assert "This run: 24x20 pixels became 48x40" in said.out
    assert photo.with_name("photo.x2.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "There is no question"),
        (("x", "--brief", "nowhere.txt"), "nowhere.txt is no file"),
        (("enlarge", "--format", "pdf"), "'pdf' was asked for"),
        (("enlarge", "--language", "fr"), "'fr' was asked for"),
        (("enlarge", "--run"), "--run needs a picture"),
        (("enlarge", "--sources", "nowhere"), "nowhere is no folder"),
        (("enlarge", "--library", "nowhere"), "There is no library nowhere"),
        (("enlarge", "--prose"), "set ANYRES_LLM_URL"),
        (("enlarge", "-o", "x.png"), "add --run"),
        (("enlarge", "-b", "x.txt", "--library", "y"), "leave --library out"),
    ],
)
def test_bad_input_is_one_clear_sentence_and_exit_2(run: Run, arguments: tuple[str, ...], words: str) -> None:
    said = run("ask", *arguments)
    assert said.code == 2
    assert words in said.err
    assert said.err.count("\n") == 1


def test_a_question_alone_is_answered_from_an_imported_library(run: Run, tmp_path: Path) -> None:
    models = tmp_path / "models.json"
    models.write_text(json.dumps([{"name": "DnCNN", "detailed_category": "Denoising"}]))
    papers = tmp_path / "papers.csv"
    papers.write_text(
        "title,link,abstract\nNoise2Void,https://arxiv.org/abs/1811.10980,Denoising from noise.\n"
    )
    imported = run("library", "import", models, papers)
    assert "1 models added" in imported.out
    assert "1 papers added" in imported.out
    said = run("ask", "Remove the noise from my photo", "--format", "json")
    assert json.loads(said.out)["roles"]["m1"]["name"] == "DnCNN"
    assert "1 models and 1 papers" in run("library", "show").out


def test_the_demonstration_asks_and_runs(run: Run, photo: Path, tmp_path: Path) -> None:
    said = run("demo", "ask", photo, "-o", tmp_path / "out")
    assert said.code == 0, said.err
    assert said.out.startswith("Question: I enlarged a low-res image by 2x")
    assert (tmp_path / "out" / "photo.x2.png").is_file()
