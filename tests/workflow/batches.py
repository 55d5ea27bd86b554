"""A batch run to its end, and where its files are."""

from pathlib import Path
from typing import Any

from anyres.operations.upscale import upscale
from anyres.workflow.events import BatchFinished
from anyres.workflow.items import Item
from anyres.workflow.run import run_batch


def last(items: list[Item], **options: Any) -> BatchFinished:
    *_, finished = run_batch(upscale, items, **options)
    assert isinstance(finished, BatchFinished)
    return finished


def source_of(item: Item) -> Path:
    place = item.inputs["image"]
    assert isinstance(place, Path)
    return place


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
