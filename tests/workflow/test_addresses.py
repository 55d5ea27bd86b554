import sys
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec
import numpy as np
import pytest

from anyres.cli.main import main
from anyres.core.errors import InputError, LimitError, RunError
from anyres.core.files import Limits, read_image
from anyres.core.image import Image
from anyres.operations.resize import resize
from anyres.workflow import addresses
from anyres.workflow.addresses import Address, fetch, files_below, is_file, is_folder, place_of_text
from anyres.workflow.events import BatchFinished
from anyres.workflow.folder import plan_items
from anyres.workflow.items import Item
from anyres.workflow.run import run_batch


@pytest.fixture
def memory() -> Address:
    """An empty folder in fsspec's memory."""
    files = fsspec.filesystem("memory")
    if files.exists("/batch"):
        files.rm("/batch", recursive=True)
    folder = place_of_text("memory://batch")
    assert isinstance(folder, Address)
    return folder


def put_bytes(content: bytes, address: Address, folder: Path) -> Address:
    (folder / "source").write_bytes(content)
    addresses.put(folder / "source", address)
    return address


def test_what_has_no_protocol_is_a_path() -> None:
    for text in ("photo.jpg", "C:\\photo.jpg", "a:b/photo.jpg"):
        assert place_of_text(text) == Path(text)


def test_a_file_address_is_a_path(tmp_path: Path) -> None:
    assert place_of_text(f"file://{tmp_path}/a.png") == tmp_path / "a.png"


def test_the_parts_of_an_address_are_named_as_those_of_a_path() -> None:
    address = Address("s3", PurePosixPath("bucket/in/photo.x2.jpg"))
    assert str(address) == "s3://bucket/in/photo.x2.jpg"
    assert (address.name, address.stem, address.suffix) == ("photo.x2.jpg", "photo.x2", ".jpg")
    assert str(address.with_name("b.png")) == "s3://bucket/in/b.png"
    assert str(address.parent / "deep" / "c.png") == "s3://bucket/in/deep/c.png"


@pytest.mark.parametrize("text", ["gopher://a/b", "zip://a.png::memory://b.zip", "python:os://x"])
def test_a_protocol_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="no address that can be reached"):
        place_of_text(text)


def test_a_file_goes_there_and_comes_back(memory: Address, tmp_path: Path) -> None:
    address = put_bytes(b"a picture", memory / "deep" / "a.png", tmp_path)
    fetch(address, tmp_path / "copy", limits=Limits())
    assert (tmp_path / "copy").read_bytes() == b"a picture"
    assert addresses.file_bytes(address) == 9
    assert is_file(address)
    assert is_folder(memory)
    assert not is_file(memory / "other.png")


def test_no_more_is_copied_than_the_limit_allows(memory: Address, tmp_path: Path) -> None:
    address = put_bytes(bytes(3_000_000), memory / "large.png", tmp_path)
    with pytest.raises(LimitError, match=r"memory://batch/large\.png has more than 1 MB.*--max-megabytes"):
        fetch(address, tmp_path / "copy", limits=Limits(max_megabytes=1.0))
    assert (tmp_path / "copy").stat().st_size <= 1_000_000


def test_a_folder_is_listed_all_the_way_down_by_name(memory: Address, tmp_path: Path) -> None:
    for name in ("b.png", "a.png", "deep/er/c.png"):
        put_bytes(b"x", memory / name, tmp_path)
    assert [str(one) for one in files_below(memory)] == [
        "memory://batch/a.png",
        "memory://batch/b.png",
        "memory://batch/deep/er/c.png",
    ]


def test_a_move_leaves_one_file_and_a_removal_none(memory: Address, tmp_path: Path) -> None:
    staged = put_bytes(b"new", memory / ".staged.png", tmp_path)
    addresses.move(staged, memory / "a.png")
    assert [one.name for one in files_below(memory)] == ["a.png"]
    addresses.remove(memory / "a.png")
    addresses.remove(memory / "a.png")
    assert not is_file(memory / "a.png")


def test_what_is_not_there_is_named(memory: Address, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"There is no file memory://batch/missing\.png"):
        fetch(memory / "missing.png", tmp_path / "copy", limits=Limits())


