"""Where the elements of a list go: never over an input, and no two of them to one file."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anyres.core.errors import InputError, RunError
from anyres.core.files import write_image
from anyres.core.image import Image
from anyres.workflow import writing
from anyres.workflow.document import read_document
from anyres.workflow.events import BatchFinished
from anyres.workflow.items import Item
from anyres.workflow.run import run_batch

MAPPED: dict[str, Any] = {
    "anyres_workflow": 1,
    "name": "all-larger",
    "version": "1.0.0",
    "inputs": {"photos": {"type": "list[Image]"}},
    "nodes": {
        "larger": {
            "operation": "resize@1.0.0",
            "each": ["image"],
            "inputs": {"image": "inputs.photos"},
            "parameters": {"scale": 2},
        }
    },
    "outputs": {"all": "larger.result"},
}


def picture(path: Path, value: float = 0.5) -> Path:
    path.parent.mkdir(exist_ok=True)
    Image(np.full((4, 6, 3), value, np.float32)).save(path)
    return path


def run(*items: Item, **options: Any) -> BatchFinished:
    *_, finished = run_batch(read_document(MAPPED), items, **options)
    assert isinstance(finished, BatchFinished)
    return finished


def test_a_list_is_not_written_over_its_own_pictures(tmp_path: Path) -> None:
    photo = picture(tmp_path / "in" / "a.png")
    before = photo.read_bytes()
    with pytest.raises(InputError, match=r"a\.png is an input, and would be replaced"):
        run(Item({"photos": (photo,)}, {"all": tmp_path / "in"}), overwrite=True)
    assert photo.read_bytes() == before


def test_a_list_is_not_written_over_the_pictures_of_another_item(tmp_path: Path) -> None:
    first, second = picture(tmp_path / "x" / "a.png"), picture(tmp_path / "y" / "a.png", 0.2)
    before = second.read_bytes()
    items = (
        Item({"photos": (first,)}, {"all": tmp_path / "y"}),
        Item({"photos": (second,)}, {"all": tmp_path / "z"}),
    )
    with pytest.raises(InputError, match="is an input"):
        run(*items, overwrite=True)
    assert second.read_bytes() == before


def test_an_element_whose_suffix_is_known_by_its_content_is_not_written_over_an_input(tmp_path: Path) -> None:
    photo = picture(tmp_path / "photo.png")
    misnamed = picture(tmp_path / "b.png").rename(tmp_path / "a.jpg")  # its result is a.png
    (tmp_path / "out").mkdir()
    same = tmp_path / "out" / "a.png"
    same.hardlink_to(photo)
    (failed,) = run(Item({"photos": (misnamed, photo)}, {"all": same.parent}), overwrite=True).failed
    assert "is an input" in failed.reason
    assert same.samefile(photo)


def test_no_element_is_lost_where_a_name_looks_like_a_numbered_one(tmp_path: Path) -> None:
    photos = tuple(picture(tmp_path / name) for name in ("x/a.png", "x/a.2.png", "y/a.png"))
    (done,) = run(Item({"photos": photos}, {"all": tmp_path / "out"})).done
    assert [result.place.name for result in done.results] == ["a.png", "a.2.png", "a.3.png"]
    assert len(list((tmp_path / "out").glob("a*.png"))) == 3


def test_what_was_made_of_a_list_that_lost_an_element_is_not_taken_as_done(tmp_path: Path) -> None:
    shown = {"operation": "sheet@1.0.0", "inputs": {"images": "larger.result"}}
    document = read_document(
        MAPPED | {"nodes": MAPPED["nodes"] | {"shown": shown}, "outputs": {"all": "shown.result"}}
    )
    photos = (picture(tmp_path / "a.png"), tmp_path / "b.png")
    photos[1].write_bytes(b"no picture")
    item = Item({"photos": photos}, {"all": tmp_path / "out" / "sheet.png"})
    for _ in range(2):
        *_, finished = run_batch(document, [item])
        assert isinstance(finished, BatchFinished)
        assert "b.png" in finished.failed[0].reason
        assert not finished.skipped
    whole = Item({"photos": photos[:1]}, {"all": tmp_path / "out" / "whole.png"})
    for name in ("done", "skipped"):
        *_, finished = run_batch(document, [whole])
        assert len(getattr(finished, name)) == 1


def test_a_list_with_a_bad_picture_tells_the_files_that_are_there_and_names_the_bad_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANYRES_STORE", str(tmp_path / "store.db"))
    photos = (picture(tmp_path / "a.png"), tmp_path / "b.png", picture(tmp_path / "c.png"))
    photos[1].write_bytes(b"no picture")
    (failed,) = run(Item({"photos": photos}, {"all": tmp_path / "out"})).failed
    assert [result.place.name for result in failed.results] == ["a.png", "c.png"]
    assert failed.reason.startswith(f"Input photos, b.png: {photos[1]} is not a picture")
    assert "element" not in failed.reason
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        assert connection.execute("select status from runs").fetchall() == [("partial",)]


def test_an_element_that_fails_on_its_way_is_named_by_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_squares(rows: Any, path: Path, **options: Any) -> Any:
        if rows.size_hw[0] == rows.size_hw[1]:
            raise RunError("The disk is full. Free some space.")
        return write_image(rows, path, **options)

    monkeypatch.setattr(writing, "write_image", no_squares)
    Image(np.zeros((2, 2, 3), np.float32)).save(tmp_path / "square.png")
    photos = (picture(tmp_path / "a.png"), tmp_path / "square.png")
    (failed,) = run(Item({"photos": photos}, {"all": tmp_path / "out"})).failed
    assert failed.reason.startswith("Node larger, square.png, port result")
