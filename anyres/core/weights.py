"""The only reader and writer of weights: safetensors with model, configuration and a record inside.

A file holds everything needed to run it: tensors, the model's name in the catalogue, its configuration (a
frozen dataclass, as JSON) and a record of where it came from. Reading is strict: every tensor that the
configuration asks for, and no other. Checkpoints of other programs are opened here too, by
`read_foreign_checkpoint`, which runs no code that is in them.
"""

import hashlib
import json
import os
import re
import struct
import uuid
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from anyres.core.errors import LimitError, RunError, WeightsError
from anyres.core.regular import refuse_special

if TYPE_CHECKING:
    from torch import Tensor

MAX_CHECKPOINT_BYTES = 1024**3  # four times the largest published checkpoint of LIIF
MAX_HEADER_BYTES = 16 * 1024 * 1024  # safetensors allows 100 MB; our largest header is under 100 kB
Config = TypeVar("Config")


@dataclass(frozen=True)
class WeightsHeader:
    """What a weights file says of itself, read without its tensors."""

    path: Path
    model: str  # name in the catalogue
    config: Mapping[str, Any]  # as JSON; `parse_config` makes the dataclass
    record: Mapping[str, Any] = field(default_factory=dict)  # origin, licence, training: anything JSON holds
    tensors: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # name to shape


@dataclass(frozen=True)
class ForeignCheckpoint:
    """A checkpoint that another program wrote: containers, numbers, texts and tensors, never code."""

    path: Path
    size_bytes: int
    sha256: str
    content: Mapping[Any, Any]  # nested as it was saved


@dataclass(frozen=True)
class ConvertedWeights:
    """What a model's converter makes of a foreign checkpoint: ready for `write_weights`."""

    config: object  # the model's configuration, a frozen dataclass
    tensors: Mapping[str, "Tensor"]  # float32, under our names
    record: Mapping[str, Any]  # whose layout it had, and what the model needs to know of its training


def write_weights(
    path: Path, tensors: Mapping[str, "Tensor"], *, model: str, config: object, record: Mapping[str, Any]
) -> None:
    """Write a weights file whole or not at all; an older file of that name is replaced.

    Raises RunError if the disk does not take it.
    """
    metadata = {
        "anyres": "1",
        "model": model,
        "config": json.dumps(config if isinstance(config, Mapping) else asdict(config), sort_keys=True),  # type: ignore[call-overload]
        "record": json.dumps(record, sort_keys=True),
    }
    write_tensors(path, tensors, metadata=metadata)


def read_header(path: Path) -> WeightsHeader:
    """The header of a weights file of anyres.

    Raises WeightsError for a file that is not there, is not safetensors, or was not written by anyres.
    """
    header = _safetensors_header(path)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, Mapping) or metadata.get("anyres") != "1":
        raise WeightsError(
            f"{path} is a safetensors file, but not one of anyres: its header names no anyres model. "
            "Convert it with `anyres weights add`."
        )
    try:
        config, record = json.loads(metadata["config"]), json.loads(metadata["record"])
        if not (isinstance(config, Mapping) and isinstance(record, Mapping)):
            raise ValueError("its configuration or its record is no object")
        shapes = {name: tuple(entry["shape"]) for name, entry in header.items()}
        return WeightsHeader(Path(path), str(metadata["model"]), config, record, shapes)
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path} has a damaged anyres header ({error}). Get the file again.") from error


