"""What a picture keeps on its way through a file: each test fails if the property that it names is lost."""

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.JpegImagePlugin
import pytest

from anyres.core.files import Header, Limits, output_format, read_header, read_image, read_rgb8, write_image
from anyres.core.formats import Format
from anyres.core.image import Encoding, Image, Rows
from anyres.core.vips import load_vips
from tests.core.profiles import cmyk, display_p3, grey

NAMES = {".jpg": "JPEG", ".webp": "WebP", ".bmp": "BMP", ".avif": "AVIF"}
LOSSLESS = [".png", ".tif"]
WITH_METADATA = [".png", ".jpg", ".webp", ".tif", ".avif"]
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6" tiff:ImageWidth="5" b="kept"/></x:xmpmeta>'
)


def noise(*shape: int, dtype: type[np.generic] = np.uint8) -> np.ndarray:
    white = {np.uint8: 255, np.uint16: 65_535}.get(dtype, 1)
    return (np.random.default_rng(0).random(shape) * white).astype(dtype)


def smooth(height: int = 24, width: int = 40) -> np.ndarray:
    """A picture that lossy formats keep well."""
    y, x = np.mgrid[:height, :width]
    return np.stack([40 + 4 * x, 200 - 3 * y, 60 + 2 * x + y], axis=2).astype(np.uint8)


def through(image: Image | Rows, path: Path) -> Image:
    write_image(image, path)
    return read_image(path)


def exif_block() -> bytes:
    exif = PIL.Image.Exif()
    exif[0x0112], exif[0x010F] = 1, "Maker"
    exif.get_ifd(0x8769).update(
        {0xA002: 9, 0xA003: 7, 0x9003: "2024:01:02 03:04:05", 0x927C: b"camera's own"}
    )
    exif.get_ifd(0x8825).update({1: "N", 2: (37.0, 30.0, 1.5)})
    return exif.tobytes().removeprefix(b"Exif\x00\x00")


def parsed(exif: bytes | None) -> PIL.Image.Exif:
    assert exif is not None
    block = PIL.Image.Exif()
    block.load(exif)
    return block


