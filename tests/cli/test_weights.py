import shutil
from pathlib import Path

import pytest

from anyres.core.errors import RunError
from anyres.models import store
from anyres.models.catalog import user_weights_dir
from tests.cli.conftest import Run
from tests.models.liif import official_layout as official


@pytest.fixture(autouse=True)
def folder(user_folders: Path) -> Path:
    shutil.rmtree(user_folders, ignore_errors=True)
    return user_weights_dir()


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return official.save(official.wrapped(official.small_rdn()), tmp_path / "mine.pth")


def test_weights_are_added_listed_shown_and_removed(run: Run, checkpoint: Path, folder: Path) -> None:
    added = run("weights", "add", checkpoint, "--name", "first")
    assert added.code == 0
    assert str(folder / "first.safetensors") in added.out
    assert "anyres upscale PHOTO --model first" in added.out
    assert "first: SISR-Any-LIIF-RDN, 0.0 MB, yours" in run("weights", "list").out
    shown = run("weights", "show", "first").out
    for line in ("5949 parameters in 36 tensors", "config.encoder.kind: rdn", "record.origin.file: mine.pth"):
        assert line in shown
    assert "record.trained_scales: 1.0, 4.0" in shown
    assert run("weights", "remove", "first").code == 0
    assert "first" not in run("weights", "list").out


def test_the_list_names_what_can_be_fetched(run: Run) -> None:
    listed = run("weights", "list").out
    assert "edsr-baseline-liif: SISR-Any-LIIF-RDN, 18.9 MB, to fetch with" in listed
    assert "rdn-liif-mmagic: SISR-Any-LIIF-RDN, to fetch with" in listed


def test_a_damaged_file_is_listed_with_its_reason(run: Run, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "broken.safetensors").write_bytes(b"x")
    listed = run("weights", "list")
    assert listed.code == 0
    assert "broken: yours, but cannot be used." in listed.out


def test_what_is_not_fetched_yet_is_shown_with_the_way_to_it(run: Run) -> None:
    shown = run("weights", "show", "rdn-liif").out
    assert "268184311 bytes" in shown
    assert "BSD-3-Clause" in shown


def test_bad_input_is_one_sentence_and_exit_code_2(run: Run, checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.pth").touch()
    for arguments in (
        ("add", tmp_path / "none.pth"),
        ("add", tmp_path / "empty.pth"),
        ("add", checkpoint, "--name", "../up"),
        ("add", checkpoint, "--name", "rdn-liif"),
        ("get", "nobody"),
        ("get", "rdn-liif", "--from", "http://github.com/x"),
        ("show", "nobody"),
        ("remove", "nobody"),
    ):
        said = run("weights", *arguments)
        assert said.code == 2, arguments
        assert said.err.startswith("anyres: ")
        assert said.err.count("\n") == 1


def test_without_a_network_get_ends_with_1_and_says_what_to_do(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*arguments: object, **options: object) -> None:
        raise RunError("No network.")

    monkeypatch.setattr(store, "download", unreachable)
    said = run("weights", "get", "rdn-liif")
    assert said.code == 1
    assert "anyres weights add rdn-liif.pth --name rdn-liif" in said.err


def test_a_stopped_fetch_ends_with_130(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "download", stopped)
    said = run("weights", "get", "rdn-liif")
    assert said.code == 130
    assert "goes on from what has arrived" in said.err
