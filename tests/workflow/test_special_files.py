"""Pipes among the pictures, or in place of a workflow or a record: refused, and the rest is done."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from anyres.core.errors import InputError
from anyres.core.image import Image
from anyres.operations.resize import resize
from anyres.workflow.document import read_document
from anyres.workflow.events import BatchFinished
from anyres.workflow.folder import plan_items
from anyres.workflow.provenance import read_record
from anyres.workflow.run import run_batch

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="pipes with names"),
    pytest.mark.usefixtures("at_most_five_seconds"),
]


def test_a_workflow_or_a_record_that_is_a_pipe_is_refused(tmp_path: Path) -> None:
    for name in ("flow.json", "photo.png.anyres.json"):
        os.mkfifo(tmp_path / name)
    with pytest.raises(InputError, match=r"flow\.json is a pipe"):
        read_document(tmp_path / "flow.json")
    with pytest.raises(InputError, match=r"anyres\.json is a pipe"):
        read_record(tmp_path / "photo.png.anyres.json")


def test_a_pipe_among_pictures_is_listed_and_the_pictures_are_made(tmp_path: Path) -> None:
    Image(np.full((4, 6, 3), 0.5, np.float32)).save(tmp_path / "good.png")
    os.mkfifo(tmp_path / "fifo.jpg")
    plan = plan_items(resize, [tmp_path], parameters={"scale": 2})
    *_, finished = run_batch(resize, plan.items)
    assert isinstance(finished, BatchFinished)
    assert [one.item.output.name for one in finished.done] == ["good.x2.png"]
    assert "fifo.jpg is a pipe" in finished.failed[0].reason
