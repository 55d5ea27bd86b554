"""Run one operation on many items: skip what is done, go on after a bad one, resume after a kill.

An item is known by a hash of the operation, its version and parameters, the content of its inputs and of
the weights, and how it is written. A result is made beside its place, noted in the journal of its folder,
and only then renamed; so at any moment a file with a result's name is whole, and a second run of the same
batch does only what is left.
"""

import contextlib
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from anyres.core.budget import check_fits, check_side, free_disk_bytes, memory_as_limit
from anyres.core.errors import AnyresError, InputError
from anyres.core.files import Limits, output_format, read_header, read_image, write_image
from anyres.core.formats import FORMATS
from anyres.core.image import Image, Rows
from anyres.core.sizes import SizeHW
from anyres.core.storage import storage_for
from anyres.core.weights import file_sha256
from anyres.operations.operation import Operation
from anyres.workflow.journal import Journal
from anyres.workflow.staging import remove_leftovers, staged_path

Engine = Literal["local"]


@dataclass(frozen=True)
class Item:
    """One piece of work: a file for each port of the operation, and where the result goes."""

    inputs: Mapping[str, Path]
    output: Path
    parameters: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class BatchStarted:
    """The first event."""

    items: int
    megapixels: float  # of all results together, as far as their headers can be read


@dataclass(frozen=True)
class ItemStarted:
    """An item is being worked on."""

    item: Item
    megapixels: float  # of its result; 0 if its header cannot be read


@dataclass(frozen=True)
class ItemDone:
    """A result is in its place."""

    item: Item
    size_hw: SizeHW
    notices: tuple[str, ...]  # what happened to the picture that its owner should know
    time_s: float


@dataclass(frozen=True)
class ItemSkipped:
    """The result was in its place already, made from the same input in the same way."""

    item: Item


@dataclass(frozen=True)
class ItemFailed:
    """No result: the reason, and the exit code that it alone would give."""

    item: Item
    reason: str
    exit_code: int


@dataclass(frozen=True)
class BatchFinished:
    """The last event."""

    done: tuple[ItemDone, ...]
    skipped: tuple[ItemSkipped, ...]
    failed: tuple[ItemFailed, ...]
    time_s: float


Event = BatchStarted | ItemStarted | ItemDone | ItemSkipped | ItemFailed | BatchFinished


def run_batch(
    operation: Operation[..., Any],
    items: Sequence[Item],
    *,
    engine: Engine = "local",
    overwrite: bool = False,
    strip: bool = False,
    limits: Limits | None = None,
    is_resumable: bool = True,
    on_progress: Callable[[Item, float], None] | None = None,
) -> Iterator[Event]:
    """Check all that can be checked at once; then the events, as the items are worked on one after the other.

    Args:
        operation: What to do; its output is a picture.
        items: On what. No two of them may have the same output.
        engine: Where: this process.
        overwrite: Replace files that are there. Without it an item fails whose output is there and was not
            made by this very work.
        strip: Leave profile and metadata out of the results.
        limits: On the bytes and pixels of an input.
        is_resumable: Keep a journal beside the results; without one no existing output is taken as done.
        on_progress: Told how far an item is, from 0 to 1.

    Raises:
        InputError: Before the first event, for a wrong parameter or model, two items with one output, an
        output
            that is an input, or a folder that cannot be written.
    """
    if engine != "local":
        raise InputError(f"There is no engine {engine!r}; there is: local.")
    _refuse_shared_places(items)
    batch = _LocalBatch(
        operation,
        _checked(operation, items),
        overwrite=overwrite,
        strip=strip,
        limits=limits or Limits(),
        journals=_journals(items) if is_resumable else {},
        on_progress=on_progress,
    )
    for folder in {item.output.parent for item in items}:
        _refuse_unwritable(folder)
    return batch.events()


@dataclass(frozen=True)
class _CheckedItem:
    item: Item
    parameters: BaseModel
    weights_sha256: tuple[str, ...]


