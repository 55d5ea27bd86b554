import subprocess
from datetime import date
from pathlib import Path

import pytest

from anyres.core import machine
from anyres.core.machine import command_line, describe_machine, provenance, source_commit

CPUINFO = """processor\t: 0
model name\t: A Processor 9000
flags\t\t: fpu avx2 sse avx512f amx_bf16

processor\t: 1
model name\t: Another
"""


def answers(monkeypatch: pytest.MonkeyPatch, *, commit: str, changes: str) -> None:
    """Puts these in the place of what git says."""

    def answer(command: list[str]) -> str:
        assert command[:2] == ["git", "-C"]
        assert Path(command[2]) == Path(machine.__file__).parent
        return commit if "rev-parse" in command else changes

    monkeypatch.setattr(machine, "_answer", answer)


def test_a_command_is_told_without_its_folders() -> None:
    here = Path.cwd()
    arguments = [
        str(here / "bin" / "anyres"),
        "evaluate",
        "liif",
        "--data",
        str(here / "set5"),
        "a/b",
        "--x=2",
    ]
    assert command_line(arguments) == "anyres evaluate liif --data set5 a/b --x=2"


@pytest.mark.parametrize(("changes", "told"), [("", "abc123"), (" M core/machine.py", "abc123+")])
def test_the_commit_ends_in_a_plus_where_files_differ_from_it(
    monkeypatch: pytest.MonkeyPatch, changes: str, told: str
) -> None:
    answers(monkeypatch, commit="abc123", changes=changes)
    assert source_commit() == told


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError("git"),
        subprocess.CalledProcessError(128, "git"),
        subprocess.TimeoutExpired("git", 10),
    ],
)
def test_outside_a_checkout_the_commit_is_unknown(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(command: list[str]) -> str:
        raise error

    monkeypatch.setattr(machine, "_answer", fail)
    assert source_commit() == "unknown"


def test_the_machine_is_told_by_processor_cores_and_telling_instructions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Path, "read_text", lambda path, **_: CPUINFO)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert describe_machine() == "A Processor 9000, 2 cores, avx2 avx512f amx_bf16"


def test_a_machine_without_that_file_is_told_by_its_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(path: Path, **_: object) -> str:
        raise FileNotFoundError(path)

    monkeypatch.setattr(Path, "read_text", missing)
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    monkeypatch.setattr("platform.processor", lambda: "")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert describe_machine() == "arm64, 8 cores"


def test_a_figure_comes_from_this_commit_machine_command_and_day(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, commit="abc123", changes="")
    monkeypatch.setattr("sys.argv", ["anyres", "evaluate"])
    source = provenance()
    assert (source.commit, source.command) == ("abc123", "anyres evaluate")
    assert source.machine == describe_machine()
    assert date.fromisoformat(source.date) > date(2026, 1, 1)
