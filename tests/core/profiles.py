"""ICC profiles built byte by byte (ICC.1:2001-04); none is vendored: Display P3, grey, and an odd CMYK."""

import struct


def display_p3() -> bytes:
    """Display P3: its primaries adapted to D50 (SMPTE EG 432-1), and a gamma of 2.2."""
    colorants = {
        b"rXYZ": (0.515121, 0.241196, -0.001053),
        b"gXYZ": (0.291977, 0.692245, 0.041885),
        b"bXYZ": (0.157104, 0.066574, 0.784073),
    }
    tags = {tag: _xyz(*value) for tag, value in colorants.items()}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _gamma())
    return _profile(b"mntr", b"RGB ", b"XYZ ", tags)


def grey() -> bytes:
    """Grey with a gamma of 2.2."""
    return _profile(b"mntr", b"GRAY", b"XYZ ", {b"kTRC": _gamma()})


def cmyk(ink_lab: tuple[int, int, int]) -> bytes:
    """A CMYK profile in which paper is white, and ink of any kind has the given 8-bit Lab colour."""
    grid = [(255, 128, 128) if corner == 0 else ink_lab for corner in range(2**4)]  # two points an ink
    matrix = struct.pack(">9i", *(65536 if at % 4 == 0 else 0 for at in range(9)))
    ramp = bytes(range(256))
    table = bytes(value for lab in grid for value in lab)
    lut = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + matrix + 4 * ramp + table + 3 * ramp
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"A2B0": lut})


def _xyz(x: float, y: float, z: float) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(65536 * value) for value in (x, y, z)))


def _gamma() -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(2.2 * 256)) + bytes(2)


def _profile(kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    name = b"made for a test\x00"
    described = b"desc" + bytes(4) + struct.pack(">I", len(name)) + name + bytes(4 + 4 + 2 + 1 + 67)
    tags = {
        b"desc": described,
        b"cprt": b"text" + bytes(4) + b"none\x00",
        b"wtpt": _xyz(0.9642, 1, 0.8249),
        **tags,
    }
    table, data = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for tag, value in tags.items():
        padded = value + bytes(-len(value) % 4)
        table += tag + struct.pack(">II", start + len(data), len(value))
        data += padded
    header = struct.pack(">I", start + len(data)) + bytes(4) + b"\x02\x40\x00\x00" + kind + space + connection
    header += struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    header += struct.pack(">3i", round(65536 * 0.9642), 65536, round(65536 * 0.8249))
    return header.ljust(128, b"\x00") + table + data
