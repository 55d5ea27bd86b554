import io

import numpy as np
import PIL.Image
import pytest
import torch

from anyres.core.errors import InputError
from anyres.core.image import Encoding, Image, Rows, quantise
from tests.core.profiles import display_p3


def noise(*shape: int, dtype: type[np.generic] = np.float32) -> np.ndarray:
    white = {np.uint8: 255, np.uint16: 65_535}.get(dtype, 1)
    return (np.random.default_rng(0).random(shape) * white).astype(dtype)


def check(pixels: np.ndarray, alpha: np.ndarray | None = None) -> None:
    """What making an Image checks for users, for whom no type checker stands before it."""
    image = object.__new__(Image)
    object.__setattr__(image, "pixels", pixels)
    object.__setattr__(image, "alpha", alpha)
    image.__post_init__()


def test_an_image_knows_its_size() -> None:
    image = Image(pixels=noise(3, 5, 3))
    assert (image.height, image.width, image.size_hw) == (3, 5, (3, 5))


def test_its_arrays_are_contiguous_and_read_only_and_the_callers_keep_their_flags() -> None:
    colours, alpha = noise(4, 4, 3)[:, ::2], noise(4, 2)
    image = Image(pixels=colours, alpha=alpha)
    assert image.alpha is not None
    assert image.pixels.flags.c_contiguous
    for array in (image.pixels, image.alpha):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 0
    alpha[0, 0] = 0


@pytest.mark.parametrize(
    ("value", "seen"), [(-0.01, "from -0.01 to"), (1.5, "to 1.5"), (np.nan, "NaN"), (np.inf, "to inf")]
)
def test_values_outside_0_to_1_are_refused_with_what_was_seen(value: float, seen: str) -> None:
    pixels = noise(4, 4, 3)
    pixels[2, 1, 0] = value
    with pytest.raises(InputError, match=seen):
        Image(pixels=pixels)
    with pytest.raises(InputError, match=seen):
        Image(pixels=noise(4, 4, 3), alpha=pixels[:, :, 0])


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 4), (3, 4, 4), (0, 4, 3), (1, 4, 4, 3)])
def test_another_shape_is_refused_with_the_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=" x ".join(map(str, shape))):
        check(np.zeros(shape, np.float32))


def test_numbers_other_than_float32_are_refused_with_the_way_out() -> None:
    with pytest.raises(InputError, match=r"uint8. Use Image\.from_numpy"):
        check(noise(4, 4, 3, dtype=np.uint8))


def test_alpha_of_another_size_is_refused() -> None:
    with pytest.raises(InputError, match="4 x 4; this one is 4 x 5"):
        check(noise(4, 4, 3), noise(4, 5))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [0, 1, 2, 3, 4])
def test_every_whole_number_survives_numpy_and_back(channels: int, dtype: type[np.generic]) -> None:
    white = np.iinfo(dtype).max  # type: ignore[type-var]
    levels = np.arange(256, dtype=np.int64) * white // 255
    array = np.stack([np.roll(levels, channel).reshape(8, 32) for channel in range(max(channels, 1))], axis=2)
    stored = array.astype(dtype)[:, :, 0] if channels == 0 else array.astype(dtype)
    image = Image.from_numpy(stored)
    back = image.to_numpy(dtype)  # type: ignore[arg-type]
    colours = array[:, :, :3] if channels > 2 else array[:, :, :1].repeat(3, axis=2)
    assert (back[:, :, :3] == colours).all()
    assert (image.alpha is not None) == (channels in (2, 4))
    if channels in (2, 4):
        assert (back[:, :, 3] == array[:, :, -1]).all()
    assert image.encoding.is_grey == (channels < 3)
    assert image.encoding.depth == (8 if dtype is np.uint8 else 16)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_are_taken_as_they_are(dtype: type[np.generic]) -> None:
    array = noise(3, 4, 3, dtype=dtype)
    np.testing.assert_array_equal(Image.from_numpy(array).pixels, array.astype(np.float32))
    np.testing.assert_array_equal(Image.from_numpy(array).to_numpy(np.float32), array.astype(np.float32))


@pytest.mark.parametrize("dtype", [np.bool_, np.int64, np.complex64])
def test_other_types_of_number_are_refused_by_name(dtype: type[np.generic]) -> None:
    with pytest.raises(InputError, match=np.dtype(dtype).name):
        Image.from_numpy(np.zeros((2, 2, 3), dtype))


@pytest.mark.parametrize("shape", [(4,), (4, 4, 5), (3, 4, 4), (2, 4, 4, 3)])
def test_arrays_of_no_pictures_shape_are_refused(shape: tuple[int, ...]) -> None:
    if shape == (3, 4, 4):  # four channels at the end: read as 3 rows of 4 pixels
        assert Image.from_numpy(np.zeros(shape, np.uint8)).size_hw == (3, 4)
        return
    with pytest.raises(InputError, match="height x width"):
        Image.from_numpy(np.zeros(shape, np.uint8))


def test_quantising_rounds_half_up_and_clips() -> None:
    values = np.array([-1, 0, 0.49 / 255, 0.5 / 255, 254.4 / 255, 254.6 / 255, 1, 7], np.float32)
    assert quantise(values, np.uint8).tolist() == [0, 0, 0, 1, 254, 255, 255, 255]
    assert quantise(values, np.uint16)[[0, 1, 6, 7]].tolist() == [0, 0, 65_535, 65_535]
    assert quantise(values, np.float32)[[0, 7]].tolist() == [0, 1]


@pytest.mark.parametrize("name", [np.dtype("uint8"), "uint8", "u1"])
def test_a_type_of_number_is_known_by_any_of_its_names(name: str) -> None:
    image = Image.from_numpy(noise(3, 5, 3, dtype=np.uint8))
    assert (image.to_numpy(name) == image.to_numpy(np.uint8)).all()
    assert quantise(np.ones(2, np.float32), name).tolist() == [255, 255]


