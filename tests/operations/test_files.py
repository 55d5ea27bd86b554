"""load and save: pictures from files, and into files of their own."""

import gc
import tempfile
from pathlib import Path

import numpy as np
import pytest

from anyres.core.errors import InputError, LimitError
from anyres.core.files import Limits
from anyres.core.image import Encoding, Image
from anyres.core.results import PictureFile
from anyres.operations.load import load
from anyres.operations.save import save


@pytest.fixture
def image() -> Image:
    return Image(np.full((4, 6, 3), 0.5, np.float32), encoding=Encoding(depth=16, dpi=(300.0, 300.0)))


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("temporary")
def test_what_is_saved_is_loaded_again(image: Image) -> None:
    saved = save(image, format="png")
    assert (saved.format, saved.size_hw, saved.path.suffix) == ("png", (4, 6), ".png")
    loaded = load(saved)
    assert loaded.encoding.depth == 16
    np.testing.assert_allclose(loaded.pixels, image.pixels, atol=1e-5)


def test_the_file_goes_with_its_value(image: Image, temporary: Path) -> None:
    saved = save(image, format="tiff")
    assert [path.suffix for path in temporary.iterdir()] == [".tif"]
    del saved
    gc.collect()
    assert not list(temporary.iterdir())


@pytest.mark.usefixtures("temporary")
def test_what_the_format_cannot_keep_is_told(image: Image) -> None:
    assert "JPEG holds 8 bits a channel" in save(image, format="jpeg").notices[0]


def test_a_picture_that_the_format_cannot_hold_leaves_no_file(image: Image, temporary: Path) -> None:
    transparent = Image(image.pixels, np.full(image.size_hw, 0.5, np.float32))
    with pytest.raises(InputError, match="transparency, which JPEG cannot hold"):
        save(transparent, format="jpeg")
    assert not list(temporary.iterdir())


@pytest.mark.usefixtures("temporary")
def test_strip_leaves_the_metadata_out(image: Image) -> None:
    assert load(save(image, strip=True)).encoding.dpi is None
    assert load(save(image)).encoding.dpi is not None


def test_the_limits_of_reading_hold(image: Image, tmp_path: Path) -> None:
    image.save(tmp_path / "picture.png")
    with pytest.raises(LimitError, match="the limit is 1e-06"):
        PictureFile.at(tmp_path / "picture.png", limits=Limits(max_megapixels=0.000001))
    assert "max_megapixels" not in load.parameters.model_fields  # no document may raise what a person set
