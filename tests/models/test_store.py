import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from anyres.core.errors import AnyresError, InputError, LimitError, RunError, WeightsError
from anyres.core.weights import file_sha256, read_header, write_weights
from anyres.models import store
from anyres.models.catalog import CATALOG, PublishedWeights, find_weights, user_weights_dir, weights_paths
from anyres.models.store import add_weights, by_hand, get_weights, published_weights, remove_weights
from tests.models.liif import official_layout as official
from tests.models.liif.networks import small_network


@pytest.fixture(autouse=True)
def folder(user_folders: Path) -> Path:
    shutil.rmtree(user_folders, ignore_errors=True)
    assert not user_weights_dir().exists()
    return user_weights_dir()


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return official.save(official.wrapped(official.small_edsr()), tmp_path / "mine.pth")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    network = small_network("rdn")
    path = tmp_path / "own.safetensors"
    write_weights(path, network.state_dict(), model="liif", config=network.config, record={"step": 7})
    return path


def publish(monkeypatch: pytest.MonkeyPatch, path: Path, *, digits: int = 64) -> PublishedWeights:
    """Pretend that this file is a published one."""
    one = PublishedWeights(
        name="known",
        file="known.pth",
        sha256=file_sha256(path)[:digits],
        address="https://github.com/known.pth",
        page="https://github.com/known",
        licence="public domain",
        size_bytes=path.stat().st_size,
    )
    monkeypatch.setattr(store, "published_weights", lambda: [(CATALOG[0], one)])
    return one


def test_a_foreign_checkpoint_is_converted_and_its_origin_recorded(checkpoint: Path, folder: Path) -> None:
    added = add_weights(checkpoint)
    assert (added.name, added.model.name, added.path) == ("mine", "liif", folder / "mine.safetensors")
    record = read_header(added.path).record
    assert record["origin"] == {
        "file": "mine.pth",
        "bytes": checkpoint.stat().st_size,
        "sha256": file_sha256(checkpoint),
        "published_as": None,
    }
    assert (record["layout"], record["trained_scales"]) == ("official", [1, 4])
    assert record["licence"] == "not stated in the file"
    assert record["paper"] == "https://arxiv.org/abs/2012.09161"
    assert find_weights("mine") == added


def test_the_same_checkpoint_gives_the_same_bytes(checkpoint: Path) -> None:
    first, second = add_weights(checkpoint, name="one"), add_weights(checkpoint, name="two")
    assert first.path.read_bytes() == second.path.read_bytes()


def test_nothing_is_stored_but_the_tensors_that_the_network_uses(tmp_path: Path) -> None:
    network = official.small_edsr()
    tensors = network.state_dict()
    expected = sum(4 * tensor.numel() for name, tensor in tensors.items() if "_mean." not in name)
    added = add_weights(official.save(official.wrapped(network), tmp_path / "mine.pth"))
    header = read_header(added.path)
    assert sum(4 * torch.Size(shape).numel() for shape in header.tensors.values()) == expected


def test_our_own_file_is_taken_over_byte_for_byte(own: Path) -> None:
    assert add_weights(own, name="copy.2").path.read_bytes() == own.read_bytes()


def test_our_own_file_that_does_not_fit_its_configuration_is_refused(own: Path, folder: Path) -> None:
    network = small_network("rdn")
    tensors = dict(network.state_dict())
    del tensors["encoder.head.bias"]
    write_weights(own, tensors, model="liif", config=network.config, record={})
    with pytest.raises(WeightsError, match=r"encoder\.head\.bias missing"):
        add_weights(own)
    assert not folder.exists()


