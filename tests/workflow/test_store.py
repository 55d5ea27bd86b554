import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from anyres.workflow import store, store_tables
from anyres.workflow.events import NodeKind
from anyres.workflow.store import ArtefactEntry, ItemEntry, RunRecord, seconds_a_megapixel, store_path

DONE = ItemEntry("hash", "a.png", "done", None, 0, 0.5)
MADE = ArtefactEntry("hash", "out/a.png", "sha", 9, 8, 12)
UPSCALE = NodeKind("upscale@1.0.0", "of weights")


def begun(path: Path) -> RunRecord:
    return RunRecord(path, workflow="upscale@1.0.0", graph_sha256="of graph", engine="local")


def rows(path: Path, question: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(question).fetchall()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store that is not there yet, in a folder that is not there either."""
    return tmp_path / "deep" / "store.db"


def test_the_users_own_store_is_named_by_the_variable(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setenv("ANYRES_STORE", str(path))
    assert store_path() == path
    monkeypatch.delenv("ANYRES_STORE")
    assert store_path().name == "store.db"


def test_a_run_its_items_and_what_they_made_can_be_read_back(path: Path) -> None:
    record = begun(path)
    record.add(DONE, (MADE,))
    record.add(ItemEntry(None, "b.png", "failed", "b.png is empty", 2, 0.1))
    assert record.finish("partial") is None
    assert rows(path, "select workflow, engine, status, done, skipped, failed from runs") == [
        ("upscale@1.0.0", "local", "partial", 1, 0, 1)
    ]
    assert rows(path, "select position, inputs, status, reason from items order by position") == [
        (0, "a.png", "done", None),
        (1, "b.png", "failed", "b.png is empty"),
    ]
    assert rows(path, "select place, sha256, bytes, height, width from artefacts") == [
        ("out/a.png", "sha", 9, 8, 12)
    ]


def test_what_two_runs_made_of_one_item_is_one_artefact(path: Path) -> None:
    for sha256 in ("first", "second"):
        record = begun(path)
        record.add(DONE, (ArtefactEntry("hash", "out/a.png", sha256, 9, 8, 12),))
        record.finish("done")
    assert rows(path, "select sha256 from artefacts") == [("second",)]
    assert rows(path, "select count(*) from items") == [(2,)]


def test_ten_thousand_items_are_written_in_a_few_lots(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []
    connected = store_tables.connected

    def counted(place: Path) -> Any:
        opened.append(place)
        return connected(place)

    monkeypatch.setattr(store_tables, "connected", counted)
    monkeypatch.setattr(store, "_SECONDS_A_LOT", 1e9)
    record = begun(path)
    for index in range(10_000):
        record.add(DONE, (ArtefactEntry(f"{index}", "out/a.png", "sha", 9, 8, 12),))
    record.finish("done")
    assert len(opened) == 11
    assert rows(path, "select done from runs") == [(10_000,)]
    assert rows(path, "select count(*), max(position) from items") == [(10_000, 9_999)]


def test_a_run_that_was_killed_still_says_what_was_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_ITEMS_A_LOT", 1)
    record = begun(path)
    record.add(DONE)
    assert rows(path, "select status, done, ended from runs") == [("running", 1, None)]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ("process = process", "running"),
        ("process = :dead", "interrupted"),
        ("begun = 0", "interrupted"),  # the process of that number is a later one
        ("process = :dead, host = 'another'", "running"),  # which cannot be asked here
    ],
)
def test_a_run_whose_process_is_dead_is_interrupted_when_the_store_is_opened(
    path: Path, monkeypatch: pytest.MonkeyPatch, change: str, status: str
) -> None:
    monkeypatch.setattr(store, "_ITEMS_A_LOT", 1)
    record = begun(path)
    record.add(DONE)
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"update runs set {change}", {"dead": process.pid} if ":dead" in change else {})
        connection.commit()
    seconds_a_megapixel(path)
    assert rows(path, "select status from runs") == [(status,)]
    assert record.finish("done") is None
    assert rows(path, "select status from runs") == [("done",)]


def test_a_store_of_format_1_is_brought_to_todays_with_all_that_is_in_it(path: Path) -> None:
    record = begun(path)
    record.add(DONE, (MADE,))
    record.finish("done")
    with closing(sqlite3.connect(path)) as connection:
        for change in ("alter table runs drop column host", "alter table runs drop column process"):
            connection.execute(change)
        connection.execute("insert into runs select 'killed', '', '', '', 0, null, 'running', 0, 0, 0")
        connection.execute("pragma user_version = 1")
        connection.commit()
    assert begun(path).finish("done") is None
    assert rows(path, "select status, host is null from runs order by begun") == [
        ("interrupted", 1),
        ("done", 1),
        ("done", 0),
    ]
    assert rows(path, "select place from artefacts") == [("out/a.png",)]
    assert rows(path, "pragma user_version") == [(2,)]


def test_times_are_added_up_by_kind_and_forecast_by_their_median(path: Path) -> None:
    for time_s in (1.0, 2.0, 9.0):
        record = begun(path)
        record.add_time(UPSCALE, megapixels=0.25, time_s=time_s / 2)
        record.add_time(UPSCALE, megapixels=0.75, time_s=time_s / 2)
        record.add_time(NodeKind("measure@1.0.0", ""), megapixels=0.0, time_s=1.0)
        record.finish("done")
    assert seconds_a_megapixel(path) == {UPSCALE: 2.0}


def test_times_of_another_machine_are_not_ours(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = begun(path)
    record.add_time(UPSCALE, megapixels=1.0, time_s=1.0)
    record.finish("done")
    monkeypatch.setattr(store, "describe_machine", lambda: "another")
    assert seconds_a_megapixel(path) == {}


def test_without_a_store_there_are_no_times_and_none_is_made(path: Path) -> None:
    assert seconds_a_megapixel(path) == {}
    assert not path.exists()


def test_a_store_that_cannot_be_opened_is_one_notice_and_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    record = begun(tmp_path / "file" / "store.db")
    record.add(DONE)
    notice = record.finish("done")
    assert notice is not None
    assert "file/store.db could not be written" in notice
    assert "ANYRES_STORE" in notice


def test_a_file_that_is_no_store_is_a_notice_and_stays_as_it_is(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"precious" * 100)
    notice = begun(path).finish("done")
    assert notice is not None
    assert "file is not a database" in notice
    assert path.read_bytes() == b"precious" * 100
    assert seconds_a_megapixel(path) == {}


def test_a_store_of_a_later_version_is_left_alone(path: Path) -> None:
    begun(path).finish("done")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma user_version = 99")
    notice = begun(path).finish("done")
    assert notice is not None
    assert "of version 99" in notice
    assert rows(path, "select count(*) from runs") == [(1,)]


def test_a_name_that_is_no_utf_8_is_recorded(path: Path) -> None:
    record = begun(path)
    record.add(ItemEntry("hash", "caf\udce9.png", "done", None, 0, 0.5))
    assert record.finish("done") is None
    assert rows(path, "select inputs from items") == [("caf\\udce9.png",)]


def test_two_runs_at_once_are_both_recorded(path: Path) -> None:
    first, second = begun(path), begun(path)
    first.add(DONE, (MADE,))
    second.add(DONE, (MADE,))
    assert (first.finish("done"), second.finish("done")) == (None, None)
    assert rows(path, "select count(*) from runs") == [(2,)]
    assert rows(path, "pragma journal_mode") == [("wal",)]
