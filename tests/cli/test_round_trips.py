"""What a picture keeps on its way through the command `anyres upscale`, from file to file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from anyres.core.files import read_image
from anyres.core.image import Image
from tests.core.profiles import cmyk, display_p3

Run = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("nearest_model")


def noise(*shape: int, dtype: type[np.uint8] | type[np.uint16] = np.uint8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def twice(array: np.ndarray) -> np.ndarray:
    return array.repeat(2, axis=0).repeat(2, axis=1)


@pytest.fixture
def enlarged(run: Run) -> Callable[[Path], Path]:
    """Enlarges a file by two and gives the result's path."""

    def call(path: Path) -> Path:
        said = run("upscale", path)
        assert said.code == 0, said.err
        return path.with_name(f"{path.stem}.x2{path.suffix}")

    return call


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_depth_grey_and_alpha_stay(
    tmp_path: Path,
    enlarged: Callable[[Path], Path],
    channels: int,
    dtype: type[np.uint8] | type[np.uint16],
    suffix: str,
) -> None:
    image = Image.from_numpy(noise(6, 9, channels, dtype=dtype))
    image.save(tmp_path / f"a{suffix}")
    back = read_image(enlarged(tmp_path / f"a{suffix}"))
    np.testing.assert_array_equal(back.to_numpy(dtype), twice(image.to_numpy(dtype)))
    assert back.encoding.depth == image.encoding.depth
    assert back.encoding.is_grey == (channels < 3)
    assert (back.alpha is None) == (channels in (1, 3))


def test_a_palette_becomes_its_colours_with_their_transparency(
    tmp_path: Path, enlarged: Callable[[Path], Path]
) -> None:
    picture = PIL.Image.fromarray(noise(6, 9, 3)).quantize(16)
    picture.save(tmp_path / "a.png", transparency=bytes([0, 128]))
    with PIL.Image.open(tmp_path / "a.png") as stored:
        expected = twice(np.array(stored.convert("RGBA")))
    np.testing.assert_array_equal(read_image(enlarged(tmp_path / "a.png")).to_numpy(), expected)


def test_cmyk_becomes_srgb_by_its_profile_and_is_said(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "a.jpg"
    PIL.Image.new("CMYK", (16, 16), (255, 0, 0, 0)).save(path, icc_profile=cmyk((135, 200, 200)))
    said = run("upscale", path)
    assert said.code == 0
    assert "CMYK" in said.err
    assert "its own profile" in said.err
    back = read_image(tmp_path / "a.x2.jpg")
    assert back.encoding.icc_profile is None
    red, green, blue = back.pixels[16, 16]
    assert red > 0.7 > 0.4 > green > blue  # the profile's orange


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_upright_and_reset(
    tmp_path: Path, enlarged: Callable[[Path], Path], orientation: int
) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    PIL.Image.fromarray(noise(6, 9, 3)).save(tmp_path / "a.png", exif=exif)
    upright = read_image(tmp_path / "a.png").to_numpy()
    assert upright.shape[:2] == ((6, 9) if orientation < 5 else (9, 6))
    with PIL.Image.open(enlarged(tmp_path / "a.png")) as written:
        assert written.getexif().get(0x0112, 1) == 1
        np.testing.assert_array_equal(np.array(written), twice(upright))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_the_profile_and_the_camera_stay(
    tmp_path: Path, enlarged: Callable[[Path], Path], suffix: str
) -> None:
    exif = PIL.Image.Exif()
    exif[0x010F] = "Maker"
    picture = PIL.Image.fromarray(noise(16, 16, 3))
    picture.save(tmp_path / f"a{suffix}", icc_profile=display_p3(), exif=exif)
    back = read_image(enlarged(tmp_path / f"a{suffix}"))
    assert back.encoding.icc_profile == display_p3()
    assert back.encoding.exif is not None
    assert b"Maker" in back.encoding.exif


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_the_resolution_stays(tmp_path: Path, enlarged: Callable[[Path], Path], suffix: str) -> None:
    PIL.Image.fromarray(noise(16, 16, 3)).save(tmp_path / f"a{suffix}", dpi=(300, 150))
    assert read_image(enlarged(tmp_path / f"a{suffix}")).encoding.dpi == pytest.approx((300, 150), rel=1e-3)