@pytest.mark.parametrize("as_rows", [False, True])
@pytest.mark.parametrize("suffix", LOSSLESS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_lossless_formats_keep_every_sample_depth_and_mode(
    tmp_path: Path, channels: int, dtype: type[np.uint8] | type[np.uint16], suffix: str, as_rows: bool
) -> None:
    image = Image.from_numpy(noise(33, 45, channels, dtype=dtype))
    back = through(Rows.of(image) if as_rows else image, tmp_path / f"picture{suffix}")
    np.testing.assert_array_equal(back.to_numpy(dtype), image.to_numpy(dtype))
    assert back.encoding.depth == image.encoding.depth
    assert back.encoding.is_grey == (channels < 3)
    assert (back.alpha is None) == (image.alpha is None)
    raw = load_vips().Image.new_from_file(str(tmp_path / f"picture{suffix}"))
    assert raw.bands == channels
    assert raw.format == ("uchar" if dtype is np.uint8 else "ushort")


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("as_rows", [False, True])
def test_float_tiff_keeps_every_bit(tmp_path: Path, channels: int, as_rows: bool) -> None:
    samples = noise(20, 30, channels, dtype=np.float32)
    image = Image.from_numpy(samples, encoding=Encoding(depth=32, is_grey=channels < 3))
    back = through(Rows.of(image) if as_rows else image, tmp_path / "picture.tif")
    np.testing.assert_allclose(back.to_numpy(np.float32), image.to_numpy(np.float32), atol=1e-7)
    assert back.encoding.depth == 32


@pytest.mark.parametrize(("suffix", "error"), [(".jpg", 6), (".webp", 8), (".avif", 6), (".bmp", 0)])
@pytest.mark.parametrize("as_rows", [False, True])
def test_other_formats_keep_the_picture(tmp_path: Path, suffix: str, error: int, as_rows: bool) -> None:
    image = Image.from_numpy(smooth())
    back = through(Rows.of(image) if as_rows else image, tmp_path / f"picture{suffix}")
    assert np.abs(back.to_numpy().astype(int) - smooth()).max() <= error


@pytest.mark.parametrize("suffix", [".jpg", ".bmp"])
def test_grey_stays_one_channel(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"picture{suffix}"
    back = through(Image.from_numpy(smooth()[:, :, 0]), path)
    assert back.encoding.is_grey
    with PIL.Image.open(path) as stored:
        assert stored.mode == "L"
    assert np.abs(back.to_numpy()[:, :, 0].astype(int) - smooth()[:, :, 0]).max() <= 3


@pytest.mark.parametrize("suffix", [".webp", ".avif"])
def test_alpha_survives_lossy_formats(tmp_path: Path, suffix: str) -> None:
    samples = np.dstack([smooth(), smooth()[:, :, 0]])
    back = through(Image.from_numpy(samples), tmp_path / f"picture{suffix}")
    assert back.alpha is not None
    assert np.abs(back.to_numpy()[:, :, 3].astype(int) - samples[:, :, 3]).max() <= 4


def test_jpeg_is_written_without_subsampled_chroma_at_quality_95(tmp_path: Path) -> None:
    path = tmp_path / "picture.jpg"
    through(Image.from_numpy(smooth()), path)
    assert load_vips().Image.new_from_file(str(path)).get("jpeg-chroma-subsample") == "4:4:4"
    with PIL.Image.open(path) as stored:
        assert isinstance(stored, PIL.JpegImagePlugin.JpegImageFile)
        assert stored.quantization[0][0] == 2  # libjpeg's 16 at quality 50, by a tenth


def test_a_lossless_webp_comes_back_as_one(tmp_path: Path) -> None:
    samples = noise(20, 30, 4)
    PIL.Image.fromarray(samples).save(tmp_path / "in.webp", lossless=True, exact=True)
    image = read_image(tmp_path / "in.webp")
    np.testing.assert_array_equal(through(image, tmp_path / "out.webp").to_numpy(), samples)


@pytest.mark.parametrize("bits", [10, 12])
def test_white_of_ten_or_twelve_bits_is_white(tmp_path: Path, bits: int) -> None:
    white = (
        load_vips().Image.new_from_array(np.full((32, 32, 3), 65_535, np.uint16)).copy(interpretation="rgb16")
    )
    white.heifsave(str(tmp_path / "a.avif"), compression="av1", bitdepth=bits, Q=100, subsample_mode="off")
    image = read_image(tmp_path / "a.avif")
    assert image.encoding.depth == 16
    assert image.pixels.min() == 1
    image.save(tmp_path / "b.avif")
    assert load_vips().Image.new_from_file(str(tmp_path / "b.avif")).get("bits-per-sample") == 12


@pytest.mark.parametrize(("bits", "levels"), [(1, 2), (2, 4), (4, 16)])
def test_few_bits_become_eight(tmp_path: Path, bits: int, levels: int) -> None:
    stored = (np.arange(24 * 32).reshape(24, 32) % levels * 255 // (levels - 1)).astype(np.uint8)
    vips = load_vips()
    vips.Image.new_from_array(stored).copy(interpretation="b-w").pngsave(
        str(tmp_path / "a.png"), bitdepth=bits
    )
    image = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(image.to_numpy()[:, :, 0], stored)
    assert (image.encoding.depth, image.encoding.is_grey) == (8, True)


@pytest.mark.parametrize("bits", [1, 4, 8])
def test_a_palette_becomes_its_colours_with_their_transparency(tmp_path: Path, bits: int) -> None:
    picture = PIL.Image.fromarray(noise(20, 30, 3)).quantize(2**bits)
    picture.save(tmp_path / "opaque.png", bits=bits)
    np.testing.assert_array_equal(
        read_image(tmp_path / "opaque.png").to_numpy(), np.array(picture.convert("RGB"))
    )
    picture.save(tmp_path / "clear.png", bits=bits, transparency=bytes([0, 128]))
    back = through(read_image(tmp_path / "clear.png"), tmp_path / "again.png")
    with PIL.Image.open(tmp_path / "clear.png") as stored:
        np.testing.assert_array_equal(back.to_numpy(), np.array(stored.convert("RGBA")))


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_one_colour_that_a_png_declares_transparent_is(tmp_path: Path, mode: str) -> None:
    picture = PIL.Image.fromarray(noise(20, 30, 3)).convert(mode)
    picture.save(tmp_path / "a.png", transparency=picture.getpixel((4, 5)))
    alpha = read_image(tmp_path / "a.png").alpha
    assert alpha is not None
    assert alpha[5, 4] == 0
    assert alpha.mean() > 0.9


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_bmp_is_read_in_its_modes(tmp_path: Path, mode: str) -> None:
    picture = PIL.Image.fromarray(noise(20, 30, 3)).convert(mode)
    picture.save(tmp_path / "a.bmp")
    np.testing.assert_array_equal(read_image(tmp_path / "a.bmp").to_numpy(), np.array(picture.convert("RGB")))


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_cmyk_becomes_srgb_by_its_own_profile_with_a_notice(tmp_path: Path, suffix: str) -> None:
    paper = PIL.Image.new("CMYK", (16, 16), (0, 0, 0, 0))
    paper.save(tmp_path / f"plain{suffix}")
    plain = read_image(tmp_path / f"plain{suffix}")
    assert "CMYK" in plain.notices[0]
    assert "names none" in plain.notices[0]
    assert plain.pixels.min() > 0.97  # paper is white
    orange = cmyk((135, 200, 200))  # Lab of 53, 72, 72
    PIL.Image.new("CMYK", (16, 16), (255, 0, 0, 0)).save(tmp_path / f"tagged{suffix}", icc_profile=orange)
    tagged = read_image(tmp_path / f"tagged{suffix}")
    assert "its own profile" in tagged.notices[0]
    assert tagged.encoding.icc_profile is None
    red, green, blue = tagged.pixels[8, 8]
    assert red > 0.7 > 0.4 > green > blue


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_orientation_is_applied_and_then_reset(tmp_path: Path, suffix: str, orientation: int) -> None:
    upright = smooth()
    undo = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}[orientation]
    turns = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE"}
    turns |= {6: "ROTATE_270", 7: "TRANSVERSE", 8: "ROTATE_90"}
    stored = PIL.Image.fromarray(upright)
    if undo > 1:
        stored = stored.transpose(PIL.Image.Transpose[turns[undo]])
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / f"in{suffix}", exif=exif, lossless=True, dpi=(300, 150), quality=95, subsampling=0)
    image = read_image(tmp_path / f"in{suffix}")
    assert np.abs(image.to_numpy().astype(int) - upright).max() <= (6 if suffix == ".jpg" else 0)
    assert read_header(tmp_path / f"in{suffix}").size_hw == (24, 40)
    if suffix != ".webp":
        assert image.encoding.dpi == ((300, 150) if orientation < 5 else (150, 300))
    image.save(tmp_path / f"out{suffix}")
    with PIL.Image.open(tmp_path / f"out{suffix}") as written:
        assert written.getexif().get(0x0112, 1) == 1
        assert written.size == (40, 24)


@pytest.mark.parametrize("suffix", WITH_METADATA)
def test_profile_exif_xmp_and_dpi_come_back(tmp_path: Path, suffix: str) -> None:
    encoding = Encoding(icc_profile=display_p3(), exif=exif_block(), xmp=XMP, dpi=(300.0, 150.0))
    back = through(Image.from_numpy(smooth(), encoding=encoding), tmp_path / f"a{suffix}").encoding
    assert back.icc_profile == display_p3()
    assert back.dpi == (300.0, 150.0)
    assert back.xmp is not None
    assert b'b="kept"' in back.xmp
    assert b'tiff:Orientation="1"' in back.xmp
    assert b'tiff:ImageWidth="40"' in back.xmp
    exif = parsed(back.exif)
    assert exif[0x010F] == "Maker"
    camera = exif.get_ifd(0x8769)
    assert (camera[0xA002], camera[0xA003]) == (40, 24)
    assert camera[0x9003] == "2024:01:02 03:04:05"
    assert camera[0x927C] == b"camera's own"
    assert exif.get_ifd(0x8825)[2] == (37.0, 30.0, 1.5)


@pytest.mark.parametrize("suffix", [*WITH_METADATA, ".bmp"])
def test_dpi_comes_back_where_it_is_all_there_is(tmp_path: Path, suffix: str) -> None:
    image = Image.from_numpy(smooth(), encoding=Encoding(dpi=(300.0, 150.0)))
    assert through(image, tmp_path / f"a{suffix}").encoding.dpi == (300.0, 150.0)


@pytest.mark.parametrize("suffix", WITH_METADATA)
def test_strip_leaves_none_of_it(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    encoding = Encoding(icc_profile=display_p3(), exif=exif_block(), xmp=XMP, dpi=(300.0, 300.0))
    notices = Image.from_numpy(smooth(), encoding=encoding).save(path, strip=True)
    assert "sRGB" in notices[0]
    back = read_image(path).encoding
    assert (back.icc_profile, back.exif, back.xmp) == (None, None, None)
    assert back.dpi in (None, (72, 72))
    assert b"Maker" not in path.read_bytes()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_a_grey_profile_stays_with_a_grey_picture(tmp_path: Path, suffix: str) -> None:
    image = Image.from_numpy(smooth()[:, :, 0], encoding=Encoding(is_grey=True, icc_profile=grey()))
    assert through(image, tmp_path / f"a{suffix}").encoding.icc_profile == grey()


@pytest.mark.parametrize(
    ("is_grey", "profile"), [(True, display_p3()), (False, grey()), (False, cmyk((0, 0, 0)))]
)
def test_a_profile_for_other_channels_is_left_out_with_a_notice(
    tmp_path: Path, is_grey: bool, profile: bytes
) -> None:
    image = Image.from_numpy(smooth(), encoding=Encoding(is_grey=is_grey, icc_profile=profile))
    assert "profile is for" in image.save(tmp_path / "a.png")[0]
    assert read_image(tmp_path / "a.png").encoding.icc_profile is None


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".avif", ".tif", ".bmp"])
def test_a_picture_that_names_no_resolution_gets_none(tmp_path: Path, suffix: str) -> None:
    image = through(Image.from_numpy(smooth()), tmp_path / f"a{suffix}")
    assert (image.encoding.dpi, image.encoding.exif) == (None, None)


