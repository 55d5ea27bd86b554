"""Damaged EXIF costs its entries and not the picture."""

import struct
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from anyres.core.errors import InputError
from anyres.core.files import read_header, read_image, write_image
from anyres.core.image import Encoding, Image

UNREADABLE = ("The EXIF block could not be read and was left out.",)


def exif_block() -> bytes:
    exif = PIL.Image.Exif()
    exif[0x010F], exif[0x0132], exif[0x8298] = "Maker", "2026:11:22 10:00:00", "Me"
    exif.get_ifd(0x8769).update({0x829A: (1, 250), 0x8827: 100, 0xA002: 9, 0xA003: 7, 0x9286: b"ASCII\x00"})
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 1.5)})
    return exif.tobytes().removeprefix(b"Exif\x00\x00")


def picture(exif: bytes | None = None) -> Image:
    return Image.from_numpy(np.full((8, 9, 3), 77, np.uint8), encoding=Encoding(exif=exif))


def test_every_damaged_block_is_written_or_left_out_with_a_notice(tmp_path: Path) -> None:
    random, left_out = np.random.default_rng(0), 0
    for number in range(150):
        exif = bytearray(exif_block())
        for at in random.integers(8, len(exif), 4):
            exif[at] = random.integers(256)
        notices = write_image(picture(bytes(exif)), tmp_path / f"{number}.tif")
        assert notices in ((), UNREADABLE)
        assert (read_image(tmp_path / f"{number}.tif").to_numpy() == 77).all()
        left_out += notices == UNREADABLE
    assert 0 < left_out < 150


def test_a_tiff_whose_date_is_a_number_is_read_without_its_exif(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    write_image(picture(exif_block()), path)
    content = path.read_bytes()
    kind = content.rindex(struct.pack("<HHI", 306, 2, 20)) + 2
    path.write_bytes(content[:kind] + b"\x05\x00\x01\x00" + content[kind + 4 :])
    image = read_image(path)
    assert (image.notices, image.encoding.exif) == (UNREADABLE, None)


def test_a_page_whose_kind_is_no_number_is_refused(tmp_path: Path) -> None:
    PIL.Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "a.tif", tiffinfo={254: 0})
    content = (tmp_path / "a.tif").read_bytes()
    entry = content.index((254).to_bytes(2, "little") + b"\x04\x00")
    (tmp_path / "a.tif").write_bytes(content[: entry + 2] + b"\x02\x00" + content[entry + 4 :])
    with pytest.raises(InputError, match="directory cannot be read"):
        read_header(tmp_path / "a.tif")
