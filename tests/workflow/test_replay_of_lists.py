"""What was made of a list with bad pictures in it is made again: of the files as they were."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anyres.core.errors import InputError
from anyres.core.image import Image
from anyres.core.weights import file_sha256
from anyres.workflow import reading
from anyres.workflow.document import read_document
from anyres.workflow.events import BatchFinished
from anyres.workflow.items import Item
from anyres.workflow.provenance import read_record
from anyres.workflow.replay import replay
from anyres.workflow.run import run_batch

SHEET: dict[str, Any] = {
    "anyres_workflow": 1,
    "name": "all-on-one",
    "version": "1.0.0",
    "inputs": {"photos": {"type": "list[Image]"}},
    "nodes": {"shown": {"operation": "sheet@1.0.0", "inputs": {"images": "inputs.photos"}}},
    "outputs": {"all": "shown.result"},
}


@pytest.fixture
def photos(tmp_path: Path) -> tuple[Path, Path, Path, Path]:
    """A picture, one that is cut short, a link that leads nowhere, and another picture."""
    paths = [tmp_path / f"{name}.png" for name in "abcd"]
    for path in (paths[0], paths[1], paths[3]):
        Image(np.random.default_rng(0).random((20, 30, 3), np.float32)).save(path)
    paths[1].write_bytes(paths[1].read_bytes()[:90])
    paths[2].symlink_to(tmp_path / "gone.png")
    return paths[0], paths[1], paths[2], paths[3]


def sheet_of(photos: tuple[Path, ...]) -> Path:
    out = photos[0].parent / "out" / "sheet.png"
    *_, finished = run_batch(read_document(SHEET), [Item({"photos": photos}, {"all": out})])
    assert isinstance(finished, BatchFinished)
    assert [result.place for result in finished.failed[0].results] == [out]
    return out


def test_a_result_of_a_list_that_lost_pictures_is_made_again(photos: tuple[Path, ...]) -> None:
    out = sheet_of(photos)
    recorded = read_record(out).inputs["photos"]
    assert [len(one) for one in recorded] == [64, 64, 0, 64]
    assert replay(out, {"photos": photos}).matches
    assert replay(out, {"photos": (*photos[:2], photos[3])}).matches


def test_a_file_that_can_be_read_now_is_not_what_was_there(photos: tuple[Path, ...]) -> None:
    out = sheet_of(photos)
    photos[2].unlink()
    Image(np.zeros((20, 30, 3), np.float32)).save(photos[2])
    with pytest.raises(InputError, match=r"c\.png could not be read when .* Leave it out"):
        replay(out, {"photos": photos})
    with pytest.raises(InputError, match="was 4 files; 2 were given"):
        replay(out, {"photos": photos[:2]})


def test_a_list_of_which_no_picture_is_left_is_the_error_of_the_first(photos: tuple[Path, ...]) -> None:
    out = sheet_of(photos)
    with pytest.raises(InputError, match=r"photos, b\.png: .*b\.png"):
        replay(out, {"photos": (photos[1],) * 4}, is_any_input=True)


def test_an_element_that_nobody_may_read_fails_alone(
    photos: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def hashed(path: Path) -> str:
        if path == photos[1]:
            raise PermissionError(13, "Permission denied")
        return file_sha256(path)

    photos[1].write_bytes(b"no picture")
    monkeypatch.setattr(reading, "file_sha256", hashed)
    sheet_of(photos)