@pytest.mark.parametrize("name", [np.dtype(np.float64), "float64", "int8", ">u2", "colours"])
def test_a_type_that_pixels_are_not_given_as_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="uint8, uint16 or float32"):
        Image.from_numpy(noise(3, 5, 3)).to_numpy(name)


def test_torch_gets_planes_of_its_own_and_gives_them_back() -> None:
    image = Image(pixels=noise(3, 5, 3))
    planes = image.to_torch()
    assert planes.shape == (3, 3, 5)
    np.testing.assert_array_equal(Image.from_torch(planes).pixels, image.pixels)
    np.testing.assert_array_equal(Image.from_torch(planes[None].double()).pixels, image.pixels)
    planes.zero_()
    assert image.pixels.max() > 0
    levels = torch.arange(12, dtype=torch.uint8).reshape(3, 2, 2)
    assert (Image.from_torch(levels).to_numpy() == levels.permute(1, 2, 0).numpy()).all()


@pytest.mark.parametrize("shape", [(4, 4), (1, 4, 4), (2, 3, 4, 4), (4, 4, 3)])
def test_tensors_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=" x ".join(map(str, shape))):
        Image.from_torch(torch.zeros(shape))


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_pil_and_back_changes_no_pixel_and_no_mode(mode: str) -> None:
    picture = PIL.Image.fromarray(noise(7, 5, 4, dtype=np.uint8)).convert(mode)
    back = Image.from_pil(picture).to_pil()
    assert back.mode == mode
    assert back.tobytes() == picture.tobytes()


def test_pil_modes_that_hold_other_things_become_what_they_show() -> None:
    colours = PIL.Image.fromarray(noise(7, 5, 3, dtype=np.uint8))
    palette = colours.quantize(16)
    assert (Image.from_pil(palette).to_numpy() == np.array(palette.convert("RGB"))).all()
    palette.info["transparency"] = bytes([0] + 15 * [255])
    assert Image.from_pil(palette).alpha is not None
    one_bit = Image.from_pil(colours.convert("1"))
    assert one_bit.encoding.is_grey
    assert np.unique(one_bit.pixels).tolist() == [0, 1]
    levels = noise(7, 5, dtype=np.uint16)
    sixteen_bit = Image.from_pil(PIL.Image.fromarray(levels))
    assert sixteen_bit.encoding.depth == 16
    assert (sixteen_bit.to_numpy(np.uint16)[:, :, 0] == levels).all()
    converted = Image.from_pil(colours.convert("CMYK"))
    assert "CMYK" in converted.notices[0]
    assert np.abs(converted.to_numpy().astype(int) - np.array(colours)).max() <= 1
    assert Image.from_pil(PIL.Image.fromarray(noise(7, 5))).encoding.is_grey


def test_pil_pictures_are_turned_upright_and_carry_their_metadata() -> None:
    picture = PIL.Image.fromarray(noise(7, 5, 3, dtype=np.uint8))
    exif = PIL.Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", exif=exif, icc_profile=display_p3(), dpi=(300, 300))
    image = Image.from_pil(PIL.Image.open(buffer))
    assert (image.to_numpy() == np.rot90(np.array(picture), -1)).all()
    back = image.to_pil()
    assert back.getexif()[0x0112] == 1
    assert back.getexif()[0x010F] == "Maker"
    assert back.info["icc_profile"] == display_p3()
    assert round(back.info["dpi"][0]) == 300


@pytest.mark.parametrize("dpi", [float("nan"), float("inf"), 0.0, -72.0, 4e9])
def test_a_resolution_that_no_picture_has_is_refused_or_dropped_on_reading(dpi: float) -> None:
    with pytest.raises(InputError, match="dots per inch"):
        Encoding(dpi=(72.0, dpi))
    picture = PIL.Image.fromarray(noise(3, 5, 3, dtype=np.uint8))
    picture.info["dpi"] = (72.0, dpi)
    assert Image.from_pil(picture).encoding.dpi is None


def test_a_notebook_gets_a_png() -> None:
    image = Image.from_numpy(noise(3, 5, 4, dtype=np.uint8))
    with PIL.Image.open(io.BytesIO(image._repr_png_())) as shown:
        assert shown.format == "PNG"
        assert (np.array(shown) == image.to_numpy()).all()


@pytest.mark.parametrize("has_alpha", [False, True])
def test_rows_collect_into_the_image_that_they_came_from(has_alpha: bool) -> None:
    image = Image(noise(9, 5, 3), noise(9, 5) if has_alpha else None, Encoding(depth=16), ("a notice",))
    channels = image.to_numpy(np.float32)
    rows = Rows(image.size_hw, has_alpha, image.encoding, iter([channels[:4], channels[4:]]), image.notices)
    collected = rows.collect()
    np.testing.assert_array_equal(collected.to_numpy(np.float32), channels)
    assert (collected.encoding, collected.notices) == (image.encoding, image.notices)
    np.testing.assert_array_equal(Rows.of(image).collect().pixels, image.pixels)


def test_rows_clip_what_overshoots() -> None:
    stripe = np.array([[[-0.25, 0.5, 1.25]]], np.float32)
    assert Rows((1, 1), False, Encoding(), iter([stripe])).collect().pixels.tolist() == [[[0, 0.5, 1]]]


def test_stripes_that_do_not_add_up_are_our_own_bug() -> None:
    for stripes in ([noise(3, 5, 3)], [noise(4, 4, 3)], [noise(4, 5, 4)]):
        with pytest.raises((AssertionError, ValueError)):
            Rows((4, 5), False, Encoding(), iter(stripes)).collect()
