from pathlib import Path
from typing import Any

import pytest

from anyres.core.files import Header, Limits, read_header
from anyres.operations.upscale import upscale
from anyres.workflow import run
from anyres.workflow.events import BatchStarted, ItemStarted
from anyres.workflow.items import Item
from anyres.workflow.run import run_batch

pytestmark = pytest.mark.usefixtures("nearest_model")


def test_of_many_items_some_are_looked_at_before_and_stand_for_the_others(
    items: list[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[str] = []

    def counted(path: Path, **limits: Any) -> Header:
        looked_at.append(path.name)
        return read_header(path, **limits)

    monkeypatch.setattr(run, "_LOOKED_AT", 2)
    monkeypatch.setattr(run, "read_header", counted)
    started, *events = run_batch(upscale, items)
    assert isinstance(started, BatchStarted)
    assert looked_at == ["a.png", "c.png"]
    assert round(started.megapixels * 1e6) == 3 * 96
    of_items = [event.megapixels for event in events if isinstance(event, ItemStarted)]
    assert sum(of_items) == pytest.approx(started.megapixels)


def test_a_file_over_the_limit_is_not_looked_at_even_to_plan(items: list[Item]) -> None:
    started = next(run_batch(upscale, items, limits=Limits(max_megabytes=1e-6)))
    assert isinstance(started, BatchStarted)
    assert started.megapixels == 0
