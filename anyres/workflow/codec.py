"""Values as bytes: what the cache keeps of a result, exactly, and never as code.

    8 bytes   b"anyres", 0, version of this layout
    8 bytes   length of the header, little-endian
    header    JSON: the kind of value and all of it but its arrays; spaces behind it up to a multiple of 64
    data      arrays one after the other, little-endian: rows of a picture as float32, h w c; features;
              matches; a file
    4 bytes   CRC-32 of all before

A picture is read as `Rows` over the mapped file, whether it was written as an `Image` or as it streamed.
"""

import base64
import json
import mmap
import os
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from jaxtyping import Shaped

from anyres.core.alignment import Alignment
from anyres.core.formats import FORMATS
from anyres.core.image import Encoding, Image, Rows, stripes_of
from anyres.core.results import FEATURE_TYPES, ContinuousImage, PictureFile, Report

Value = Image | Rows | ContinuousImage | PictureFile | Alignment | Report
MAGIC: Final = b"anyres\x00\x01"
_LENGTH: Final = 8  # bytes of the header's length
_ALIGNED: Final = 64
_CHECKSUM: Final = 4
_PIECE: Final = 2**20  # bytes of a file copied at a time
_SAMPLE: Final = np.dtype("<f4")
_OF_MATCHES: Final[dict[str, "np.dtype[Any]"]] = {  # arrays of an alignment, in this order
    "moving": np.dtype("<f8"),
    "fixed": np.dtype("<f8"),
    "scores": np.dtype("<f4"),
    "agree": np.dtype("?"),
}


