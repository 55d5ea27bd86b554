"""Places that are no path of this machine: `s3://bucket/photo.jpg`, `memory://a.png`, by fsspec.

An address is one only because a person typed it; a document holds none. What is there is copied to a
temporary folder, no further than the byte limit, and worked on as any file; a result is put under a temporary
name beside its place and then moved. A `file://` address is a path, and http(s) is read, never written.
"""

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from anyres.core.errors import AnyresError, InputError, LimitError, RunError
from anyres.core.files import Limits

_SEPARATOR: Final = "://"
_COPIED_BYTES: Final = 1 << 20  # at a time
_READ_ONLY: Final = frozenset({"http", "https"})


@dataclass(frozen=True)
class Address:
    """A file or folder that fsspec reaches; its parts are named as those of a `Path` are."""

    protocol: str
    path: PurePosixPath  # "bucket/folder/photo.jpg"

    def __str__(self) -> str:
        return f"{self.protocol}{_SEPARATOR}{self.path}"

    def __truediv__(self, name: str) -> "Address":
        return Address(self.protocol, self.path / name)

    @property
    def name(self) -> str:
        """Its last part."""
        return self.path.name

    @property
    def stem(self) -> str:
        """Its last part without the suffix."""
        return self.path.stem

    @property
    def suffix(self) -> str:
        """The end of its last part: ".png"."""
        return self.path.suffix

    @property
    def parent(self) -> "Address":
        """The folder that it is in."""
        return Address(self.protocol, self.path.parent)

    def with_name(self, name: str) -> "Address":
        """Another file of the same folder."""
        return self.parent / name


Place = Path | Address


def place_of_text(text: str) -> Place:
    """What a person typed: a path of this machine, or an address where it holds "://".

    Raises:
        InputError: For a protocol that fsspec does not know, or addresses inside one another.
    """
    protocol, separator, rest = text.partition(_SEPARATOR)
    if not separator:
        return Path(text)
    if protocol in ("file", "local"):
        return Path(rest)
    import fsspec

    if protocol not in fsspec.available_protocols() or "::" in text:
        raise InputError(
            f"{text} is no address that can be reached: {protocol} is not one protocol of fsspec. "
            "Name a path, or an address such as s3://bucket/photo.jpg."
        )
    return Address(protocol, PurePosixPath(rest))


def is_folder(place: Place) -> bool:
    """Whether a folder is there; RunError where the place cannot be asked."""
    if isinstance(place, Path):
        return place.is_dir()
    with _opened(place) as (files, path):
        return bool(files.isdir(path))


def is_file(place: Place) -> bool:
    """Whether a file is there; RunError where the place cannot be asked."""
    if isinstance(place, Path):
        return place.is_file()
    with _opened(place) as (files, path):
        return bool(files.isfile(path))


def is_there(place: Place) -> bool:
    """Whether a file or a folder is there; RunError where the place cannot be asked."""
    if isinstance(place, Path):
        return place.exists()
    with _opened(place) as (files, path):
        return bool(files.exists(path))


def file_bytes(address: Address) -> int:
    """The size of a file in bytes; RunError where the place cannot be asked."""
    with _opened(address) as (files, path):
        return int(files.size(path))


def files_below(folder: Address) -> list[Address]:
    """All files of a folder and of the folders in it, by name."""
    with _opened(folder) as (files, root):
        found = [str(path).removeprefix(root).lstrip("/") for path in sorted(files.find(root))]
    return [folder / below for below in found]


def fetch(address: Address, target: Path, *, limits: Limits) -> None:
    """Copy what is at an address into a file of this machine.

    Raises:
        InputError: Nothing is there.
        LimitError: It holds more bytes than the limits allow; no more than these were copied.
        RunError: It could not be read.
    """
    most, copied = limits.max_megabytes * 1e6, 0
    with (
        _opened(address) as (files, path),
        files.open(path, "rb") as source,
        target.open("wb") as file,
    ):
        while piece := source.read(_COPIED_BYTES):
            copied += len(piece)
            if copied > most:
                raise LimitError(
                    f"{address} has more than {limits.max_megabytes:g} MB, the limit. Raise it by "
                    "max_megabytes (--max-megabytes) if you trust the file."
                )
            file.write(piece)


def put(source: Path, address: Address) -> None:
    """Copy a file of this machine to an address.

    Raises:
        InputError: The protocol is only read.
        RunError: It could not be written.
    """
    refuse_read_only(address)
    with _opened(address) as (files, path):
        files.makedirs(path.rpartition("/")[0], exist_ok=True)
        files.put_file(str(source), path)


def move(source: Address, target: Address) -> None:
    """Give what is at an address another name beside it; RunError where that fails."""
    with _opened(source) as (_, path), _opened(target) as (files, named):
        files.mv(path, named)


def remove(address: Address) -> None:
    """Remove a file if it is there; a place that cannot be asked keeps it."""
    with contextlib.suppress(AnyresError), _opened(address) as (files, path):
        if files.exists(path):
            files.rm_file(path)


def refuse_read_only(address: Address) -> None:
    """InputError for an address that nothing can be written to."""
    if address.protocol in _READ_ONLY:
        raise InputError(f"{address} is an address that is only read. Name a folder, or another address.")


@contextmanager
def _opened(address: Address) -> Iterator[tuple[Any, str]]:
    """The file system and the path in it; whatever it raises is one of our errors that names the address."""
    try:
        import fsspec

        yield fsspec.url_to_fs(str(address))
    except AnyresError:
        raise
    except ImportError as error:
        raise InputError(
            f"{address} needs a package that is not installed ({error}). Install it with pip."
        ) from error
    except FileNotFoundError as error:
        raise InputError(f"There is no file {address}. Check the name and the folder.") from error
    except Exception as error:  # each file system has errors of its own
        raise RunError(
            f"{address} cannot be reached ({type(error).__name__}: {error}). Check the address and your "
            "rights there."
        ) from error