@pytest.mark.parametrize(("suffix", "bits"), [(".jpg", 8), (".webp", 8), (".bmp", 8), (".avif", 12)])
def test_fewer_bits_than_there_were_are_said(tmp_path: Path, suffix: str, bits: int) -> None:
    image = Image.from_numpy(noise(8, 8, 3, dtype=np.uint16))
    assert image.save(tmp_path / f"a{suffix}") == (
        f"{NAMES[suffix]} holds {bits} bits a channel; the picture had 16.",
    )


def test_premultiplied_tiff_is_divided_by_its_alpha(tmp_path: Path) -> None:
    samples = np.dstack([smooth(), np.full((24, 40), 128, np.uint8)])
    vips = load_vips()
    rgba = vips.Image.new_from_array(samples).copy(interpretation="srgb")
    rgba.tiffsave(str(tmp_path / "a.tif"), premultiply=True)
    assert np.abs(read_image(tmp_path / "a.tif").to_numpy().astype(int) - samples).max() <= 2  # of 128


@pytest.mark.parametrize(
    "options", [{"tile": True}, {"compression": "lzw"}, {"bigtiff": True}, {"pyramid": True}]
)
def test_tiff_is_read_tiled_packed_big_and_as_a_pyramid(tmp_path: Path, options: dict[str, object]) -> None:
    samples = noise(300, 400, 3)
    load_vips().Image.new_from_array(samples).copy(interpretation="srgb").tiffsave(
        str(tmp_path / "a.tif"), **options
    )
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").to_numpy(), samples)