def test_a_file_system_that_fails_is_one_sentence(memory: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_: object, **__: object) -> bool:
        raise ConnectionResetError("the line was cut")

    monkeypatch.setattr(type(fsspec.filesystem("memory")), "isfile", lost)
    with pytest.raises(RunError, match=r"memory://batch/a\.png cannot be reached \(ConnectionResetError:"):
        is_file(memory / "a.png")


def test_a_protocol_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_: str) -> None:
        raise ImportError("Please install s3fs to access S3")

    monkeypatch.setattr(fsspec, "url_to_fs", absent)
    with pytest.raises(InputError, match="Please install s3fs"):
        is_file(Address("s3", PurePosixPath("bucket/a.png")))


def test_nothing_is_written_to_the_web(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="only read"):
        addresses.put(tmp_path, Address("https", PurePosixPath("example.org/a.png")))


def put_pictures(folder: Address, tmp_path: Path, *names: str) -> None:
    Image(np.full((4, 6, 3), 0.5, np.float32)).save(tmp_path / "picture.png")
    for name in names:
        addresses.put(tmp_path / "picture.png", folder / name)


def last(items: tuple[Item, ...], **options: Any) -> BatchFinished:
    *_, finished = run_batch(resize, items, **options)
    assert isinstance(finished, BatchFinished)
    return finished


def test_a_batch_goes_from_addresses_to_addresses_and_is_resumed(memory: Address, tmp_path: Path) -> None:
    put_pictures(memory / "in", tmp_path, "a.png", "deep/b.png")
    plan = plan_items(resize, [memory / "in"], parameters={"scale": 2}, output="memory://batch/out")
    assert len(last(plan.items, is_record_beside=True).done) == 2
    assert [one.path.relative_to("batch/out").as_posix() for one in files_below(memory / "out")] == [
        "a.x2.png",
        "a.x2.png.anyres.json",
        "deep/b.x2.png",
        "deep/b.x2.png.anyres.json",
    ]
    fetch(memory / "out" / "a.x2.png", tmp_path / "back.png", limits=Limits())
    assert read_image(tmp_path / "back.png").size_hw == (8, 12)
    assert len(last(plan.items, is_record_beside=True).skipped) == 2
    put_bytes(b"edited", memory / "out" / "a.x2.png", tmp_path)
    finished = last(plan.items, is_record_beside=True)
    assert (len(finished.skipped), len(finished.failed)) == (1, 1)
    assert "memory://batch/out/a.x2.png exists already" in finished.failed[0].reason


def test_a_result_at_an_address_has_the_bytes_of_one_on_this_machine(memory: Address, tmp_path: Path) -> None:
    put_pictures(memory, tmp_path, "a.png")
    here = Item({"image": tmp_path / "picture.png"}, {"result": tmp_path / "out.png"}, {"scale": 2})
    there = Item({"image": memory / "a.png"}, {"result": memory / "out.png"}, {"scale": 2})
    assert last((here,)).done[0].results[0].sha256 == last((there,)).done[0].results[0].sha256


def test_the_byte_limit_holds_for_an_input_at_an_address(memory: Address, tmp_path: Path) -> None:
    put_pictures(memory, tmp_path, "a.png")
    item = Item({"image": memory / "a.png"}, {"result": tmp_path / "out.png"}, {"scale": 2})
    (failed,) = last((item,), limits=Limits(max_megabytes=1e-5)).failed
    assert failed.exit_code == 3
    assert "memory://batch/a.png has more than" in failed.reason


def test_the_command_line_takes_addresses_of_both_kinds(
    memory: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_pictures(memory, tmp_path, "a.png")
    for picture, out in (
        ("memory://batch/a.png", f"file://{tmp_path}/out/"),
        (f"file://{tmp_path}/picture.png", "memory://batch/out/"),
    ):
        monkeypatch.setattr(sys, "argv", ["anyres", "resize", picture, "--scale", "2", "-o", out])
        with pytest.raises(SystemExit) as left:
            main()
        assert not left.value.code
    assert (tmp_path / "out" / "a.x2.png").is_file()
    assert is_file(memory / "out" / "picture.x2.png")
