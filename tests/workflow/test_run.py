import inspect
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anyres.core.errors import InputError, RunError
from anyres.core.files import Header, Limits, read_header, read_image, read_rgb8
from anyres.core.image import Image, quantise
from anyres.operations.upscale import upscale
from anyres.workflow import making, reading, writing
from anyres.workflow.events import (
    BatchEvent,
    BatchFinished,
    BatchStarted,
    ItemDone,
    ItemSkipped,
    ItemStarted,
)
from anyres.workflow.items import Item
from anyres.workflow.journal import JOURNAL_NAME
from anyres.workflow.run import run_batch
from tests.workflow.batches import files_in, last, source_of

pytestmark = pytest.mark.usefixtures("nearest_model")


def test_the_events_tell_the_whole_batch(items: list[Item]) -> None:
    events: list[BatchEvent] = list(run_batch(upscale, items))
    kinds = [type(event) for event in events]
    assert kinds == [BatchStarted, *[ItemStarted, ItemDone] * 3, BatchFinished]
    assert isinstance(events[0], BatchStarted)
    assert (events[0].items, round(events[0].megapixels * 1e6)) == (3, 3 * 96)
    assert [event.size_hw for event in events if isinstance(event, ItemDone)] == [(8, 12)] * 3
    for item in items:
        assert read_image(item.output).size_hw == (8, 12)


def test_nothing_but_results_and_the_journal_is_left(items: list[Item], tmp_path: Path) -> None:
    last(items)
    assert files_in(tmp_path / "out") == [JOURNAL_NAME, "a.x2.png", "b.x2.png", "c.x2.png"]


def test_a_single_run_leaves_no_journal(items: list[Item], tmp_path: Path) -> None:
    last(items[:1], is_resumable=False)
    assert files_in(tmp_path / "out") == ["a.x2.png"]


def test_a_batch_of_one_gives_the_same_bytes_as_a_single_run(items: list[Item]) -> None:
    last(items[:1], is_resumable=False)
    single = items[0].output.read_bytes()
    last(items[:1], overwrite=True)
    assert items[0].output.read_bytes() == single
    picture = upscale(Image.open(source_of(items[0])), scale=2)
    assert np.array_equal(quantise(picture.pixels, np.uint8), read_rgb8(items[0].output))


def test_a_bad_item_is_listed_with_its_reason_and_the_rest_goes_on(items: list[Item]) -> None:
    source_of(items[1]).write_bytes(b"no picture")
    finished = last(items)
    assert [one.item for one in finished.done] == [items[0], items[2]]
    assert [(one.item, one.exit_code) for one in finished.failed] == [(items[1], 2)]
    assert "b.png is not a picture" in finished.failed[0].reason
    assert not items[1].output.exists()


