"""Every bad picture file gets a clear sentence: what, the value seen, the way out; nothing is left behind."""

import errno
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from anyres.core.errors import InputError, LimitError, RunError
from anyres.core.files import Limits, read_header, read_image, read_rgb8, write_image
from anyres.core.image import Encoding, Image, Rows
from anyres.core.vips import load_vips


def picture(height: int = 60, width: int = 80) -> Image:
    return Image.from_numpy(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def png_that_says(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no file .*gone\.png"):
        read_image(tmp_path / "gone.png")


def test_a_folder_is_not_a_picture(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        read_image(tmp_path)


def test_an_empty_file_is_said_to_be_empty(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    with pytest.raises(InputError, match="empty"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize(
    "content", [b"GIF89a" + bytes(50), b"just a text that is no picture", b"\x00", b"BMX"]
)
def test_what_is_not_a_picture_is_refused_with_what_it_begins_with(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InputError, match=r"not a picture|damaged"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("part", [0.02, 0.3, 0.7, 0.97])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".bmp", ".avif", ".heic"])
def test_a_file_that_was_cut_short_is_refused(tmp_path: Path, suffix: str, part: float) -> None:
    if suffix == ".heic":
        pytest.importorskip("pillow_heif")
    path = tmp_path / f"a{suffix}"
    picture().save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(InputError, match="damaged or cut short"):
        read_image(path)


def test_a_progressive_jpeg_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    picture().to_pil().save(path, progressive=True)
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(InputError, match="damaged or cut short"):
        read_image(path)


def test_a_flipped_bit_in_a_png_is_noticed(tmp_path: Path) -> None:
    picture().save(tmp_path / "a.png")
    content = bytearray((tmp_path / "a.png").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        read_image(tmp_path / "a.png")


def test_the_reason_of_one_file_is_not_told_of_the_next(tmp_path: Path) -> None:
    for name in ("a.avif", "b.png"):
        picture().save(tmp_path / name)
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-300])
    for name, other in (("a.avif", "b.png"), ("b.png", "a.avif")):
        with pytest.raises(InputError) as caught:
            read_image(tmp_path / name)
        assert other not in str(caught.value)


def test_a_header_of_3600_megapixels_is_refused_before_decoding(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png_that_says(60_000, 60_000))
    with pytest.raises(
        LimitError, match=r"60000 x 60000 pixels, 3600.0 megapixels; the limit is 100.*--max-megapixels"
    ):
        read_image(tmp_path / "a.png")
    assert read_header(tmp_path / "a.png").size_hw == (60_000, 60_000)


def test_both_limits_can_be_lowered_and_raised(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    picture().save(path)
    with pytest.raises(LimitError, match=r"0.0 megapixels; the limit is 0.0047"):
        read_image(path, limits=Limits(max_megapixels=0.0047))
    with pytest.raises(LimitError, match=r"MB; the limit is 0.001.*--max-megabytes"):
        read_image(path, limits=Limits(max_megabytes=0.001))
    assert read_image(path, limits=Limits(max_megapixels=0.0048, max_megabytes=1.0)).size_hw == (60, 80)


def test_the_limits_by_default_are_100_megapixels_and_256_megabytes() -> None:
    assert Limits() == Limits(max_megapixels=100.0, max_megabytes=256.0)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".avif"])
def test_animations_and_several_pages_are_refused_with_their_number(tmp_path: Path, suffix: str) -> None:
    frames = [PIL.Image.fromarray(np.full((20, 30, 3), level, np.uint8)) for level in (10, 90, 200)]
    frames[0].save(tmp_path / f"a{suffix}", save_all=True, append_images=frames[1:])
    with pytest.raises(InputError, match="holds 3 pages or frames"):
        read_image(tmp_path / f"a{suffix}")


def test_a_heic_file_of_several_pictures_is_refused_with_their_number(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    pictures = heif.HeifFile()
    for level in (10, 200):
        pictures.add_frombytes("RGB", (64, 64), bytes([level]) * (64 * 64 * 3))
    pictures.save(tmp_path / "a.heic", quality=50)
    with pytest.raises(InputError, match="holds 2 pages or frames"):
        read_image(tmp_path / "a.heic")


@pytest.mark.parametrize(("value", "seen"), [(1.25, "to 1.25"), (-0.5, "from -0.5"), (np.nan, "NaN")])
def test_float_outside_0_to_1_is_refused(tmp_path: Path, value: float, seen: str) -> None:
    samples = np.full((8, 8, 3), 0.5, np.float32)
    samples[3, 4, 1] = value
    load_vips().Image.new_from_array(samples).copy(interpretation="scrgb").tiffsave(str(tmp_path / "a.tif"))
    with pytest.raises(InputError, match=seen):
        read_image(tmp_path / "a.tif")


def test_samples_and_channels_that_make_no_picture_are_refused(tmp_path: Path) -> None:
    vips = load_vips()
    vips.Image.new_from_array(np.zeros((8, 8), np.uint32)).tiffsave(str(tmp_path / "a.tif"))
    with pytest.raises(InputError, match="uint"):
        read_image(tmp_path / "a.tif")
    vips.Image.new_from_array(np.zeros((8, 8, 6), np.uint8)).tiffsave(str(tmp_path / "b.tif"))
    with pytest.raises(InputError, match="6 channels"):
        read_image(tmp_path / "b.tif")


def test_training_pictures_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match="damaged"):
        read_rgb8(tmp_path / "a.png")


def test_training_pictures_with_transparent_pixels_are_refused(tmp_path: Path) -> None:
    array = np.full((4, 4, 4), 255, np.uint8)
    array[0, 0] = (200, 0, 0, 255)
    PIL.Image.fromarray(array).save(tmp_path / "opaque.png")
    assert (read_rgb8(tmp_path / "opaque.png") == array[:, :, :3]).all()
    array[0, 0, 3] = 254
    PIL.Image.fromarray(array).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"a\.png has transparent pixels"):
        read_rgb8(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["a", "a.gif", "a.png.txt"])
def test_an_output_name_of_no_format_is_refused_with_the_choices(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"\.png \.jpg"):
        picture().save(tmp_path / name)


@pytest.mark.parametrize("suffix", [".jpg", ".bmp"])
def test_transparency_is_not_thrown_away(tmp_path: Path, suffix: str) -> None:
    image = Image.from_numpy(np.zeros((4, 4, 4), np.uint8))
    with pytest.raises(InputError, match=r"transparency.*Write PNG"):
        image.save(tmp_path / f"a{suffix}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("suffix", "side"), [(".jpg", 65_501), (".webp", 16_384), (".avif", 16_385)])
def test_a_side_that_a_format_cannot_hold_is_refused(tmp_path: Path, suffix: str, side: int) -> None:
    rows = Rows((1, side), False, Encoding(), iter([]))
    with pytest.raises(InputError, match=f"at most {side - 1} pixels"):
        write_image(rows, tmp_path / f"a{suffix}")


def test_an_output_that_exists_is_kept_unless_overwriting_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("mine")
    with pytest.raises(InputError, match=r"exists already.*--overwrite"):
        picture().save(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_text() == "mine"
    picture().save(tmp_path / "a.png", overwrite=True)
    assert read_image(tmp_path / "a.png").size_hw == (60, 80)


def test_an_output_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    def stripes() -> Iterator[np.ndarray]:
        (tmp_path / "a.png").write_text("another's")
        yield picture().pixels

    with pytest.raises(InputError, match="exists already"):
        write_image(Rows((60, 80), False, Encoding(), stripes()), tmp_path / "a.png")
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]
    assert (tmp_path / "a.png").read_text() == "another's"


def test_a_folder_that_is_not_there_or_is_the_target_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder"):
        picture().save(tmp_path / "gone" / "a.png")
    (tmp_path / "a.png").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        picture().save(tmp_path / "a.png", overwrite=True)


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, **_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(InputError, match="cannot be written to"):
        picture().save(tmp_path / "a.png")


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    def stripes() -> Iterator[np.ndarray]:
        yield picture().pixels[:30]
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(RunError, match=r"No space left on device.*Free some space"):
        write_image(Rows((60, 80), False, Encoding(), stripes()), tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_an_encoder_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vips = load_vips()

    def fail(*_: object, **__: object) -> None:
        raise vips.Error("write error")

    monkeypatch.setattr(vips.Image, "pngsave", fail, raising=False)
    with pytest.raises(RunError, match="could not take the picture"):
        picture().save(tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_fails_in_the_middle_leaves_nothing_behind(tmp_path: Path) -> None:
    def stripes() -> Iterator[np.ndarray]:
        yield picture().pixels[:30]
        raise MemoryError("in the network")

    with pytest.raises(MemoryError):
        write_image(Rows((60, 80), False, Encoding(), stripes()), tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_a_result_that_is_not_a_number_is_not_written(tmp_path: Path) -> None:
    stripe = np.full((2, 2, 3), np.nan, np.float32)
    with pytest.raises(RunError, match="not numbers"):
        write_image(Rows((2, 2), False, Encoding(), iter([stripe])), tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_what_the_disk_cannot_hold_is_refused_at_once_with_the_largest_that_fits(tmp_path: Path) -> None:
    with pytest.raises(
        LimitError, match=r"2000000 x 1000000 pixels need 12000000 MB .* ask for \d+ x \d+ at most"
    ):
        write_image(Rows((10**6, 2 * 10**6), False, Encoding(), iter([])), tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("suffix", "megabytes"), [(".webp", 18), (".avif", 40), (".heic", 42)])
def test_what_memory_cannot_hold_is_refused_before_it_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, megabytes: int
) -> None:
    monkeypatch.setattr("anyres.core.files.free_machine_bytes", lambda: megabytes * 1_250_000 // 4 + 1)
    with pytest.raises(LimitError, match=rf"needs {megabytes} MB of memory; .* or ask for 500 x 500 at most"):
        write_image(Rows((1000, 1000), False, Encoding(), iter([])), tmp_path / f"a{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_formats_that_are_written_row_by_row_need_no_memory_to_speak_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anyres.core.files.free_machine_bytes", lambda: 0)
    for suffix in (".png", ".jpg", ".tif", ".bmp"):
        write_image(picture(), tmp_path / f"a{suffix}")


@pytest.mark.slow
def test_reading_prints_nothing(tmp_path: Path) -> None:
    picture().save(tmp_path / "a.jpg")
    content = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(content[:-500])
    (tmp_path / "noisy.jpg").write_bytes(content[:-2] + bytes(9) + content[-2:])  # libjpeg: extraneous bytes
    code = (
        "import sys\nfrom anyres.core.files import read_image\nfrom anyres.core.errors import InputError\n"
        "for name in ('a.jpg', 'noisy.jpg', 'cut.jpg'):\n"
        "    try:\n        read_image(sys.argv[1] + '/' + name)\n    except InputError:\n        pass\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout + done.stderr == ""
