import io
import struct

import numpy as np
import PIL.ExifTags
import PIL.Image
import pytest

from anyres.core.metadata import exif_dpi, resized_exif, resized_xmp, upright_exif, upright_xmp


def block(order: str = "<") -> bytes:
    exif = PIL.Image.Exif()
    exif.endian = order
    exif[0x0112], exif[0x010F] = 6, "Maker"
    exif.get_ifd(0x8769).update({0xA002: 9, 0xA003: 7})
    return exif.tobytes().removeprefix(b"Exif\x00\x00")


def parsed(exif: bytes | None) -> PIL.Image.Exif:
    assert exif is not None
    found = PIL.Image.Exif()
    found.load(exif)
    return found


@pytest.mark.parametrize("order", ["<", ">"])
def test_only_the_orientation_changes_in_either_byte_order(order: str) -> None:
    before, after = block(order), upright_exif(b"Exif\x00\x00" + block(order))
    assert parsed(after)[0x0112] == 1
    assert parsed(after)[0x010F] == "Maker"
    assert after is not None
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1


def test_the_thumbnail_of_the_old_picture_is_gone() -> None:
    thumbnail = io.BytesIO()
    PIL.Image.fromarray(np.full((9, 9, 3), 7, np.uint8)).save(thumbnail, "JPEG")
    first = block() + bytes(len(block()) % 2)
    start, link = len(first), 8 + 2 + 12 * 3  # the link stands after the three entries of the first directory
    entries = struct.pack("<HHII", 0x0201, 4, 1, start + 30)
    entries += struct.pack("<HHII", 0x0202, 4, 1, len(thumbnail.getvalue()))
    second = b"\x02\x00" + entries + bytes(4)
    whole = first[:link] + start.to_bytes(4, "little") + first[link + 4 :] + second + thumbnail.getvalue()
    assert parsed(whole).get_ifd(PIL.ExifTags.IFD.IFD1)[0x0202] == len(thumbnail.getvalue())
    after = upright_exif(whole)
    assert after is not None
    assert not parsed(after).get_ifd(PIL.ExifTags.IFD.IFD1)
    assert thumbnail.getvalue()[:20] not in after


def test_width_and_height_are_set_where_they_stand() -> None:
    camera = parsed(resized_exif(block(), (70, 90))).get_ifd(0x8769)
    assert (camera[0xA002], camera[0xA003]) == (90, 70)


@pytest.mark.parametrize(("unit", "factor"), [(2, 1.0), (3, 2.54)])
def test_resolution_is_read_in_either_unit(unit: int, factor: float) -> None:
    exif = PIL.Image.Exif()
    exif[0x011A], exif[0x011B], exif[0x0128] = 300.0, 150.0, unit
    assert exif_dpi(exif.tobytes().removeprefix(b"Exif\x00\x00")) == (300 * factor, 150 * factor)
    assert exif_dpi(block()) is None


@pytest.mark.parametrize(
    "broken", [b"", b"II", b"XX*\x00\x08\x00\x00\x00", b"II*\x00\xff\xff\xff\xff", block()[:20]]
)
def test_a_broken_block_is_told_not_raised(broken: bytes) -> None:
    assert upright_exif(broken) is None
    assert resized_exif(broken, (1, 1)) is None
    assert exif_dpi(broken) is None


def test_xmp_is_corrected_in_both_of_its_notations() -> None:
    both = "<a tiff:Orientation=\"{0}\" b='6'/><tiff:Orientation>{0}</tiff:Orientation><n>6</n>"
    assert upright_xmp(both.format(8).encode()) == both.format(1).encode()
    sizes = "<a tiff:ImageLength = '{0}'/><exif:PixelXDimension>{1}</exif:PixelXDimension><n>5</n>"
    assert resized_xmp(sizes.format(5, 6).encode(), (70, 90)) == sizes.format(70, 90).encode()


def test_only_the_first_of_many_links_to_a_camera_directory_is_followed() -> None:
    links = b"".join(struct.pack("<HHII", 0x8769, 4, 1, at) for at in (38, 56))
    head = b"II*\x00\x08\x00\x00\x00" + struct.pack("<H", 2) + links + bytes(4)
    camera = struct.pack("<H", 1) + struct.pack("<HHII", 0xA002, 4, 1, 9) + bytes(4)
    whole = head + camera + camera
    after = resized_exif(whole, (70, 90))
    assert after is not None
    assert [int.from_bytes(after[at + 10 : at + 14], "little") for at in (38, 56)] == [90, 9]