def test_a_fault_of_ours_in_one_item_does_not_end_the_batch(
    items: list[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path, **_: object) -> Image:
        if path.name == "b.png":
            raise ZeroDivisionError("a fault")
        return read_image(path)

    monkeypatch.setattr(reading, "read_image", broken)
    finished = last(items)
    assert len(finished.done) == 2
    assert "ZeroDivisionError: a fault" in finished.failed[0].reason
    assert finished.failed[0].exit_code == 1


def test_memory_that_runs_out_is_a_limit(items: list[Item], monkeypatch: pytest.MonkeyPatch) -> None:
    def too_large(path: Path, **_: object) -> Image:
        raise MemoryError("Unable to allocate 9 TiB")

    monkeypatch.setattr(reading, "read_image", too_large)
    (failed,) = last(items[:1]).failed
    assert failed.exit_code == 3
    assert "Memory ran out" in failed.reason


def test_two_runs_at_one_item_leave_each_others_work_alone(items: list[Item]) -> None:
    second: list[BatchFinished] = []

    def meanwhile(item: Item, fraction: float) -> None:
        if not second:
            second.append(last(items[:1], overwrite=True))

    first = last(items[:1], overwrite=True, on_progress=meanwhile)
    assert not first.failed
    assert not second[0].failed
    assert read_image(items[0].output).size_hw == (8, 12)


def test_what_is_done_is_skipped_the_second_time(items: list[Item]) -> None:
    last(items)
    before = [item.output.stat().st_mtime_ns for item in items]
    finished = last(items)
    assert finished.skipped == tuple(ItemSkipped(item) for item in items)
    assert [item.output.stat().st_mtime_ns for item in items] == before


def test_a_default_that_is_named_is_the_same_work(items: list[Item]) -> None:
    named = [Item(item.inputs, item.outputs, {"scale": 2.0, "fit": "inside"}) for item in items]
    unnamed = [Item(item.inputs, item.outputs) for item in items]
    last(named)
    before = [item.output.read_bytes() for item in items]
    assert len(last(unnamed).skipped) == 3
    last(unnamed, overwrite=True, is_resumable=False)
    assert [item.output.read_bytes() for item in items] == before


@pytest.mark.parametrize("what", ["input", "weights", "parameters", "strip", "result"])
def test_what_changed_is_not_taken_as_done(items: list[Item], nearest_model: Path, what: str) -> None:
    last(items[:1])
    item, options = items[0], {"strip": what == "strip"}
    if what == "input":
        Image(np.ones((4, 6, 3), np.float32)).save(source_of(item), overwrite=True)
    elif what == "weights":
        nearest_model.write_bytes(b"trained for longer")
    elif what == "parameters":
        item = Item(item.inputs, item.outputs, {"scale": 3})
    elif what == "result":
        item.output.write_bytes(item.output.read_bytes() + b"edited")
    (failed,) = last([item], **options).failed
    assert "exists already" in failed.reason
    assert "--overwrite" in failed.reason
    assert failed.exit_code == 2
    assert len(last([item], overwrite=True, **options).done) == 1


def test_an_output_that_exists_is_left_alone_without_overwrite(items: list[Item]) -> None:
    items[0].output.parent.mkdir()
    items[0].output.write_bytes(b"precious")
    finished = last(items[:1])
    assert "Replace it with --overwrite" in finished.failed[0].reason
    assert items[0].output.read_bytes() == b"precious"


def test_two_items_with_one_output_are_refused_before_anything(items: list[Item], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.png and .*b\.png would both become .*a\.x2\.png"):
        run_batch(upscale, [items[0], Item(items[1].inputs, items[0].outputs)])
    assert not (tmp_path / "out").exists()


def test_an_input_is_never_an_output(items: list[Item]) -> None:
    with pytest.raises(InputError, match="would be replaced by a result"):
        run_batch(upscale, [Item(items[0].inputs, {"result": source_of(items[0])})], overwrite=True)


@pytest.mark.parametrize("way", ["..", "link to a folder", "link to a file", "another name of the file"])
def test_an_input_is_never_an_output_by_whatever_name(items: list[Item], tmp_path: Path, way: str) -> None:
    picture = source_of(items[0])
    (tmp_path / "sub").mkdir()
    output = tmp_path / "sub" / ".." / "a.png" if way == ".." else tmp_path / "sub" / "b.png"
    if way == "link to a folder":
        (tmp_path / "linked").symlink_to(tmp_path, target_is_directory=True)
        output = tmp_path / "linked" / "a.png"
    elif way == "link to a file":
        output.symlink_to(picture)
    elif way == "another name of the file":  # as PHOTO.PNG is of photo.png, where letters have no case
        output.hardlink_to(picture)
    with pytest.raises(InputError, match="would be replaced by a result"):
        run_batch(upscale, [Item(items[0].inputs, {"result": output})], overwrite=True)


def test_a_wrong_parameter_is_refused_before_anything(items: list[Item], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="A scale is"):
        run_batch(upscale, [Item(items[0].inputs, items[0].outputs, {"scale": "two"})])
    assert not (tmp_path / "out").exists()


def test_an_output_folder_that_cannot_be_written_is_refused_before_anything(
    items: list[Item], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"Cannot write into the folder .*file.below.*Choose another"):
        run_batch(upscale, [Item(items[0].inputs, {"result": tmp_path / "file" / "below" / "a.png"})])


def test_a_target_too_large_for_the_disk_is_refused_with_the_largest_that_fits(
    items: list[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "free_disk_bytes", lambda folder: 6 * 96 - 1)
    (failed,) = last(items[:1]).failed
    assert failed.exit_code == 3
    assert "The largest scale that fits is 1.91 (11x8)" in failed.reason
    monkeypatch.setattr(making, "free_disk_bytes", lambda folder: 6 * 96)
    assert len(last(items[:1]).done) == 1


def test_a_target_too_large_for_its_format_is_refused_before_the_model_runs(items: list[Item]) -> None:
    item = Item(items[0].inputs, {"result": items[0].output.with_suffix(".webp")}, {"width": 16_384})
    (failed,) = last([item], on_progress=lambda *_: pytest.fail("the model ran")).failed
    assert failed.exit_code == 3
    assert "16383 pixels" in failed.reason


def test_a_picture_over_the_limit_is_refused_and_can_be_let_through(items: list[Item]) -> None:
    (failed,) = last(items[:1], limits=Limits(max_megapixels=23e-6)).failed
    assert failed.exit_code == 3
    assert len(last(items[:1], limits=Limits(max_megapixels=24e-6)).done) == 1


def test_progress_says_how_far_which_item_is(items: list[Item]) -> None:
    seen: list[tuple[Item, float]] = []
    last(items[:1], on_progress=lambda item, fraction: seen.append((item, fraction)))
    assert [item for item, _ in seen] == items[:1] * 2
    assert [fraction for _, fraction in seen] == pytest.approx([7 / 8, 1.0])


def test_a_failure_while_writing_leaves_nothing_and_names_the_output(
    items: list[Item], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(picture: object, path: Path, **_: object) -> None:
        path.write_bytes(b"half")
        raise RunError(f"{path} could not be written (No space left on device).")

    monkeypatch.setattr(writing, "write_image", full)
    (failed,) = last(items[:1]).failed
    assert failed.reason == f"{items[0].output} could not be written (No space left on device)."
    assert files_in(tmp_path / "out") == []


def test_an_interrupt_leaves_nothing_half_written(items: list[Item], tmp_path: Path) -> None:
    def interrupt(item: Item, fraction: float) -> None:
        if item == items[1]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        last(items, on_progress=interrupt)
    assert files_in(tmp_path / "out") == [JOURNAL_NAME, "a.x2.png"]
    finished = last(items)
    assert [one.item for one in finished.skipped] == items[:1]
    assert len(finished.done) == 2


KILLED_HALFWAY = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    import anyres.workflow.run as run
    from anyres.core.image import Image, Rows
    from anyres.operations.operation import operation
    from anyres.workflow.items import Item

    @operation(version="1", size=lambda size_hw: size_hw)
    def same(image: Image) -> Rows:
        def stripes():
            for row in range(image.height):
                if sys.argv[1] == "while writing" and 0.4 < image.pixels[0, 0, 0] < 0.6 and row == 2:
                    os.kill(os.getpid(), signal.SIGKILL)
                yield image.pixels[row : row + 1]
        return Rows(image.size_hw, False, image.encoding, stripes())

    if sys.argv[1] == "before renaming":
        rename = Path.replace
        def killed(path, target):
            if Path(target).name == "b.out.png":
                os.kill(os.getpid(), signal.SIGKILL)
            return rename(path, target)
        Path.replace = killed

    folder = Path(sys.argv[2])
    out = folder / "out"
    items = [Item({"image": folder / f"{name}.tif"}, {"result": out / f"{name}.out.png"}) for name in "abc"]
    *_, finished = run.run_batch(same, items)
    print(len(finished.done), len(finished.skipped), len(finished.failed))
    """
)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
@pytest.mark.parametrize("moment", ["while writing", "before renaming"])
def test_a_batch_that_was_killed_goes_on_where_it_was(tmp_path: Path, moment: str) -> None:
    for index, name in enumerate("abc"):
        Image(np.full((4, 6, 3), index / 2, np.float32)).save(tmp_path / f"{name}.tif")

    def run(moment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", KILLED_HALFWAY, moment, str(tmp_path)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    killed = run(moment)
    assert killed.returncode == -9, killed.stderr
    assert "a.out.png" in files_in(tmp_path / "out")
    assert "b.out.png" not in files_in(tmp_path / "out")
    resumed = run("never")
    assert resumed.stdout.split() == ["2", "1", "0"], resumed.stderr
    assert files_in(tmp_path / "out") == [JOURNAL_NAME, "a.out.png", "b.out.png", "c.out.png"]


def test_a_line_of_the_journal_that_a_kill_cut_off_is_ignored(items: list[Item]) -> None:
    last(items[:1])
    journal = items[0].output.with_name(JOURNAL_NAME)
    with journal.open("ab") as file:
        file.write(b'{"item": "cut o')
    assert len(last(items[:2]).skipped) == 1
    assert len(last(items[:2]).skipped) == 2
    lines = journal.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["output"] for line in (lines[0], lines[2])] == ["a.x2.png", "b.x2.png"]


def test_a_name_that_is_no_utf_8_is_done_once(items: list[Item], tmp_path: Path) -> None:
    item = Item(items[0].inputs, {"result": tmp_path / "caf\udce9.x2.png"}, {"scale": 2})
    try:
        item.output.touch()
        item.output.unlink()
    except (OSError, UnicodeError):
        pytest.skip("This disk takes no such name.")
    assert len(last([item]).done) == 1
    assert len(last([item]).skipped) == 1


def test_a_picture_whose_name_cannot_be_opened_does_not_end_the_batch(
    items: list[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    def by_utf_8(path: Path, **options: Any) -> Header:
        str(path).encode()
        return read_header(path, **options)

    monkeypatch.setattr(reading, "read_header", by_utf_8)
    odd = Item({"image": source_of(items[0]).with_name("caf\udce9.png")}, items[0].outputs)
    finished = last([odd, items[1]])
    assert len(finished.done) == 1
    assert finished.failed[0].exit_code == 2
    assert "Rename the file" in finished.failed[0].reason


def test_the_journal_is_on_the_disk_before_the_result_has_its_name(
    items: list[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda _: synced.append(items[0].output.exists()))
    last(items[:1])
    assert synced == [False]


def test_an_engine_that_is_none_is_refused_with_those_there_are(items: list[Item]) -> None:
    with pytest.raises(InputError, match="no engine 'cloud'; there are: local, ray"):
        run_batch(upscale, items, engine="cloud")


@pytest.mark.parametrize("given", ["enlarge-photo", Path("flow.json")])
def test_the_name_of_a_workflow_is_not_the_workflow(items: list[Item], given: Any) -> None:
    run_unchecked = inspect.unwrap(run_batch)  # the tests' checker of types is not in every program
    with pytest.raises(InputError, match=r"find_workflow\(name\).*read_document\(path\)"):
        run_unchecked(given, items)


def test_an_address_without_ray_is_refused(items: list[Item]) -> None:
    with pytest.raises(InputError, match="Ask for the engine ray"):
        run_batch(upscale, items, address="10.0.0.1:6379")


def test_a_file_that_came_into_being_meanwhile_is_left_alone(items: list[Item], tmp_path: Path) -> None:
    def meanwhile(item: Item, fraction: float) -> None:
        item.output.write_bytes(b"precious")

    (failed,) = last(items[:1], on_progress=meanwhile, is_resumable=False).failed
    assert "came into being meanwhile" in failed.reason
    assert items[0].output.read_bytes() == b"precious"
    assert files_in(tmp_path / "out") == ["a.x2.png"]
