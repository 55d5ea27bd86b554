import json
import os
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
import torch

from anyres.core.errors import LimitError, RunError, WeightsError
from anyres.core.weights import (
    file_sha256,
    listed,
    parse_config,
    read_foreign_checkpoint,
    read_header,
    read_tensors,
    read_weights,
    write_tensors,
    write_weights,
)


@dataclass(frozen=True)
class Encoder:
    kind: Literal["one", "two"]
    width: int


@dataclass(frozen=True)
class Config:
    encoder: Encoder
    hidden: tuple[int, ...]
    pair: tuple[float, float]
    note: str | None = None


CONFIG = Config(Encoder("one", 3), (4, 5), (1.0, 2.5))
TENSORS = {"a.weight": torch.arange(6.0).view(2, 3), "a.bias": torch.tensor([0.5, -1.0])}


class Code:
    """Asks its reader to make a file, as an attacker's pickle would ask for worse."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def written(path: Path, **changes: Any) -> Path:
    values: dict[str, Any] = {"model": "some", "config": CONFIG, "record": {"licence": "CC0"}}
    write_weights(path, TENSORS, **{**values, **changes})
    return path


def safetensors(path: Path, header: object, *, announced: int | None = None, data: bytes = b"") -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if announced is None else announced) + text + data)
    return path


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    header = read_header(written(tmp_path / "one.safetensors"))
    assert (header.model, header.record) == ("some", {"licence": "CC0"})
    assert parse_config(Config, header.config) == CONFIG
    tensors = read_weights(header, TENSORS)
    assert tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)


def test_equal_weights_give_equal_bytes(tmp_path: Path) -> None:
    first, second = written(tmp_path / "one"), written(tmp_path / "folder" / "two")
    assert first.read_bytes() == second.read_bytes()
    assert file_sha256(first) == file_sha256(second)
    assert len(file_sha256(first)) == 64


def test_half_precision_is_read_as_float32(tmp_path: Path) -> None:
    write_weights(
        tmp_path / "half", {"a": torch.ones(2, dtype=torch.float16)}, model="m", config=CONFIG, record={}
    )
    tensors = read_weights(read_header(tmp_path / "half"), {"a": torch.ones(2)})
    assert tensors["a"].dtype == torch.float32


@pytest.mark.parametrize(
    ("expected", "told"),
    [
        ({**TENSORS, "b": torch.ones(1)}, "b missing, none too many"),
        ({"a.bias": TENSORS["a.bias"]}, "none missing, a.weight too many"),
        ({**TENSORS, "a.bias": torch.ones(3)}, r"a.bias has shape \(2,\), the configuration asks for \(3,\)"),
    ],
)
def test_tensors_must_be_those_of_the_configuration(
    tmp_path: Path, expected: dict[str, torch.Tensor], told: str
) -> None:
    header = read_header(written(tmp_path / "one"))
    with pytest.raises(WeightsError, match=told):
        read_weights(header, expected)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    write_weights(tmp_path / "one", {"a": torch.tensor([1.0, value])}, model="m", config=CONFIG, record={})
    with pytest.raises(WeightsError, match="tensor a holds values that are not finite"):
        read_weights(read_header(tmp_path / "one"), {"a": torch.ones(2)})


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "not a safetensors file"),
        (b"\x08\0\0", "not a safetensors file"),
        (struct.pack("<Q", 2**62) + b"{}", "a header of 4611686018427387904 bytes is announced"),
        (struct.pack("<Q", 400) + b"{}", "a header of 400 bytes is announced"),
        (struct.pack("<Q", 2) + b"[]", "its header is no object"),
        (struct.pack("<Q", 2) + b"{]", "not a safetensors file"),
        (struct.pack("<Q", 2) + b"\xff\xfe", "not a safetensors file"),
        (struct.pack("<Q", 2) + b"{}", "names no anyres model"),
    ],
)
def test_a_file_that_is_no_weights_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "one.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=told):
        read_header(path)


@pytest.mark.parametrize(
    "metadata",
    [
        "text",
        {"anyres": "1"},
        {"anyres": "1", "model": "m", "config": "{", "record": "{}"},
        {"anyres": "1", "model": "m", "config": "[]", "record": "{}"},
        {"anyres": "1", "model": "m", "config": "{}", "record": "7"},
    ],
)
def test_a_damaged_header_of_ours_is_refused(tmp_path: Path, metadata: object) -> None:
    with pytest.raises(WeightsError):
        read_header(safetensors(tmp_path / "one", {"__metadata__": metadata}))


@pytest.mark.parametrize("entry", [7, {}, {"shape": 3}])
def test_a_header_with_a_tensor_of_no_shape_is_refused(tmp_path: Path, entry: object) -> None:
    metadata = {"anyres": "1", "model": "m", "config": "{}", "record": "{}"}
    with pytest.raises(WeightsError, match="damaged anyres header"):
        read_header(safetensors(tmp_path / "one", {"__metadata__": metadata, "a": entry}))


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "one")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(WeightsError, match="is damaged"):
        read_weights(read_header(path), TENSORS)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(WeightsError, match="Cannot read weights from"):
            read_header(path)


def test_a_full_disk_leaves_the_file_of_before_and_no_temporary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "one")
    before = path.read_bytes()

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(RunError, match="No space left on device"):
        written(path, model="other")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask: its folders say who may read.")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600)])
def test_a_weights_file_has_the_rights_of_any_new_file(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        path = written(tmp_path / "one")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == mode


def test_an_interrupted_write_leaves_no_temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        written(tmp_path / "one")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="Choose another folder"):
        written(tmp_path / "file" / "one")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"encoder": {"kind": "one", "width": 3}, "hidden": [4, 5], "pair": [1, 2.5]}, "has the fields"),
        ({"more": 1}, "has the fields"),
        ([], "should be an object"),
        ({"encoder": {"kind": "six", "width": 3}}, r"config\.encoder\.kind is 'six'"),
        ({"encoder": {"kind": "one", "width": True}}, r"config\.encoder\.width is True"),
        ({"encoder": {"kind": "one", "width": 3.0}}, r"config\.encoder\.width is 3\.0"),
        ({"hidden": 4}, r"config\.hidden is 4"),
        ({"hidden": [4, "5"]}, r"config\.hidden is '5'"),
        ({"pair": [1]}, r"config\.pair is \[1\]"),
        ({"pair": [True, 1]}, r"config\.pair is True"),
    ],
)
def test_a_configuration_that_does_not_fit_is_told_by_its_field(values: Any, told: str) -> None:
    good = {"encoder": {"kind": "one", "width": 3}, "hidden": [4, 5], "pair": [1, 2.5], "note": None}
    whole = {**good, **values} if isinstance(values, dict) and told != "has the fields" else values
    with pytest.raises(WeightsError, match=told):
        parse_config(Config, whole)


def test_names_are_listed_up_to_three() -> None:
    assert listed([]) == "none"
    assert listed(["a", "b", "c"]) == "a, b, c"
    assert listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"


@pytest.mark.parametrize("is_zip", [True, False])
def test_a_foreign_checkpoint_gives_its_containers_numbers_texts_and_tensors(
    tmp_path: Path, is_zip: bool
) -> None:
    path = tmp_path / "one.pth"
    torch.save({"sd": TENSORS, "epoch": 3, "name": "n"}, path, _use_new_zipfile_serialization=is_zip)
    checkpoint = read_foreign_checkpoint(path)
    assert checkpoint.content["epoch"] == 3
    assert torch.equal(checkpoint.content["sd"]["a.weight"], TENSORS["a.weight"])
    assert checkpoint.sha256 == file_sha256(path)
    assert checkpoint.size_bytes == path.stat().st_size


def test_a_foreign_safetensors_file_gives_its_tensors(tmp_path: Path) -> None:
    write_tensors(tmp_path / "one.pth", TENSORS, metadata={})
    assert read_foreign_checkpoint(tmp_path / "one.pth").content.keys() == TENSORS.keys()
    assert read_tensors(tmp_path / "one.pth")[1] == {}


def test_a_checkpoint_saved_on_a_graphics_card_is_read_without_one(tmp_path: Path) -> None:
    torch.save({"a": torch.arange(3.0)}, tmp_path / "cpu.pth")
    with (
        zipfile.ZipFile(tmp_path / "cpu.pth") as cpu,
        zipfile.ZipFile(tmp_path / "cuda.pth", "w") as cuda,
    ):
        for entry in cpu.namelist():
            on_card = cpu.read(entry).replace(b"X\x03\0\0\0cpu", b"X\x06\0\0\0cuda:0")
            cuda.writestr(entry, on_card if entry.endswith("data.pkl") else cpu.read(entry))
    assert b"cuda:0" in (tmp_path / "cuda.pth").read_bytes()
    assert read_foreign_checkpoint(tmp_path / "cuda.pth").content["a"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("is_zip", [True, False])
def test_a_pickle_with_code_is_refused_before_it_runs(tmp_path: Path, is_zip: bool) -> None:
    made = tmp_path / "made by the pickle"
    path = tmp_path / "one.pth"
    torch.save({"model": TENSORS, "more": Code(made)}, path, _use_new_zipfile_serialization=is_zip)
    with pytest.raises(WeightsError, match=r"asks to run \w+\.mkdir.*refused before anything ran"):
        read_foreign_checkpoint(path)
    assert not made.exists()
    torch.load(path, weights_only=False)  # proves that the file is armed
    assert made.is_dir()


@pytest.mark.parametrize("is_zip", [True, False])
def test_an_object_of_another_program_is_refused_by_its_name(tmp_path: Path, is_zip: bool) -> None:
    path = tmp_path / "one.pth"
    torch.save({"model": torch.nn.Linear(1, 1)}, path, _use_new_zipfile_serialization=is_zip)
    with pytest.raises(WeightsError, match=r"asks to run torch\.nn\.modules\.linear\.Linear"):
        read_foreign_checkpoint(path)


@pytest.mark.parametrize("is_zip", [True, False])
@pytest.mark.parametrize("share", [0.001, 0.05, 0.3, 0.5, 0.9, 0.999])
def test_a_truncated_checkpoint_is_refused(tmp_path: Path, is_zip: bool, share: float) -> None:
    path = tmp_path / "one.pth"
    torch.save({"a": torch.randn(3000)}, path, _use_new_zipfile_serialization=is_zip)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(WeightsError, match="truncated, damaged or no checkpoint"):
        read_foreign_checkpoint(path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"hello, this is a text", "no checkpoint of PyTorch"),
        (b"\x89PNG\r\n\x1a\n" + bytes(60), "no checkpoint of PyTorch"),
        (struct.pack("<Q", 2**62) + b"{", "a header of 4611686018427387904 bytes is announced"),
    ],
)
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "one.pth"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=told):
        read_foreign_checkpoint(path)


def test_a_zip_of_other_things_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "one.pth", "w") as archive:
        archive.writestr("readme.txt", "no tensors")
    with pytest.raises(WeightsError, match="no checkpoint of PyTorch"):
        read_foreign_checkpoint(tmp_path / "one.pth")


@pytest.mark.parametrize("content", [torch.ones(2), [TENSORS], 7])
def test_a_checkpoint_of_no_names_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "one.pth")
    with pytest.raises(WeightsError, match="not named tensors"):
        read_foreign_checkpoint(tmp_path / "one.pth")


def test_a_missing_checkpoint_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"Cannot read a checkpoint from .*none\.pth"):
        read_foreign_checkpoint(tmp_path / "none.pth")
    with pytest.raises(WeightsError, match="is a folder"):
        read_foreign_checkpoint(tmp_path)


def test_a_checkpoint_over_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(1000)}, tmp_path / "one.pth")
    with pytest.raises(LimitError, match=r"holds \d+ MB"):
        read_foreign_checkpoint(tmp_path / "one.pth", max_bytes=1000)


def test_a_zip_whose_list_of_files_is_broken_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.pth"
    torch.save({"a": torch.ones(3)}, path)
    path.write_bytes(path.read_bytes().replace(b"PK\x01\x02", b"PK\x01\x00"))
    assert zipfile.is_zipfile(path)
    with pytest.raises(WeightsError, match="damaged"):
        read_foreign_checkpoint(path)


def test_a_zip_that_unpacks_to_more_than_the_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/0", bytes(4_000_000))
    assert path.stat().st_size < 10_000
    with pytest.raises(LimitError, match="holds 4 MB"):
        read_foreign_checkpoint(path, max_bytes=1_000_000)