def test_our_own_file_that_is_larger_than_any_network_is_refused_before_it_is_read(
    own: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anyres.core.weights.MAX_CHECKPOINT_BYTES", own.stat().st_size - 1)
    monkeypatch.setattr("anyres.core.weights.read_tensors", lambda path: pytest.fail("it was read"))
    with pytest.raises(LimitError, match="a checkpoint may hold"):
        add_weights(own)
    assert not folder.exists()


def test_our_own_file_of_a_model_that_is_not_here_is_refused(own: Path) -> None:
    write_weights(own, {}, model="later", config=small_network().config, record={})
    with pytest.raises(WeightsError, match="weights of 'later'; this version of anyres has liif"):
        add_weights(own)


def test_a_checkpoint_of_another_network_is_refused_and_nothing_stored(tmp_path: Path, folder: Path) -> None:
    path = official.save({"params_ema": {"body.0.rdb1.conv1.weight": torch.ones(1)}}, tmp_path / "esr.pth")
    with pytest.raises(WeightsError, match="ESRGAN"):
        add_weights(path)
    assert not folder.exists()


@pytest.mark.parametrize("content", [b"", b"text", b"\x80\x02}"])
def test_a_file_that_is_no_checkpoint_is_refused_and_nothing_stored(
    tmp_path: Path, folder: Path, content: bytes
) -> None:
    (tmp_path / "one.pth").write_bytes(content)
    with pytest.raises(WeightsError):
        add_weights(tmp_path / "one.pth")
    assert not folder.exists()


@pytest.mark.parametrize("directory", [True, False])
def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path, directory: bool) -> None:
    with pytest.raises(WeightsError, match="is a folder" if directory else "No such file"):
        add_weights(tmp_path if directory else tmp_path / "none.pth", name="one")


@pytest.mark.parametrize(
    "name",
    (
        *("", ".", "..", "a/b", "a\\b", "../up", "/abs", "C:one", "a b", ".hidden", "-x", "a.", "ä"),
        *("a\n", "nul", "COM1.x", "x" * 65, "a\0b"),
    ),
)
def test_a_name_is_never_a_path(checkpoint: Path, name: str, folder: Path) -> None:
    with pytest.raises(InputError, match="cannot name weights"):
        add_weights(checkpoint, name=name)
    assert not folder.exists()


@pytest.mark.parametrize("name", ["liif-compact", "liif-rdn", "LIIF-Compact"])
def test_the_name_of_weights_that_ship_is_refused(checkpoint: Path, name: str) -> None:
    with pytest.raises(InputError, match="that ship with anyres"):
        add_weights(checkpoint, name=name)


@pytest.mark.parametrize("name", ["mine", "MINE"])
def test_a_name_that_is_taken_asks_for_overwrite(checkpoint: Path, own: Path, name: str) -> None:
    before = add_weights(checkpoint).path.read_bytes()
    with pytest.raises(InputError, match="--overwrite"):
        add_weights(own, name=name)
    assert find_weights("mine").path.read_bytes() == before


def test_overwrite_replaces(checkpoint: Path, own: Path) -> None:
    add_weights(checkpoint)
    assert add_weights(own, name="mine", overwrite=True).path.read_bytes() == own.read_bytes()


@pytest.mark.parametrize("digits", [64, 8])
def test_a_published_file_is_known_by_its_hash_under_any_name(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, digits: int
) -> None:
    publish(monkeypatch, checkpoint, digits=digits)
    for name in ("known", "other"):
        record = read_header(add_weights(checkpoint, name=name).path).record
        assert (record["origin"]["published_as"], record["licence"]) == ("known", "public domain")


@pytest.mark.parametrize("name", ["edsr-baseline-liif", "rdn-liif", "edsr-liif-mmagic"])
def test_a_file_named_as_a_published_one_must_have_its_hash(checkpoint: Path, name: str) -> None:
    with pytest.raises(
        WeightsError, match=f"is not the published {name}: its sha256 is {file_sha256(checkpoint)}"
    ):
        add_weights(checkpoint, name=name)


def test_the_published_files_are_those_of_the_authors() -> None:
    known = {one.name: (one.size_bytes, one.sha256[:8]) for _, one in published_weights()}
    assert known == {
        "edsr-baseline-liif": (18_890_445, "1cf77e16"),
        "rdn-liif": (268_184_311, "7bf835bc"),
        "edsr-liif-mmagic": (None, "ab7ce3fc"),
        "rdn-liif-mmagic": (None, "22d6fdc8"),
    }
    for _, one in published_weights():
        assert one.address.startswith("https://")
        assert one.file in one.address
        assert not {one.name} & store.shipped_names()
        told = by_hand(one)
        assert all(text in told for text in (one.file, one.sha256, f"anyres weights add {one.file}"))
        assert (str(one.size_bytes) in told) == (one.size_bytes is not None)
        assert ("begins with" in told) == (len(one.sha256) < 64)


