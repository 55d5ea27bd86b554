"""Memory that is free on this machine, known without torch."""

from pathlib import Path

import psutil

CONTAINER = Path("/sys/fs/cgroup")  # Linux says here what a container may take


def free_machine_bytes() -> int:
    """Memory that a process can still take: of the machine, within its container's limit."""
    free = int(psutil.virtual_memory().available)
    try:
        limit, used = (int((CONTAINER / name).read_text()) for name in ("memory.max", "memory.current"))
        lines = (line.split() for line in (CONTAINER / "memory.stat").read_text().splitlines())
        kept_files = next(
            (int(size) for name, size in lines if name == "inactive_file"), 0
        )  # yield when asked
    except (OSError, ValueError):  # no such files, or the limit is the word "max"
        return free
    return max(0, min(free, limit - used + kept_files))