def test_content_decides_how_a_file_is_read_not_its_suffix(tmp_path: Path) -> None:
    Image.from_numpy(smooth()).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    assert read_image(tmp_path / "a.jpg").encoding.format == "png"
    header = read_header(tmp_path / "a.jpg")
    assert header == Header((24, 40), "png", (tmp_path / "a.jpg").stat().st_size, pages=1)


@pytest.mark.parametrize(
    "name", ["Größe 写真.png", "a [b].png", "a.png[page=1].png", "100% (1).tif", "dots.v1.2.jpg"]
)
def test_any_file_name_works(tmp_path: Path, name: str) -> None:
    assert through(Image.from_numpy(smooth()), tmp_path / name).size_hw == (24, 40)
    assert through(Rows.of(Image.from_numpy(smooth())), tmp_path / f"2{name}").size_hw == (24, 40)


def test_every_suffix_names_its_format() -> None:
    names: dict[str, Format] = {"a.PNG": "png", "a.jpeg": "jpeg", "b/a.tiff": "tiff", "a.heif": "heic"}
    assert {name: output_format(name) for name in names} == names


def test_rows_and_the_whole_picture_give_the_same_bytes(tmp_path: Path) -> None:
    image = Image.from_numpy(noise(50, 70, 4))
    for suffix in (".png", ".tif", ".webp"):
        write_image(image, tmp_path / f"a{suffix}")
        write_image(Rows.of(image), tmp_path / f"b{suffix}")
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_stripes_of_any_height_make_the_same_picture(tmp_path: Path) -> None:
    image = Image.from_numpy(noise(53, 41, 3))
    for count, edges in enumerate(([0, 53], [0, 1, 2, 53], [0, 16, 17, 40, 53])):
        stripes = (image.pixels[top:bottom] for top, bottom in itertools.pairwise(edges))
        back = through(Rows(image.size_hw, False, Encoding(), stripes), tmp_path / f"{count}.png")
        np.testing.assert_array_equal(back.pixels, image.pixels)