def brings(path: Path) -> Callable[..., None]:
    def fetch(address: str, target: Path, **options: Any) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)

    return fetch


def test_published_weights_are_fetched_added_and_the_download_removed(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, user_folders: Path
) -> None:
    publish(monkeypatch, checkpoint)
    added = get_weights("known", fetch=brings(checkpoint))
    assert read_header(added.path).record["origin"]["published_as"] == "known"
    assert [path.name for path in user_folders.rglob("*") if path.is_file()] == ["known.safetensors"]


@pytest.mark.parametrize("address", [None, "https://github.com/elsewhere"])
def test_the_address_hash_and_size_of_the_list_are_used(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, address: str | None
) -> None:
    one, asked = publish(monkeypatch, checkpoint), []

    def fetch(address: str, target: Path, **options: Any) -> None:
        asked.append((address, options["sha256"], options["max_bytes"]))
        brings(checkpoint)(address, target)

    get_weights("known", address=address, fetch=fetch)
    assert asked == [(address or one.address, one.sha256, one.size_bytes)]


def test_without_a_network_it_says_what_to_fetch_by_hand() -> None:
    def fetch(address: str, target: Path, **options: Any) -> None:
        raise RunError(f"Could not fetch {address}: no route.")

    with pytest.raises(RunError) as told:
        get_weights("rdn-liif", fetch=fetch)
    for text in ("no route", "rdn-liif.pth", "268184311 bytes", "7bf835bc969b", "weights add rdn-liif.pth"):
        assert text in str(told.value)
    assert "https://github.com/yinboc/liif" in str(told.value)


def test_a_name_that_nobody_published_is_refused() -> None:
    with pytest.raises(InputError, match="there are: edsr-baseline-liif, rdn-liif"):
        get_weights("rdn", fetch=brings(Path()))


def test_an_address_that_is_not_https_is_refused() -> None:
    with pytest.raises(InputError, match="not an https address"):
        get_weights("rdn-liif", address="http://github.com/rdn-liif.pth")


def test_published_weights_that_are_there_are_not_fetched_again(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(monkeypatch, checkpoint)
    get_weights("known", fetch=brings(checkpoint))
    with pytest.raises(InputError, match="--overwrite"):
        get_weights("known", fetch=brings(Path("never")))


def test_own_weights_are_removed_and_no_others(checkpoint: Path) -> None:
    path = add_weights(checkpoint).path
    assert remove_weights("mine") == path
    assert not path.exists()
    with pytest.raises(InputError, match="your own are: none"):
        remove_weights("mine")
    with pytest.raises(InputError, match=r"no weights called '\.\./mine'"):
        remove_weights("../mine")


def test_weights_that_ship_are_not_removed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(store, "weights_paths", lambda: {"liif-compact": tmp_path})
    with pytest.raises(InputError, match="liif-compact ships with anyres"):
        remove_weights("liif-compact")


def test_a_damaged_file_of_the_user_hides_no_others_and_can_be_removed(own: Path, folder: Path) -> None:
    add_weights(own)
    (folder / "broken.safetensors").write_bytes(b"x")
    assert find_weights("own").name == "own"
    assert {"own", "broken"} <= weights_paths().keys()
    with pytest.raises(AnyresError, match="not a safetensors file"):
        find_weights("broken")
    remove_weights("broken")


def test_weights_of_a_model_of_another_version_are_told(own: Path, folder: Path) -> None:
    write_weights(folder / "new.safetensors", {}, model="later", config=small_network().config, record={})
    with pytest.raises(WeightsError, match="weights of 'later', which is no model of this version"):
        find_weights("new")
