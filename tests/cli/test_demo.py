from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anyres.cli import demo
from anyres.core.files import read_image
from anyres.core.image import Image
from anyres.models.catalog import CATALOG, NamedWeights

Run = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("nearest_model")


@pytest.fixture(autouse=True)
def known_weights(nearest_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the story find the weights that run."""
    monkeypatch.setattr(demo, "find_weights", lambda name: NamedWeights(name, CATALOG[0], nearest_model))


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A smooth picture of 48 x 40 pixels with a square of noise at its lower right."""
    y, x = np.indices((40, 48)) / 48
    pixels = np.stack((y, x, 1 - x), axis=-1).astype(np.float32)
    pixels[24:36, 30:42] = np.random.default_rng(0).random((12, 12, 3), np.float32)
    Image(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_a_photograph_gets_a_result_a_sheet_and_a_story(run: Run, photo: Path, tmp_path: Path) -> None:
    said = run("demo", "upscale", photo, "-o", tmp_path / "out")
    assert said.code == 0, said.err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "photo.x2.png",
        "photo.x2.sheet.png",
    ]
    image, result = read_image(photo), read_image(tmp_path / "out" / "photo.x2.png")
    np.testing.assert_array_equal(result.pixels, image.pixels.repeat(2, axis=0).repeat(2, axis=1))
    for text in (
        f"Task:    {CATALOG[0].task}",
        "here x2.",
        "photograph 48x40 -> liif-compact (SISR-Any-LIIF-RDN) -> picture 96x80.",
        f"Paper:   {CATALOG[0].paper}",
        f"Code:    {CATALOG[0].code}",
        f"Result:  {tmp_path / 'out' / 'photo.x2.png'}",
        f"Sheet:   {tmp_path / 'out' / 'photo.x2.sheet.png'}",
    ):
        assert text in said.out


def test_the_figures_of_the_test_are_those_of_the_photograph_shrunk_and_enlarged(
    run: Run, photo: Path, tmp_path: Path
) -> None:
    from anyres.core.pixels import psnr
    from anyres.core.resample import resize

    truth = read_image(photo).pixels
    small = np.rint(np.clip(resize(truth, (20, 24)), 0, 1) * 255).astype(np.float32) / 255
    bicubic = psnr(np.clip(resize(small, (40, 48)), 0, 1), truth)
    nearest = psnr(small.repeat(2, axis=0).repeat(2, axis=1), truth)
    said = run("demo", "upscale", photo, "-o", tmp_path / "out")
    told = f"bicubic {bicubic:.2f} dB, liif-compact {nearest:.2f} dB ({nearest - bicubic:+.2f})"
    assert told in said.out


@pytest.mark.parametrize("scale", ["1.7", "8"])
def test_the_factor_can_be_chosen(run: Run, photo: Path, tmp_path: Path, scale: str) -> None:
    assert run("demo", "upscale", photo, "--scale", scale, "-o", tmp_path / "out").code == 0
    assert (tmp_path / "out" / f"photo.x{scale}.sheet.png").is_file()


def test_a_second_run_makes_both_pictures_anew(run: Run, photo: Path, tmp_path: Path) -> None:
    for _ in range(2):
        assert run("demo", "upscale", photo, "-o", tmp_path / "out").code == 0


@pytest.mark.parametrize("scale", ["1", "0.5", "9", "two", "2x3", "nan", "-2"])
def test_a_factor_that_it_does_not_show_is_refused(run: Run, photo: Path, tmp_path: Path, scale: str) -> None:
    said = run("demo", "upscale", photo, f"--scale={scale}", "-o", tmp_path / "out")
    assert said.code == 2
    assert repr(scale) in said.err
    assert said.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_photograph_that_is_not_there_is_refused(run: Run, tmp_path: Path) -> None:
    said = run("demo", "upscale", tmp_path / "gone.png", "-o", tmp_path / "out")
    assert said.code == 2
    assert "There is no file" in said.err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_is_refused_before_the_work(
    run: Run, photo: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    said = run("demo", "upscale", photo, "-o", tmp_path / "file" / "below")
    assert said.code == 2
    assert "cannot be made" in said.err
    assert "-o" in said.err


def test_the_detail_is_where_the_strongest_edges_are(photo: Path) -> None:
    top, left = demo._busiest(read_image(photo).pixels, 12)
    assert abs(top - 24) <= 1
    assert abs(left - 30) <= 1


def test_a_picture_smaller_than_the_detail_is_shown_whole(run: Run, tmp_path: Path) -> None:
    Image(np.random.default_rng(0).random((5, 7, 3), np.float32)).save(tmp_path / "tiny.png")
    assert run("demo", "upscale", tmp_path / "tiny.png", "-o", tmp_path / "out").code == 0


def test_without_scikit_image_it_says_how_to_get_a_photograph(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "skimage.data", None)
    said = run("demo", "upscale", "-o", tmp_path / "out")
    assert said.code == 2
    assert "pip install 'anyres[demo]'" in said.err
