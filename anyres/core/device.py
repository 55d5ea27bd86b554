"""Device, precision and free memory, from what is there.

bfloat16 is two and more times as fast as float32 on a processor with AVX512-BF16 or AMX, and many times
slower where it is emulated (docs/design has the figures). What a device says of itself decides, not a
stopwatch: a busy machine would choose now one and now the other, and equal work would not give equal bytes.
Tried on CPUs. CUDA and Apple's MPS use the same calls and have not been tried.
"""

import os
from typing import Literal

import torch

from anyres.core.errors import InputError
from anyres.core.memory import free_machine_bytes

Precision = Literal["auto", "float32", "bfloat16"]
BFLOAT16_LEVELS = ("BF16", "FP16", "AMX", "AVX10")  # in oneDNN's names of instruction sets that have it


def choose_device(name: str = "auto") -> torch.device:
    """The device of that name; "auto" takes CUDA, then MPS, then the CPU. InputError if it is not there."""
    available = ["cpu"]
    if torch.cuda.is_available():
        available.insert(0, "cuda")
    elif torch.backends.mps.is_available():
        available.insert(0, "mps")
    if name == "auto":
        return torch.device(available[0])
    if name not in available:
        raise InputError(f"There is no device {name!r} here; there is {' and '.join(available)}.")
    return torch.device(name)


def choose_precision(precision: str, device: torch.device) -> torch.dtype:
    """The format to compute in; "auto" is bfloat16 where the device has it. InputError for other words."""
    if precision not in ("auto", "float32", "bfloat16"):
        raise InputError(f"A precision is auto, float32 or bfloat16; {precision!r} was given.")
    if precision == "auto":
        return torch.bfloat16 if has_fast_bfloat16(device) else torch.float32
    return torch.bfloat16 if precision == "bfloat16" else torch.float32


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether a device computes bfloat16 by itself, rather than by emulating it.

    CUDA is asked. An x86 processor must announce AMX or AVX512-BF16, and oneDNN must not be held below them.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu" or not hasattr(torch.cpu, "get_capabilities"):
        return False
    allowed = os.environ.get("ONEDNN_MAX_CPU_ISA", "ALL").upper()
    announced = torch.cpu.get_capabilities()
    is_announced = bool(announced.get("amx_bf16") or announced.get("avx512_bf16"))
    return is_announced and (
        allowed in ("ALL", "DEFAULT") or any(word in allowed for word in BFLOAT16_LEVELS)
    )


def free_memory_bytes(device: torch.device | None = None) -> int:
    """Memory that a process can still take: of the device, or of the machine within its container's limit."""
    if device is not None and device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return free_machine_bytes()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out, on any device."""
    words = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and any(word in str(error) for word in words)
    )