def parts_of(value: Value) -> Iterator[Any]:
    """The value as buffers, which joined are an entry without its checksum; rows are taken as they come.

    Behind the header, the buffers of `Rows` are its stripes one by one.
    """
    header = json.dumps(_header(value), sort_keys=True).encode()
    length = -(-(len(MAGIC) + _LENGTH + len(header)) // _ALIGNED) * _ALIGNED - len(MAGIC) - _LENGTH
    yield MAGIC + length.to_bytes(_LENGTH, "little") + header.ljust(length)
    if isinstance(value, ContinuousImage):
        yield from _samples(Rows.of(value.image))
        for feature in value.features:
            yield np.ascontiguousarray(feature, feature.dtype.newbyteorder("<")).data
    elif isinstance(value, Alignment):
        for name, dtype in _OF_MATCHES.items():
            yield np.ascontiguousarray(getattr(value, name), dtype).tobytes()
    elif isinstance(value, PictureFile):
        with value.path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece
    elif isinstance(value, (Image, Rows)):
        yield from _samples(value if isinstance(value, Rows) else Rows.of(value))


def size_bytes(value: Value) -> int:
    """Bytes of its data, about what its entry takes."""
    if isinstance(value, ContinuousImage):
        return size_bytes(value.image) + sum(feature.nbytes for feature in value.features)
    if isinstance(value, PictureFile):
        return value.path.stat().st_size
    if isinstance(value, Alignment):
        return sum(getattr(value, name).nbytes for name in _OF_MATCHES)
    if isinstance(value, Report):
        return 0
    channels = value.channels if isinstance(value, Rows) else 3 + (value.alpha is not None)
    return value.size_hw[0] * value.size_hw[1] * channels * _SAMPLE.itemsize


class Writer:
    """An entry on its way into a file; `finish` makes it whole."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._checksum = 0

    def write(self, part: Any) -> None:
        """One buffer of `parts_of`. Raises OSError where the disk does not take it."""
        self._file.write(part)
        self._checksum = zlib.crc32(part, self._checksum)

    def finish(self) -> None:
        """Close the entry with its checksum. Raises OSError."""
        self._file.write(self._checksum.to_bytes(_CHECKSUM, "little"))


def read_value(path: Path) -> Value:
    """The value in a file; a picture as `Rows`, which map the file and can be taken once.

    Raises OSError where there is no file, ValueError where it is cut, changed, or no entry at all.
    """
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size < len(MAGIC) + _LENGTH + _CHECKSUM:
            raise ValueError("too short")
        content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    if zlib.crc32(content[:-_CHECKSUM]) != int.from_bytes(content[-_CHECKSUM:], "little"):
        raise ValueError("the checksum is of other content")
    start = len(MAGIC) + _LENGTH
    if bytes(content[: len(MAGIC)]) != MAGIC:
        raise ValueError("an entry of another layout")
    stop = start + int.from_bytes(content[len(MAGIC) : start], "little")
    header = json.loads(bytes(content[start:stop]))
    try:
        return _value(header, content[stop:-_CHECKSUM])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"a header without its fields: {error!r}") from error


def _samples(rows: Rows) -> Iterator[memoryview]:
    for stripe in rows.checked_stripes():
        yield np.ascontiguousarray(stripe, _SAMPLE).data


def _header(value: Value) -> dict[str, object]:
    if isinstance(value, Report):
        return {"kind": "Report", "report": value.as_json()}
    if isinstance(value, PictureFile):
        return {
            "kind": "PictureFile",
            "size_hw": value.size_hw,
            "format": value.format,
            "notices": value.notices,
        }
    if isinstance(value, Alignment):
        plain = ("fixed_hw", "moving_hw", "status", "probability", "reasons", "engine", "weights_sha256")
        maps = {
            name: None if one is None else one.tolist()
            for name, one in (("matrix", value.matrix), ("quadratic", value.quadratic))
        }
        own = {name: getattr(value, name) for name in plain}
        return {"kind": "Alignment", "matches": len(value.scores), **own, **maps}
    if isinstance(value, ContinuousImage):
        return {
            "kind": "ContinuousImage",
            "image": _header(value.image),
            "channels": [int(feature.shape[0]) for feature in value.features],
            "weights": value.weights,
            "weights_sha256": value.weights_sha256,
            "precision": value.precision,
            "trained_scales": value.trained_scales,
        }
    return {
        "kind": "Image",
        "size_hw": value.size_hw,
        "has_alpha": value.has_alpha if isinstance(value, Rows) else value.alpha is not None,
        "encoding": {name: _plain(one) for name, one in asdict(value.encoding).items()},
        "notices": value.notices,
    }


def _value(header: Mapping[str, Any], data: memoryview) -> Value:
    kind = header["kind"]
    if kind == "Report":
        return Report.from_json(header["report"])
    if kind == "PictureFile":
        return _file(header, data)
    if kind == "Alignment":
        return _alignment(header, data)
    if kind == "ContinuousImage":
        return _continuous(header, data)
    if kind == "Image":
        return _rows(header, data)
    raise ValueError(f"a value of kind {kind!r}")


def _rows(header: Mapping[str, Any], data: memoryview) -> Rows:
    height, width = header["size_hw"]
    has_alpha = bool(header["has_alpha"])
    samples = np.frombuffer(data, _SAMPLE).reshape(height, width, 4 if has_alpha else 3)
    samples = samples.astype(np.float32, copy=False)
    stripes = (samples[top:bottom] for top, bottom in stripes_of((height, width), samples.shape[2]))
    return Rows((height, width), has_alpha, _encoding(header["encoding"]), stripes, tuple(header["notices"]))


def _continuous(header: Mapping[str, Any], data: memoryview) -> ContinuousImage:
    height, width = header["image"]["size_hw"]
    dtype = FEATURE_TYPES[header["precision"]]
    start = height * width * (4 if header["image"]["has_alpha"] else 3) * _SAMPLE.itemsize
    image = _rows(header["image"], data[:start]).collect()
    features: list[Shaped[np.ndarray, "c h w"]] = []
    for channels in header["channels"]:
        stop = start + channels * height * width * dtype.itemsize
        values = np.frombuffer(data[start:stop], dtype.newbyteorder("<"))
        features.append(values.reshape(channels, height, width).astype(dtype, copy=False))
        start = stop
    low, high = header["trained_scales"]
    return ContinuousImage(
        image, tuple(features), header["weights"], header["weights_sha256"], header["precision"], (low, high)
    )


def _alignment(header: Mapping[str, Any], data: memoryview) -> Alignment:
    count, start = int(header["matches"]), 0
    arrays: dict[str, Any] = {}
    for name, dtype in _OF_MATCHES.items():
        numbers = count * (2 if name in ("moving", "fixed") else 1)
        stop = start + numbers * dtype.itemsize
        values = np.frombuffer(data[start:stop], dtype).astype(dtype.newbyteorder("="))
        arrays[name] = values.reshape(count, 2) if name in ("moving", "fixed") else values
        start = stop
    maps: dict[str, Any] = {
        name: None if header[name] is None else np.array(header[name], np.float64)
        for name in ("matrix", "quadratic")
    }
    return Alignment(
        fixed_hw=tuple(header["fixed_hw"]),
        moving_hw=tuple(header["moving_hw"]),
        status=header["status"],
        probability=float(header["probability"]),
        reasons=tuple(header["reasons"]),
        engine=header["engine"],
        weights_sha256=tuple(header["weights_sha256"]),
        **maps,
        **arrays,
    )


def _file(header: Mapping[str, Any], data: memoryview) -> PictureFile:
    height, width = header["size_hw"]
    suffix = FORMATS[header["format"]].suffixes[0]
    with tempfile.NamedTemporaryFile(prefix="anyres-", suffix=suffix, delete=False) as file:
        file.write(data)
    notices = tuple(header["notices"])
    return PictureFile(Path(file.name), (height, width), header["format"], True, notices)


def _plain(value: object) -> object:
    return {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _encoding(fields: Mapping[str, Any]) -> Encoding:
    given: dict[str, Any] = {
        name: base64.b64decode(one["base64"]) if isinstance(one, dict) else one
        for name, one in fields.items()
    }
    if given["dpi"] is not None:
        given["dpi"] = tuple(given["dpi"])
    return Encoding(**given)