def read_weights(header: WeightsHeader, expected: Mapping[str, "Tensor"]) -> dict[str, "Tensor"]:
    """The tensors of a file, which must be exactly those expected, by name and shape, and finite.

    Args:
        header: from `read_header`.
        expected: a state dict of the network that the weights are for.

    Raises:
        WeightsError: naming the tensors that are missing, too many, of another shape or not finite.
        LimitError: for a file larger than MAX_CHECKPOINT_BYTES.
    """
    _checkpoint_bytes(header.path, MAX_CHECKPOINT_BYTES)
    missing = sorted(expected.keys() - header.tensors.keys())
    extra = sorted(header.tensors.keys() - expected.keys())
    if missing or extra:
        raise WeightsError(
            f"{header.path} does not fit its own configuration: {listed(missing)} missing, {listed(extra)} "
            "too many. Convert or download the file again."
        )
    for name, tensor in expected.items():
        if tuple(tensor.shape) != header.tensors[name]:
            raise WeightsError(
                f"{header.path}: tensor {name} has shape {header.tensors[name]}, the configuration asks for "
                f"{tuple(tensor.shape)}. Convert or download the file again."
            )
    tensors = {name: tensor.float() for name, tensor in read_tensors(header.path)[0].items()}
    for name, tensor in tensors.items():
        if not bool(tensor.isfinite().all()):
            raise WeightsError(
                f"{header.path}: tensor {name} holds values that are not finite numbers. "
                "Get the file again, or take an earlier one of the same training."
            )
    return tensors


def write_tensors(path: Path, tensors: Mapping[str, "Tensor"], *, metadata: Mapping[str, str]) -> None:
    """Write named tensors and texts to a safetensors file, through a temporary file beside it."""
    from safetensors.torch import save

    path = Path(path)
    content = _ordered(save({name: tensor.contiguous() for name, tensor in tensors.items()}, dict(metadata)))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name[:40]}.{uuid.uuid4().hex[:12]}.part")
        temporary.touch(exist_ok=False)  # its rights are those of any new file, as the umask says
    except OSError as error:
        raise RunError(
            f"Cannot write into {path.parent}: {error.strerror}. Choose another folder."
        ) from error
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise RunError(
            f"Could not write {path} ({len(content) / 1e6:.1f} MB): {error.strerror}. "
            "Free some space and start again; the file of before is untouched."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)  # it is there only if something went wrong


