"""What an item of a batch gives: lists, records, rows in the store; and items that do not fit."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anyres.core.errors import InputError
from anyres.core.image import Image
from anyres.operations.upscale import upscale
from anyres.workflow.addresses import place_of_text
from anyres.workflow.document import read_document
from anyres.workflow.events import BatchFinished
from anyres.workflow.items import Item
from anyres.workflow.journal import JOURNAL_NAME
from anyres.workflow.provenance import read_record
from anyres.workflow.run import run_batch
from anyres.workflow.store import seconds_a_megapixel
from tests.workflow.batches import files_in, last, source_of

pytestmark = pytest.mark.usefixtures("nearest_model")

MAPPED = {
    "anyres_workflow": 1,
    "name": "all-larger",
    "version": "1.0.0",
    "inputs": {"photos": {"type": "list[Image]"}, "scale": {"type": "number", "default": 2}},
    "nodes": {
        "larger": {
            "operation": "resize@1.0.0",
            "each": ["image"],
            "inputs": {"image": "inputs.photos"},
            "parameters": {"scale": {"from": "inputs.scale"}},
        }
    },
    "outputs": {"all": "larger.result"},
}


def run_mapped(items: list[Item], out: Path, **options: Any) -> BatchFinished:
    photos = tuple(source_of(item) for item in items)
    *_, finished = run_batch(read_document(MAPPED), [Item({"photos": photos}, {"all": out})], **options)
    assert isinstance(finished, BatchFinished)
    return finished


def test_a_list_goes_into_a_folder_under_the_names_of_its_pictures(items: list[Item], tmp_path: Path) -> None:
    finished = run_mapped(items, tmp_path / "all")
    assert [result.place.name for result in finished.done[0].results] == ["a.png", "b.png", "c.png"]
    assert files_in(tmp_path / "all") == [JOURNAL_NAME, "a.png", "b.png", "c.png"]
    assert len(run_mapped(items, tmp_path / "all").skipped) == 1


def test_two_pictures_of_one_name_in_a_list_are_two_files(items: list[Item], tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    twin = tmp_path / "sub" / "a.png"
    twin.write_bytes(source_of(items[0]).read_bytes())
    both = [items[0], Item({"image": twin}, {"result": tmp_path / "unused.png"})]
    finished = run_mapped(both, tmp_path / "all")
    assert [result.place.name for result in finished.done[0].results] == ["a.png", "a.2.png"]


def test_a_bad_picture_of_a_list_is_named_and_the_others_are_made(items: list[Item], tmp_path: Path) -> None:
    source_of(items[1]).write_bytes(b"no picture")
    (failed,) = run_mapped(items, tmp_path / "all").failed
    assert "b.png is not a picture" in failed.reason
    assert files_in(tmp_path / "all") == [JOURNAL_NAME, "a.png", "c.png"]
    Image(np.ones((4, 6, 3), np.float32)).save(source_of(items[1]), overwrite=True)
    assert not run_mapped(items, tmp_path / "all", overwrite=True).failed
    assert files_in(tmp_path / "all") == [JOURNAL_NAME, "a.png", "b.png", "c.png"]


def test_the_record_lies_beside_the_result_where_it_is_asked_for(items: list[Item], tmp_path: Path) -> None:
    last(items[:1], is_record_beside=True)
    assert files_in(tmp_path / "out") == [JOURNAL_NAME, "a.x2.png", "a.x2.png.anyres.json"]
    (tmp_path / "out" / "a.x2.png.anyres.json").unlink()
    assert len(last(items[:1], is_record_beside=True, overwrite=True).done) == 1
    assert read_record(items[0].output) == read_record(tmp_path / "out" / "a.x2.png.anyres.json")


def test_a_stripped_result_carries_no_record(items: list[Item]) -> None:
    last(items[:1], strip=True)
    with pytest.raises(InputError, match="no record"):
        read_record(items[0].output)


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        ({}, {"result": "out.png"}, "has the input image, and nothing is named"),
        ({"image": "a.png", "mask": "b.png"}, {"result": "out.png"}, "has no input mask; it has image"),
        ({"image": "a.png"}, {}, "has the output result, and nothing is named"),
        ({"image": "a.png"}, {"result": "out.png", "other": "b.png"}, "has no output other"),
    ],
)
def test_an_item_that_does_not_fit_is_refused_before_anything(
    tmp_path: Path, inputs: dict[str, str], outputs: dict[str, str], message: str
) -> None:
    places = [{name: tmp_path / one for name, one in named.items()} for named in (inputs, outputs)]
    with pytest.raises(InputError, match=message):
        run_batch(upscale, [Item(places[0], places[1])])


def test_several_pictures_for_an_input_that_takes_one_are_refused(items: list[Item]) -> None:
    both = tuple(source_of(item) for item in items[:2])
    with pytest.raises(InputError, match="takes one picture; 2 were given"):
        run_batch(upscale, [Item({"image": both}, items[0].outputs)])


def test_a_store_that_cannot_be_written_is_one_notice_and_the_batch_is_done(
    items: list[Item], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("ANYRES_STORE", str(tmp_path / "file" / "store.db"))
    finished = last(items)
    assert len(finished.done) == 3
    assert len(finished.notices) == 1
    assert "could not be written" in finished.notices[0]


def test_the_store_knows_the_run_its_times_and_its_results(
    items: list[Item], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANYRES_STORE", str(tmp_path / "store.db"))
    last(items)
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        assert connection.execute("select workflow, status, done from runs").fetchall() == [
            ("upscale@1.0.0", "done", 3)
        ]
        assert connection.execute("select count(*) from artefacts").fetchall() == [(3,)]
    (kind,) = seconds_a_megapixel(tmp_path / "store.db")
    assert kind.operation == "upscale@1.0.0"


def unchecked(inputs: object, outputs: object) -> Item:
    """An item as a program makes it that checks no types; the tests' checker would refuse it first."""
    item: Item = object.__new__(Item)
    vars(item).update(inputs=inputs, outputs=outputs, parameters={})
    item.__post_init__()
    return item


def test_texts_are_places_as_a_person_types_them() -> None:
    item = unchecked({"photos": ["a.png", "memory://b.png"]}, {"all": "out"})
    assert item == Item({"photos": (Path("a.png"), place_of_text("memory://b.png"))}, {"all": Path("out")})


@pytest.mark.parametrize(
    ("inputs", "said"),
    [({"photo": 3}, r"photo is 3, which is no place"), ("a.png", r"inputs of an item are places by name")],
)
def test_what_is_no_place_is_refused(inputs: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        unchecked(inputs, {"result": Path("out.png")})