@dataclass(frozen=True)
class _LocalBatch:
    operation: Operation[..., Any]
    items: list[_CheckedItem]
    overwrite: bool
    strip: bool
    limits: Limits
    journals: Mapping[Path, Journal]  # by folder
    on_progress: Callable[[Item, float], None] | None

    def events(self) -> Iterator[Event]:
        start_s = time.monotonic()
        sizes = [self._predicted_megapixels(checked) for checked in self.items]
        yield BatchStarted(len(self.items), sum(sizes))
        ended: list[ItemDone | ItemSkipped | ItemFailed] = []
        for checked, megapixels in zip(self.items, sizes, strict=True):
            yield ItemStarted(checked.item, megapixels)
            ended.append(self._run(checked))
            yield ended[-1]
        yield BatchFinished(
            tuple(event for event in ended if isinstance(event, ItemDone)),
            tuple(event for event in ended if isinstance(event, ItemSkipped)),
            tuple(event for event in ended if isinstance(event, ItemFailed)),
            time.monotonic() - start_s,
        )

    def _predicted_megapixels(self, checked: _CheckedItem) -> float:
        try:
            paths = [checked.item.inputs[port] for port in self.operation.ports]
            sizes_hw = [read_header(path, limits=self.limits).size_hw for path in paths]
            height, width = self.operation.output_size_hw(sizes_hw, checked.parameters)
        except (AnyresError, UnicodeEncodeError):
            return 0.0  # the item itself will say why
        return height * width / 1e6

    def _run(self, checked: _CheckedItem) -> ItemDone | ItemSkipped | ItemFailed:
        item, start_s = checked.item, time.monotonic()
        try:
            for path in item.inputs.values():
                read_header(path, limits=self.limits)  # the clear sentence about a file that is no picture
            item_hash = self._hash(checked)
            journal = self.journals.get(item.output.parent)
            if item.output.exists():
                if journal and journal.is_done(item_hash, item.output):
                    return ItemSkipped(item)
                if not self.overwrite:
                    raise InputError(
                        f"{item.output} exists already. Replace it with --overwrite, or name another output."
                    )
            with memory_as_limit(operation=self.operation.name):
                size_hw, notices = self._make(checked, item_hash, journal)
        except AnyresError as error:
            return ItemFailed(item, str(error), error.exit_code)
        except UnicodeEncodeError as error:  # libvips takes names in UTF-8 alone
            reason = f"A name that is no UTF-8 cannot be opened: {error.object!r}. Rename the file or folder."
            return ItemFailed(item, reason, InputError.exit_code)
        except Exception as error:  # a fault of ours with one picture must not end a night's work
            return ItemFailed(
                item, f"A fault in anyres, {type(error).__name__}: {error}. Please report it.", 1
            )
        return ItemDone(item, size_hw, notices, time.monotonic() - start_s)

    def _make(
        self, checked: _CheckedItem, item_hash: str, journal: Journal | None
    ) -> tuple[SizeHW, tuple[str, ...]]:
        item = checked.item
        images = [read_image(item.inputs[port], limits=self.limits) for port in self.operation.ports]
        self._refuse_too_large(checked, images)
        result = self.operation.stream(*images, **item.parameters, progress=self._progress_of(item))
        assert isinstance(result, Image | Rows), f"{self.operation.name} gives no picture to write"
        remove_leftovers(item.output.parent, item_hash)
        staged = staged_path(item.output, item_hash)
        try:
            notices = write_image(result, staged, overwrite=True, strip=self.strip)
            if journal:
                journal.add(item_hash, item.output, file_sha256(staged))
            if item.output.exists() and not self.overwrite:
                raise InputError(f"{item.output} came into being meanwhile. Replace it with --overwrite.")
            staged.replace(item.output)
        except AnyresError as error:  # nobody but us knows the name under which it was staged
            raise type(error)(str(error).replace(staged.name, item.output.name)) from error
        finally:
            with contextlib.suppress(OSError):
                staged.unlink(missing_ok=True)
        return result.size_hw, tuple(dict.fromkeys(result.notices + notices))

    def _refuse_too_large(self, checked: _CheckedItem, images: Sequence[Image]) -> None:
        first, output = images[0], checked.item.output
        size_hw = self.operation.output_size_hw([image.size_hw for image in images], checked.parameters)
        format_ = output_format(output)
        check_side(first.size_hw, size_hw, longest_side=FORMATS[format_].longest_side, suffix=output.suffix)
        storage = storage_for(
            format_, first.encoding, size_hw=size_hw, has_alpha=first.alpha is not None, strip=self.strip
        )
        check_fits(
            first.size_hw,
            size_hw,
            bytes_per_pixel=2
            * storage.channels
            * storage.depth
            // 8,  # raw rows, and a file that may not compress
            free_bytes=free_disk_bytes(output.parent),
            place=f"the disk of {output.parent.absolute()}",
        )

    def _hash(self, checked: _CheckedItem) -> str:
        parts = [
            self.operation.canonical(checked.parameters),
            *(f"{port}={file_sha256(checked.item.inputs[port])}" for port in self.operation.ports),
            *checked.weights_sha256,
            f"{checked.item.output.suffix.lower()}, strip={self.strip}",
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def _progress_of(self, item: Item) -> Callable[[float], None]:
        def report(fraction: float) -> None:
            if self.on_progress:
                self.on_progress(item, fraction)

        return report


def _checked(operation: Operation[..., Any], items: Sequence[Item]) -> list[_CheckedItem]:
    checked = []
    weights: dict[str, tuple[str, ...]] = {}  # by the parameters, as thousands of items share them
    for item in items:
        parameters = operation.check_parameters(item.parameters)
        text = operation.canonical(parameters)
        if text not in weights:
            weights[text] = tuple(operation.weights_sha256(parameters))
        checked.append(_CheckedItem(item, parameters, weights[text]))
    return checked


def _journals(items: Sequence[Item]) -> dict[Path, Journal]:
    return {folder: Journal(folder) for folder in {item.output.parent for item in items}}


def _refuse_shared_places(items: Sequence[Item]) -> None:
    inputs = {name for item in items for path in item.inputs.values() for name in _file_names(path)}
    taken: dict[str, Item] = {}
    for item in items:
        place = place_of(item.output)
        if not inputs.isdisjoint(_file_names(item.output)):
            raise InputError(
                f"{item.output} is an input, and would be replaced by a result. Name another output."
            )
        if place in taken:
            pair = " and ".join(_inputs_text(one) for one in (taken[place], item))
            raise InputError(
                f"{pair} would both become {item.output}. Rename one, or run them into two folders."
            )
        taken[place] = item


def place_of(path: Path) -> str:
    """One text for one place, however it is written: with `..`, over links, in letters of another case."""
    return os.path.normcase(os.path.realpath(path))


def _file_names(path: Path) -> set[object]:
    """Its place and, where it is there, the file itself: on some disks letters have no case."""
    with contextlib.suppress(OSError):
        there = path.stat()
        return {place_of(path), (there.st_dev, there.st_ino)}
    return {place_of(path)}


def _inputs_text(item: Item) -> str:
    return " with ".join(str(path) for path in item.inputs.values())


def _refuse_unwritable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(
            f"Cannot write into the folder {folder}: {error.strerror}. Choose another one with -o."
        ) from error