def _ordered(content: bytes) -> bytes:
    """The same safetensors file with its header in order; the library's own order differs by the call."""
    size = struct.unpack("<Q", content[:8])[0]
    header = json.dumps(json.loads(content[8 : 8 + size]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)  # so that the tensors begin where a float64 may
    return struct.pack("<Q", len(header)) + header + content[8 + size :]


def read_tensors(path: Path) -> tuple[dict[str, "Tensor"], dict[str, str]]:
    """Named tensors and texts of a safetensors file."""
    from safetensors.torch import load

    metadata = _safetensors_header(path).get("__metadata__") or {}
    try:
        return load(Path(path).read_bytes()), metadata
    except Exception as error:  # safetensors raises an error type of its own, not exported
        raise WeightsError(f"{path} is damaged: {error}. Get the file again.") from error


def read_foreign_checkpoint(path: Path, *, max_bytes: int = MAX_CHECKPOINT_BYTES) -> ForeignCheckpoint:
    """A checkpoint of PyTorch (zip or legacy), or any safetensors file, opened without running its code.

    Raises:
        WeightsError: if the file is not there, empty, truncated, no checkpoint, or asks for code to be run.
        LimitError: if it is larger than `max_bytes`, packed or unpacked.
    """
    path = Path(path)
    size_bytes = _checkpoint_bytes(path, max_bytes)
    with path.open("rb") as file:
        is_safetensors = file.read(9)[8:] == b"{"  # after the length of the header
    content: object = read_tensors(path)[0] if is_safetensors else _unpickle_tensors(path, max_bytes)
    if not isinstance(content, Mapping):
        raise WeightsError(
            f"{path} holds {type(content).__name__}, not named tensors. "
            "Give the checkpoint that a training saved."
        )
    return ForeignCheckpoint(path, size_bytes, file_sha256(path), content)


def _checkpoint_bytes(path: Path, max_bytes: int) -> int:
    refuse_special(path)
    try:
        size_bytes = path.stat().st_size
        if path.is_dir():
            raise WeightsError(f"{path} is a folder. Name the checkpoint file in it.")
        with path.open("rb"):
            pass
    except OSError as error:
        raise WeightsError(
            f"Cannot read a checkpoint from {path}: {error.strerror}. Check the name and the folder."
        ) from error
    if size_bytes == 0:
        raise WeightsError(f"{path} is empty (0 bytes). Get the file again.")
    if size_bytes > max_bytes:
        raise LimitError(_too_large(path, size_bytes, max_bytes))
    return size_bytes


def _unpickle_tensors(path: Path, max_bytes: int) -> object:
    """What `torch.save` wrote, if it is made of containers, numbers, texts and tensors alone."""
    import torch

    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                unpacked = sum(entry.file_size for entry in archive.infolist())
            if unpacked > max_bytes:
                raise LimitError(_too_large(path, unpacked, max_bytes))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pickle protocols; it then loads or refuses all the same
            return torch.load(path, map_location="cpu", weights_only=True)
    except LimitError:
        raise
    except Exception as error:  # torch and zipfile raise ten kinds here, from KeyError to RuntimeError
        refused = re.search(r"GLOBAL ([\w.]+)", str(error))
        if refused:
            raise WeightsError(
                f"{path} asks to run {refused[1]}, and a checkpoint must hold tensors only. It was refused "
                "before anything ran. Get it from its authors, or have them save its tensors alone."
            ) from error
        raise WeightsError(
            f"{path} is truncated, damaged or no checkpoint of PyTorch ({type(error).__name__}). "
            "Get the file again and compare its size."
        ) from error


def _too_large(path: Path, size_bytes: int, max_bytes: int) -> str:
    return (
        f"{path} holds {size_bytes / 1e6:.0f} MB; a checkpoint may hold {max_bytes / 1e6:.0f} MB. "
        "Save its tensors without the optimizer's, in float32 or float16."
    )


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content, as 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def parse_config(cls: type[Config], values: object, *, where: str = "config") -> Config:
    """A frozen dataclass from JSON, nothing missing, nothing more; WeightsError names what does not fit."""
    if not isinstance(values, Mapping):
        raise WeightsError(
            f"{where} is {values!r:.80}; it should be an object with the fields of {cls.__name__}. "
            "The file is damaged: get it again."
        )
    assert is_dataclass(cls)
    known = {one.name for one in fields(cls)}
    if known != values.keys():
        raise WeightsError(
            f"{where} has the fields {sorted(values)}; {cls.__name__} has {sorted(known)}. "
            "The weights are of another model or of another version of anyres."
        )
    hints = get_type_hints(cls)
    return cls(**{name: _parse(hints[name], values[name], where=f"{where}.{name}") for name in sorted(known)})


def _parse(kind: Any, value: object, *, where: str) -> Any:
    if is_dataclass(kind):
        return parse_config(kind, value, where=where)  # type: ignore[arg-type]
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal and value in inner:
        return value
    if origin is tuple and isinstance(value, list):
        kinds = inner[:1] * len(value) if inner[1:] == (...,) else inner
        if len(kinds) == len(value):
            return tuple(_parse(one, item, where=where) for one, item in zip(kinds, value, strict=True))
    if origin in (Union, UnionType) and value is None and type(None) in inner:
        return None
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if kind in (int, str, bool) and type(value) is kind:
        return value
    raise WeightsError(
        f"{where} is {value!r:.80}, which is not of type {kind}. "
        "The weights are of another version of anyres, or damaged: get them again."
    )


def _safetensors_header(path: Path) -> dict[str, Any]:
    path = Path(path)
    refuse_special(path)
    try:
        with path.open("rb") as file:
            size = struct.unpack("<Q", file.read(8))[0]
            if size > min(MAX_HEADER_BYTES, path.stat().st_size):
                raise ValueError(f"a header of {size} bytes is announced")
            header = json.loads(file.read(size))
    except OSError as error:
        raise WeightsError(
            f"Cannot read weights from {path}: {error.strerror}. `anyres weights list` names those at hand."
        ) from error
    except (ValueError, struct.error, RecursionError) as error:
        raise WeightsError(
            f"{path} is not a safetensors file ({error}). A checkpoint of another kind goes through "
            "`anyres weights add`."
        ) from error
    if not isinstance(header, dict):
        raise WeightsError(f"{path} is not a safetensors file: its header is no object. Get it again.")
    return header


def listed(names: list[str]) -> str:
    """Names for an error message: the first three, and how many more."""
    if not names:
        return "none"
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
