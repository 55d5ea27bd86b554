"""Commands of operations on several pictures, and of what measures."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anyres.core.files import read_image
from anyres.core.image import Image

Run = Callable[..., Any]


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """An even grey of a half, and one that is a tenth lighter."""
    paths = [tmp_path / "a.tif", tmp_path / "b.tif"]
    for path, level in zip(paths, (0.5, 0.6), strict=True):
        Image.from_numpy(np.full((12, 16, 3), round(level * 65_535), np.uint16)).save(path)
    return paths


def test_a_picture_for_each_port_gives_one_result(run: Run, photos: list[Path]) -> None:
    said = run("blend", *photos, "--left", 4, "--opacity", 0.5)
    assert said.code == 0, said.err
    made = read_image(photos[0].with_name("a.blend.tif"))
    np.testing.assert_allclose(made.pixels[:, 4:], 0.55, atol=1e-4)
    np.testing.assert_allclose(made.pixels[:, :4], 0.5, atol=1e-4)


def test_a_list_takes_all_pictures_together(run: Run, photos: list[Path], tmp_path: Path) -> None:
    assert run("sheet", *photos, "--labels", "one, two", "-o", tmp_path / "made.png").code == 0
    assert read_image(tmp_path / "made.png").width == 2 * (16 + 24)


def test_figures_are_printed_a_line_each_and_no_file_is_written(run: Run, photos: list[Path]) -> None:
    said = run("measure", *photos)
    assert said.code == 0
    figures = dict(line.split(": ") for line in said.out.splitlines())
    assert float(figures["psnr_db"]) == pytest.approx(20, abs=0.01)
    assert sorted(path.name for path in photos[0].parent.iterdir()) == ["a.tif", "b.tif"]


def test_equal_pictures_have_a_psnr_that_is_said_in_a_word(run: Run, photos: list[Path]) -> None:
    assert "psnr_db: infinity\n" in run("measure", photos[0], photos[0]).out


def test_a_port_without_a_picture_is_refused(run: Run, photos: list[Path]) -> None:
    said = run("blend", photos[0])
    assert said.code == 2
    assert "ABOVE" in said.err


def test_what_flows_between_nodes_alone_has_no_command(run: Run) -> None:
    shown = run("--help").out
    assert " crop " in shown
    for name in ("load", "save", "encode", "render"):
        assert f" {name} " not in shown
