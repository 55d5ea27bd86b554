"""The engine ray: the same bytes as here, and what it says when something is missing or dies."""

import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from anyres.cli.main import main
from anyres.core.errors import InputError
from anyres.core.image import Image
from anyres.core.weights import file_sha256
from anyres.operations.resize import resize
from anyres.operations.upscale import upscale
from anyres.workflow.document import document_of, document_text, read_document
from anyres.workflow.events import BatchFinished
from anyres.workflow.items import Item
from anyres.workflow.journal import JOURNAL_NAME
from anyres.workflow.ray_engine import _knock
from anyres.workflow.run import run_batch
from anyres.workflow.staging import leftovers_in

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster of two processors on this machine."""
    ray = pytest.importorskip("ray", reason="ray: pip install 'anyres[ray]'")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield ray
    ray.shutdown()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A picture of 12 x 9 pixels of noise."""
    path = tmp_path / "photo.png"
    Image(np.random.default_rng(0).random((9, 12, 3), np.float32)).save(path)
    return path


def sha256_of(workflow: Any, photo: Path, out: Path, **options: Any) -> str:
    out.unlink(missing_ok=True)
    item = Item({"image": photo}, {"result": out}, options.pop("parameters", {}))
    *_, finished = run_batch(workflow, [item], **options)
    assert isinstance(finished, BatchFinished)
    assert not finished.failed
    (result,) = finished.done[0].results
    assert result.sha256 == file_sha256(out)
    return result.sha256


def test_one_document_gives_the_same_bytes_through_every_door(
    cluster: Any, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = document_of(upscale, {"scale": 1.7})
    out = photo.with_name("out.png")
    single = sha256_of(document, photo, out, is_resumable=False)
    assert sha256_of(upscale, photo, out, parameters={"scale": 1.7}, is_resumable=False) == single
    assert sha256_of(document, photo, out) == single
    assert sha256_of(document, photo, out, engine="ray") == single
    photo.with_name("once.json").write_text(document_text(document), encoding="utf-8")
    for arguments in (
        ["upscale", str(photo), "--scale", "1.7", "-o", str(out), "--overwrite"],
        ["upscale", str(photo), "--scale", "1.7", "-o", str(out), "--overwrite", "--engine", "ray"],
        ["workflow", "run", str(photo.with_name("once.json")), "--input", f"image={photo}", "-o", str(out)],
    ):
        out.unlink()
        monkeypatch.setattr(sys, "argv", ["anyres", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        assert not left.value.code
        assert file_sha256(out) == single, arguments


def test_what_a_worker_makes_is_journalled_and_skipped_here(cluster: Any, photo: Path) -> None:
    items = [
        Item({"image": photo}, {"result": photo.parent / "out" / f"{index}.png"}, {"scale": 2 + index})
        for index in range(5)
    ]
    *_, first = run_batch(resize, items, engine="ray")
    *_, second = run_batch(resize, items)
    assert isinstance(first, BatchFinished)
    assert isinstance(second, BatchFinished)
    assert len(first.done) == 5
    assert len(second.skipped) == 5
    names = sorted(path.name for path in (photo.parent / "out").iterdir())
    assert names == [JOURNAL_NAME, *[f"{index}.png" for index in range(5)]]


def test_a_bad_item_is_listed_and_the_others_are_done(cluster: Any, photo: Path) -> None:
    bad = photo.with_name("bad.png")
    bad.write_bytes(b"no picture")
    items = [
        Item({"image": one}, {"result": one.with_name(f"{one.stem}.x2.png")}, {"scale": 2})
        for one in (bad, photo)
    ]
    *_, finished = run_batch(resize, items, engine="ray")
    assert isinstance(finished, BatchFinished)
    assert [len(finished.done), len(finished.failed)] == [1, 1]
    assert "bad.png is not a picture" in finished.failed[0].reason


def test_a_batch_that_is_given_up_leaves_nothing_half_written(cluster: Any, photo: Path) -> None:
    out = photo.parent / "out"
    items = [
        Item({"image": photo}, {"result": out / f"{index}.png"}, {"scale": 2 + index}) for index in range(8)
    ]
    events = run_batch(resize, items, engine="ray")
    for event in events:
        if type(event).__name__ == "ItemDone":
            break
    events.close()  # type: ignore[attr-defined]
    assert leftovers_in(out) == ()


def test_the_document_that_travels_is_text_and_no_code(photo: Path) -> None:
    document = document_of(upscale, {"scale": 1.7})
    assert read_document(document_text(document)) == document


def test_without_ray_it_says_what_to_install(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    item = Item({"image": photo}, {"result": photo.with_name("out.png")})
    with pytest.raises(InputError, match=r"pip install 'anyres\[ray\]'"):
        list(run_batch(resize, [item], engine="ray"))


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "[::1]:1", "127.0.0.1:99999"])
def test_an_address_where_nothing_listens_is_refused_before_ray_tries_it(
    photo: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    begun: list[dict[str, Any]] = []
    ray = SimpleNamespace(is_initialized=lambda: False, init=lambda **options: begun.append(options))
    monkeypatch.setitem(sys.modules, "ray", ray)
    item = Item({"image": photo}, {"result": photo.with_name("out.png")})
    with pytest.raises(InputError, match=r"no Ray cluster at .* Name the address of one"):
        list(run_batch(resize, [item], engine="ray", address=address))
    assert not begun


@pytest.mark.parametrize("says", [b"HTTP/1.1 400 Bad Request\r\n", None])
def test_what_listens_and_is_no_ray_is_refused(
    photo: Path, monkeypatch: pytest.MonkeyPatch, says: bytes | None
) -> None:
    monkeypatch.setattr("anyres.workflow.ray_engine._PATIENCE_S", 0.2)
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(is_initialized=lambda: False))
    item = Item({"image": photo}, {"result": photo.with_name("out.png")})
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as other:

        def answer() -> None:
            with listening.accept()[0] as guest:
                guest.sendall(says or b"")
                guest.recv(99)

        if says:
            other.submit(answer)
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(InputError, match="no Ray cluster at 127"):
            list(run_batch(resize, [item], engine="ray", address=address))


def test_a_cluster_is_found_by_its_address(cluster: Any) -> None:
    _knock(cluster.get_runtime_context().gcs_address)


def test_what_finds_a_cluster_by_itself_is_left_to_ray(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_found(*, address: str, **_: object) -> None:
        raise ConnectionError(f"asked for {address}")

    ray = SimpleNamespace(is_initialized=lambda: False, init=none_found)
    monkeypatch.setitem(sys.modules, "ray", ray)
    item = Item({"image": photo}, {"result": photo.with_name("out.png")})
    with pytest.raises(InputError, match="asked for auto"):
        list(run_batch(resize, [item], engine="ray", address="auto"))
