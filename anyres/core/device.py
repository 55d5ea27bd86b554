"""Device, precision and free memory, from what is there.

Whether bfloat16 is fast cannot be read off a processor's name: with AMX it is three to eight times as fast as
float32, with AVX512-BF16 twice, and without either the same call is emulated, many times slower. So it is
measured, once a process.
CPU and CUDA have been tried; Apple's MPS uses the same calls and has not been.
"""

import time
from functools import cache
from pathlib import Path
from typing import Literal

import psutil
import torch

from anyres.core.errors import InputError

Precision = Literal["auto", "float32", "bfloat16"]
CONTAINER = Path("/sys/fs/cgroup")  # Linux says here what a container may take
WORTHWHILE = (
    1.3  # bfloat16 must be this much faster to be chosen; seen: 0.15 where emulated, 2 and more where real
)


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


def choose_precision(precision: Precision, device: torch.device) -> torch.dtype:
    """The number format to compute in; "auto" is bfloat16 where that is measurably faster on this device."""
    if precision == "auto":
        return torch.bfloat16 if bfloat16_speed(device) >= WORTHWHILE else torch.float32
    return torch.bfloat16 if precision == "bfloat16" else torch.float32


@cache
def bfloat16_speed(device: torch.device) -> float:
    """How many times faster than float32 a convolution of 64 channels runs in bfloat16; about 10 ms, once."""
    times = {}
    with torch.inference_mode():
        for dtype in (torch.float32, torch.bfloat16):
            pixels = torch.ones(1, 64, 48, 48, dtype=dtype, device=device).to(
                memory_format=torch.channels_last
            )
            weight = torch.ones(64, 64, 3, 3, dtype=dtype, device=device).to(
                memory_format=torch.channels_last
            )
            torch.nn.functional.conv2d(pixels, weight, padding=1)
            runs = []
            for _ in range(5):
                start = time.perf_counter()
                torch.nn.functional.conv2d(pixels, weight, padding=1).sum().item()
                runs.append(time.perf_counter() - start)
            times[dtype] = min(runs)
    return times[torch.float32] / times[torch.bfloat16]


def free_memory_bytes(device: torch.device | None = None) -> int:
    """Memory that a process can still take: of the device, or of the machine within its container's limit."""
    if device is not None and device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    free = psutil.virtual_memory().available
    try:
        limit, used = (int((CONTAINER / name).read_text()) for name in ("memory.max", "memory.current"))
        lines = (line.split() for line in (CONTAINER / "memory.stat").read_text().splitlines())
        kept_files = next(
            (int(size) for name, size in lines if name == "inactive_file"), 0
        )  # yield when asked
    except (OSError, ValueError):  # no such files, or the limit is the word "max"
        return free
    return max(0, min(free, limit - used + kept_files))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out, on any device."""
    words = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and any(word in str(error) for word in words)
    )
