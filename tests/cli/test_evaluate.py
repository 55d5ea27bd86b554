"""`anyres evaluate liif` through its real door, with weights of a tiny network."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from anyres.core.weights import write_weights
from anyres.models.catalog import CATALOG, NamedWeights
from anyres.models.liif import evaluation
from tests.models.liif.networks import small_network

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of random weights, whatever the name that is asked for."""
    network = small_network(skip="bilinear")
    path = tmp_path / "small.safetensors"
    write_weights(path, network.state_dict(), model="liif", config=network.config, record={})
    monkeypatch.setattr(evaluation, "find_weights", lambda name: NamedWeights(name, CATALOG[0], path))
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A set5 of one picture."""
    folder = tmp_path / "data" / "set5"
    folder.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (40, 36, 3), np.uint8)
    PIL.Image.fromarray(pixels).save(folder / "one.png")
    return folder.parent


def test_it_says_the_table_and_writes_the_figures(run: Run, data: Path, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    options = ["--weights", "mine", "--scales", "2,3", "--precision", "float32", "--figures", file]
    said = run("evaluate", "liif", "--data", data, *options)
    assert said.code == 0, said.err
    assert "| set5 (1 pictures)" in said.out
    assert "RDN-LIIF, published" in said.out
    (bicubic, *_) = json.loads(file.read_text(encoding="utf-8"))["mine benchmark"]["figures"]["measured"]
    assert f"{bicubic['psnr_db']:.2f} / {bicubic['ssim']:.4f}" in said.out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--scales", "two"], "should be factors such as 2,3,4; 'two' was given"),
        (["--scales", "0.5"], "should be greater than or equal to 1; 0.5 was given"),
        (["--protocol", "mine"], "'benchmark' or 'div2k'; 'mine' was given"),
        (["--scales", "20"], "Give larger pictures, or a smaller factor"),
    ],
)
def test_a_wrong_option_is_bad_input(run: Run, data: Path, options: list[str], message: str) -> None:
    said = run("evaluate", "liif", "--data", data, *options)
    assert said.code == 2
    assert message in said.err
    assert said.err.count("\n") == 1


def test_a_folder_without_test_pictures_is_bad_input(run: Run, tmp_path: Path) -> None:
    said = run("evaluate", "liif", "--data", tmp_path / "gone")
    assert said.code == 2
    assert "holds no test pictures" in said.err
