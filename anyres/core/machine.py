"""Where a figure comes from: the commit, the machine and the command, as they stand beside it in a file."""

import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

TELLING_FLAGS = (
    "avx2",
    "avx512f",
    "avx512_bf16",
    "amx_bf16",
    "asimd",
    "bf16",
    "sve",
)  # what speed depends on


@dataclass(frozen=True)
class Provenance:
    """What has to be known to measure a figure again."""

    commit: str  # of the source; "unknown" outside a checkout, ending in "+" where files differ from it
    machine: str  # processor, cores and the instructions that matter
    command: str  # without folders: paths differ from machine to machine
    date: str  # of the day, UTC


def provenance() -> Provenance:
    """Of the process that asks."""
    today = datetime.now(UTC).date().isoformat()
    return Provenance(source_commit(), describe_machine(), command_line(sys.argv), today)


def source_commit() -> str:
    """The commit that this package runs from."""
    here = ["git", "-C", str(Path(__file__).parent)]
    try:
        commit = _answer([*here, "rev-parse", "--short=12", "HEAD"])
        return commit + ("+" if _answer([*here, "status", "--porcelain", "-uno", "--", "."]) else "")
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def describe_machine() -> str:
    """Processor, cores and telling instruction sets: "AMD EPYC, 2 cores, avx2 avx512f avx512_bf16"."""
    fields: dict[str, str] = {}
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            fields.setdefault(name.strip(), value.strip())
    except OSError:  # not Linux
        pass
    name = fields.get("model name") or platform.processor() or platform.machine()
    flags = set(fields.get("flags", fields.get("Features", "")).split())
    told = " ".join(flag for flag in TELLING_FLAGS if flag in flags)
    return ", ".join(part for part in (name, f"{os.cpu_count()} cores", told) if part)


def command_line(arguments: list[str]) -> str:
    """A command as it can be repeated elsewhere: of an absolute path only the last part is kept."""
    words = [Path(arguments[0]).name, *arguments[1:]]
    return " ".join(Path(word).name if Path(word).is_absolute() else word for word in words)


def _answer(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()
