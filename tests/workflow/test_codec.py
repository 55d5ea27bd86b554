from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anyres.core.alignment import Alignment
from anyres.core.image import Encoding, Image, Rows
from anyres.core.results import ContinuousImage, PictureFile, Report
from anyres.workflow.codec import Value, Writer, parts_of, read_value, size_bytes


def written(value: Value, path: Path) -> Path:
    with path.open("wb") as file:
        writer = Writer(file)
        for part in parts_of(value):
            writer.write(part)
        writer.finish()
    return path


def picture(*, has_alpha: bool = False) -> Image:
    generator = np.random.default_rng(0)
    encoding = Encoding("png", 16, False, b"profile\x00", b"exif", None, (72.0, 96.0), True)
    alpha = generator.random((5, 7), np.float32) if has_alpha else None
    return Image(generator.random((5, 7, 3), np.float32), alpha, encoding, ("A notice.",))


@pytest.mark.parametrize("has_alpha", [False, True])
def test_a_picture_comes_back_bit_for_bit_with_all_beside_it(tmp_path: Path, has_alpha: bool) -> None:
    image = picture(has_alpha=has_alpha)
    rows = read_value(written(image, tmp_path / "value"))
    assert isinstance(rows, Rows)
    back = rows.collect()
    assert back.pixels.tobytes() == image.pixels.tobytes()
    assert (back.alpha is None) == (image.alpha is None)
    if back.alpha is not None and image.alpha is not None:
        assert back.alpha.tobytes() == image.alpha.tobytes()
    assert (back.encoding, back.notices) == (image.encoding, image.notices)


def test_rows_keep_what_overshoots(tmp_path: Path) -> None:
    values = np.array([[[-0.25, 1.5, 0.1]], [[0.2, 0.3, 2.0]]], np.float32)
    rows = Rows((2, 1), False, Encoding(), iter([values[:1], values[1:]]))
    back = read_value(written(rows, tmp_path / "value"))
    assert isinstance(back, Rows)
    np.testing.assert_array_equal(np.concatenate(list(back.checked_stripes())), values)


@pytest.mark.parametrize("matrix", [np.eye(3) * 1.1, None])
def test_an_alignment_comes_back_bit_for_bit(tmp_path: Path, matrix: Any) -> None:
    generator = np.random.default_rng(0)
    value = Alignment(
        fixed_hw=(30, 40),
        moving_hw=(31, 41),
        status="low_confidence",
        probability=0.625,
        reasons=("Few places agree.",),
        matrix=matrix,
        quadratic=None if matrix is not None else generator.random((2, 6)),
        moving=generator.random((5, 2)),
        fixed=generator.random((5, 2)),
        scores=generator.random(5, np.float32),
        agree=np.array([True, False, True, True, False]),
        engine="rootsift+retina-compact",
        weights_sha256=("a" * 64,),
    )
    back = read_value(written(value, tmp_path / "value"))
    assert isinstance(back, Alignment)
    assert size_bytes(value) == 5 * (16 + 16 + 4 + 1)
    for name, mine in vars(value).items():
        theirs = getattr(back, name)
        if isinstance(mine, np.ndarray):
            assert theirs.dtype == mine.dtype
            np.testing.assert_array_equal(theirs, mine)
        else:
            assert theirs == mine


@pytest.mark.parametrize(("precision", "dtype"), [("float32", np.float32), ("bfloat16", np.uint16)])
def test_features_come_back_bit_for_bit(tmp_path: Path, precision: str, dtype: type) -> None:
    features: tuple[Any, ...] = tuple(
        np.arange(count * 35).reshape(count, 5, 7).astype(dtype) for count in (4, 4)
    )
    value = ContinuousImage(picture(has_alpha=True), features, "liif", "a" * 64, precision, (1.0, 4.0))
    back = read_value(written(value, tmp_path / "value"))
    assert isinstance(back, ContinuousImage)
    for mine, theirs in zip(back.features, features, strict=True):
        assert mine.dtype == theirs.dtype
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(back.image.pixels, value.image.pixels)
    told = (back.weights, back.weights_sha256, back.precision, back.trained_scales)
    assert told == ("liif", "a" * 64, precision, (1.0, 4.0))


def test_a_file_comes_back_byte_for_byte_and_goes_with_its_value(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"any bytes" * 200_000)
    value = PictureFile(tmp_path / "a.png", (3, 4), "png", notices=("A notice.",))
    back = read_value(written(value, tmp_path / "value"))
    assert isinstance(back, PictureFile)
    assert back.path.read_bytes() == value.path.read_bytes()
    assert (back.path.suffix, back.size_hw, back.format) == (".png", (3, 4), "png")
    assert back.notices == ("A notice.",)
    path = back.path
    del back
    assert not path.exists()


def test_a_report_comes_back_with_what_is_infinite(tmp_path: Path) -> None:
    report = Report("figures", {"psnr_db": float("inf"), "ssim": 0.5})
    assert read_value(written(report, tmp_path / "value")) == report


def test_the_size_is_that_of_the_data(tmp_path: Path) -> None:
    image = picture(has_alpha=True)
    assert size_bytes(image) == size_bytes(Rows.of(image)) == 5 * 7 * 4 * 4
    whole = written(image, tmp_path / "value").stat().st_size
    assert 0 < whole - size_bytes(image) < 1000


@pytest.mark.parametrize("position", [0, 9, 20, 400, -2])
def test_one_changed_byte_anywhere_is_seen(tmp_path: Path, position: int) -> None:
    path = written(picture(), tmp_path / "value")
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="checksum"):
        read_value(path)


@pytest.mark.parametrize("length", [0, 1, 19, 100, -1])
def test_an_entry_that_was_cut_is_seen(tmp_path: Path, length: int) -> None:
    path = written(picture(), tmp_path / "value")
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match=r"too short|checksum"):
        read_value(path)