def test_a_replaced_file_is_read_anew(tmp_path: Path) -> None:
    first, second = Image.from_numpy(noise(8, 8, 3)), Image.from_numpy(255 - noise(8, 8, 3))
    for image in (first, second):
        image.save(tmp_path / "a.png", overwrite=True)
        np.testing.assert_array_equal(read_image(tmp_path / "a.png").pixels, image.pixels)


def test_training_pictures_are_read_upright_in_eight_bits(tmp_path: Path) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    PIL.Image.fromarray(smooth()).convert("L").save(tmp_path / "a.png", exif=exif)
    colours = read_rgb8(tmp_path / "a.png")
    grey_levels = np.array(PIL.Image.fromarray(smooth()).convert("L"))
    np.testing.assert_array_equal(colours, np.rot90(grey_levels, -1)[:, :, None].repeat(3, axis=2))


def test_training_pictures_of_sixteen_bits_become_eight(tmp_path: Path) -> None:
    PIL.Image.fromarray(np.array([[0, 257, 30_000, 65_535]], np.uint16)).save(tmp_path / "a.png")
    assert read_rgb8(tmp_path / "a.png")[0, :, 1].tolist() == [0, 1, 117, 255]  # 30000 / 257 is 116.7


def test_heic_comes_and_goes_by_its_extra(tmp_path: Path) -> None:
    pytest.importorskip("pillow_heif")
    encoding = Encoding(icc_profile=display_p3(), exif=exif_block())
    image = Image.from_numpy(smooth(), encoding=encoding)
    back = through(image, tmp_path / "a.heic")
    assert np.abs(back.to_numpy().astype(int) - smooth()).max() <= 6
    assert back.encoding.icc_profile == display_p3()
    assert parsed(back.encoding.exif)[0x010F] == "Maker"
    deep = Image.from_numpy(np.full((32, 32, 4), 65_535, np.uint16))
    deep.save(tmp_path / "deep.heic")
    again = read_image(tmp_path / "deep.heic")
    assert again.encoding.depth == 16
    assert again.pixels.min() > 0.995
    assert dataclasses.replace(again.encoding, format=None).dpi is None


def test_an_image_opens_within_limits_and_saves_itself(tmp_path: Path) -> None:
    image = Image.from_numpy(noise(8, 9, 3))
    assert image.save(tmp_path / "a.png") == ()
    np.testing.assert_array_equal(Image.open(tmp_path / "a.png").pixels, image.pixels)
    np.testing.assert_array_equal(Image.open(str(tmp_path / "a.png"), limits=Limits()).pixels, image.pixels)
