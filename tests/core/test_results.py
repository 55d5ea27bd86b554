import gc
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anyres.core.errors import InputError
from anyres.core.image import Image
from anyres.core.results import ContinuousImage, PictureFile, Report, figure_text


@pytest.fixture
def continuous() -> ContinuousImage:
    return ContinuousImage(
        image=Image(np.full((2, 3, 3), 0.5, np.float32)),
        features=(np.zeros((8, 2, 3), np.float32),),
        weights="liif-compact",
        weights_sha256="a" * 64,
        precision="float32",
        trained_scales=(1.0, 4.0),
    )


def test_features_have_the_size_of_their_picture_and_cannot_be_changed(continuous: ContinuousImage) -> None:
    assert continuous.size_hw == (2, 3)
    assert not continuous.features[0].flags.writeable


@pytest.mark.parametrize(
    ("features", "precision", "message"),
    [
        ((np.zeros((8, 3, 2), np.float32),), "float32", "channels x 2 x 3 of float32; these are 8 x 3 x 2"),
        ((np.zeros((8, 2, 3), np.float32),), "bfloat16", "of uint16; these are 8 x 2 x 3 of float32"),
        ((np.zeros((8, 2, 3), np.float32),), "float16", "float32 or bfloat16, not 'float16'"),
        ((), "float32", "0 arrays were given"),
    ],
)
def test_features_that_are_not_the_pictures_are_refused(
    continuous: ContinuousImage, features: tuple[np.ndarray, ...], precision: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        replace(continuous, features=features, precision=precision)


def test_a_temporary_file_goes_with_its_value_and_another_stays(tmp_path: Path) -> None:
    for name in ("kept.png", "temporary.png"):
        (tmp_path / name).write_bytes(b"a picture")
    kept = PictureFile(tmp_path / "kept.png", (1, 1), "png")
    temporary = PictureFile(tmp_path / "temporary.png", (1, 1), "png", is_temporary=True)
    assert temporary.path.exists()
    del kept, temporary
    gc.collect()
    assert [path.name for path in tmp_path.iterdir()] == ["kept.png"]


def test_a_picture_file_says_the_size_and_format_of_its_header(tmp_path: Path) -> None:
    Image(np.zeros((4, 7, 3), np.float32)).save(tmp_path / "picture.png")
    found = PictureFile.at(tmp_path / "picture.png")
    assert (found.size_hw, found.format, found.is_temporary) == ((4, 7), "png", False)


def test_what_is_no_picture_is_no_picture_file(tmp_path: Path) -> None:
    (tmp_path / "words.png").write_text("words")
    with pytest.raises(InputError, match=r"words\.png is not a picture"):
        PictureFile.at(tmp_path / "words.png")


def test_a_report_comes_back_from_json_also_where_a_figure_is_infinite() -> None:
    report = Report("Equal", {"psnr_db": math.inf, "ssim": 1.0})
    text = json.dumps(report.as_json(), allow_nan=False)
    assert "infinity" in text
    assert Report.from_json(json.loads(text)) == report


def test_a_report_keeps_words_notes_and_tables_and_leaves_out_what_is_empty() -> None:
    report = Report(
        "Aligned", {"probability": 0.9}, {"status": "ok"}, ("Look at it.",), {"matrix": ((1.0, math.inf),)}
    )
    assert Report.from_json(json.loads(json.dumps(report.as_json(), allow_nan=False))) == report
    assert hash(report) == hash(replace(report))
    assert report != replace(report, notes=())
    assert set(Report("Equal", {"ssim": 1.0}).as_json()) == {"title", "figures"}


def test_the_figures_of_a_report_cannot_be_changed() -> None:
    figures = {"ssim": 1.0}
    report = Report("Equal", figures)
    figures["ssim"] = 0.0
    assert report.figures["ssim"] == 1.0
    with pytest.raises(TypeError):
        report.figures["ssim"] = 0.0  # type: ignore[index]


@pytest.mark.parametrize("content", [None, {"title": "a"}, {"title": "a", "figures": {"b": "c"}}, [1]])
def test_what_is_no_report_is_refused(content: object) -> None:
    with pytest.raises(InputError, match="A report has a title and named figures"):
        Report.from_json(content)


@pytest.mark.parametrize(("value", "text"), [(math.inf, "infinity"), (31.23456789, "31.2346"), (0.0, "0")])
def test_a_figure_is_said_in_six_digits_or_a_word(value: float, text: str) -> None:
    assert figure_text(value) == text
