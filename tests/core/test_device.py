from pathlib import Path

import psutil
import pytest
import torch

from anyres.core import device as subject
from anyres.core.device import (
    bfloat16_speed,
    choose_device,
    choose_precision,
    free_memory_bytes,
    is_out_of_memory,
)
from anyres.core.errors import InputError

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(True, True, "cuda"), (True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_auto_takes_cuda_then_mps_then_the_cpu(
    monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, expected: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert choose_device("auto").type == expected
    assert choose_device("cpu") == CPU


def test_a_device_that_is_not_here_is_refused_with_those_that_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(InputError, match="no device 'cuda' here; there is cpu"):
        choose_device("cuda")


@pytest.mark.parametrize(
    ("speed", "expected"), [(0.15, torch.float32), (1.29, torch.float32), (2.0, torch.bfloat16)]
)
def test_auto_takes_bfloat16_only_where_it_is_faster(
    monkeypatch: pytest.MonkeyPatch, speed: float, expected: torch.dtype
) -> None:
    monkeypatch.setattr(subject, "bfloat16_speed", lambda device: speed)
    assert choose_precision("auto", CPU) == expected


def test_a_named_precision_is_taken_without_measuring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "bfloat16_speed", lambda device: pytest.fail("measured"))
    assert choose_precision("float32", CPU) == torch.float32
    assert choose_precision("bfloat16", CPU) == torch.bfloat16


def test_the_speed_of_bfloat16_is_measured_once_a_process() -> None:
    bfloat16_speed.cache_clear()
    first = bfloat16_speed(CPU)
    assert first > 0
    assert bfloat16_speed(CPU) == first
    assert bfloat16_speed.cache_info().misses == 1


def container(folder: Path, *, limit: str, used: int, inactive_file: int) -> None:
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\ninactive_file {inactive_file}\nslab 7\n")


@pytest.fixture
def machine_with_8_gb(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    class Memory:
        available = 8_000_000_000

    monkeypatch.setattr(psutil, "virtual_memory", Memory)
    monkeypatch.setattr(subject, "CONTAINER", tmp_path)
    return tmp_path


def test_free_memory_is_the_machines_where_no_container_limits_it(machine_with_8_gb: Path) -> None:
    assert free_memory_bytes() == 8_000_000_000
    container(machine_with_8_gb, limit="max", used=5, inactive_file=0)
    assert free_memory_bytes() == 8_000_000_000


def test_free_memory_is_what_the_container_leaves(machine_with_8_gb: Path) -> None:
    container(machine_with_8_gb, limit="3000000000", used=1_000_000_000, inactive_file=0)
    assert free_memory_bytes() == 2_000_000_000


def test_files_kept_in_memory_count_as_free_because_they_yield(machine_with_8_gb: Path) -> None:
    container(machine_with_8_gb, limit="3000000000", used=2_900_000_000, inactive_file=1_900_000_000)
    assert free_memory_bytes() == 2_000_000_000


def test_free_memory_is_never_negative(machine_with_8_gb: Path) -> None:
    container(machine_with_8_gb, limit="3000000000", used=3_100_000_000, inactive_file=0)
    assert free_memory_bytes() == 0


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes"),
        RuntimeError("MPS backend out of memory"),
    ],
)
def test_every_way_of_running_out_of_memory_is_known(error: BaseException) -> None:
    assert is_out_of_memory(error)


@pytest.mark.parametrize(
    "error", [RuntimeError("sizes differ"), ValueError("out of memory"), KeyboardInterrupt()]
)
def test_another_error_is_not_out_of_memory(error: BaseException) -> None:
    assert not is_out_of_memory(error)
