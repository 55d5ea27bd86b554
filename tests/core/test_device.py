from pathlib import Path

import psutil
import pytest
import torch

from anyres.core import device as subject
from anyres.core.device import (
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
    ("announced", "allowed", "expected"),
    [
        ({"avx512_bf16": True, "amx_bf16": False}, None, torch.bfloat16),
        ({"avx512_bf16": False, "amx_bf16": True}, "DEFAULT", torch.bfloat16),
        ({"avx512_bf16": True}, "avx512_core_amx", torch.bfloat16),
        ({"avx512_bf16": True}, "AVX2", torch.float32),
        ({"avx512_bf16": True}, "AVX512_CORE", torch.float32),
        ({"avx512_bf16": False, "avx512_f": True}, None, torch.float32),
        ({}, None, torch.float32),
    ],
)
def test_auto_takes_bfloat16_only_where_the_processor_and_onednn_have_it(
    monkeypatch: pytest.MonkeyPatch, announced: dict[str, bool], allowed: str | None, expected: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: announced)
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    if allowed:
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", allowed)
    assert choose_precision("auto", CPU) == expected


def test_a_named_precision_is_taken_without_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "has_fast_bfloat16", lambda device: pytest.fail("asked"))
    assert choose_precision("float32", CPU) == torch.float32
    assert choose_precision("bfloat16", CPU) == torch.bfloat16


def container(folder: Path, *, limit: str, used: int, inactive_file: int) -> None:
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\ninactive_file {inactive_file}\nslab 7\n")


@pytest.fixture
def machine_with_8_gb(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    class Memory:
        available = 8_000_000_000

    monkeypatch.setattr(psutil, "virtual_memory", Memory)
    monkeypatch.setattr("anyres.core.memory.CONTAINER", tmp_path)
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


@pytest.mark.parametrize("word", ["BFLOAT16", "bf16", "half"])
def test_another_word_for_a_precision_is_refused(word: str) -> None:
    with pytest.raises(InputError, match=f"auto, float32 or bfloat16; '{word}' was given"):
        choose_precision(word, CPU)
