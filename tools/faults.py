"""Do the tests guard what they say? Plants one-line faults in a copy of the repository, one at a time.

`make faults`, or `python tools/faults.py --only core/sizes` for some of them. The list is faults.toml beside
this file. One is caught when the tests it names fail. The command ends with 1 if one survives, if its line is
no longer there, or if its tests come to no verdict (a broken import, a hang): such a fault proves nothing.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from rich.console import Console

REPOSITORY = Path(__file__).resolve().parent.parent
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", ".*_cache", "__pycache__", ".hypothesis", "out", "runs", "dist"
)
TIME_LIMIT_S = 300.0
PYTEST_PASSED, PYTEST_FAILED = 0, 1  # pytest.ExitCode; every other code is no verdict


class Verdict(Enum):
    """What came of one fault."""

    CAUGHT = "caught"
    SURVIVED = "SURVIVED"
    NOT_PLANTED = "NOT PLANTED"
    UNDECIDED = "UNDECIDED"


@dataclass(frozen=True)
class Fault:
    """One wrong line, and the tests that must notice."""

    file: str  # from the repository's root, with forward slashes
    old: str  # a part of one line; stands in the file exactly once
    new: str  # what takes its place
    tests: tuple[str, ...]  # test files, from the repository's root
    breaks: str  # what is wrong then, in words


def main(arguments: Sequence[str] | None = None) -> int:
    """Plants every fault of faults.toml and says what the tests made of it; 0 if all were caught, else 1."""
    parser = argparse.ArgumentParser(
        description="Plant faults in a copy of the package; the tests must catch each."
    )
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="only faults in files whose path contains TEXT"
    )
    only = parser.parse_args(arguments).only
    faults = [fault for fault in read_faults(REPOSITORY / "tools" / "faults.toml") if only in fault.file]
    console = Console(highlight=False, soft_wrap=True)
    with tempfile.TemporaryDirectory(prefix="anyres-faults-") as folder:
        copy = Path(shutil.copytree(REPOSITORY, Path(folder) / "repository", ignore=NOT_COPIED))
        console.print(f"{len(faults)} faults, one at a time, in a copy of the repository.")
        if not passes_unharmed(copy, faults):
            console.print("The tests fail without any fault; mend them first (make test).")
            return 1
        verdicts = []
        for number, fault in enumerate(faults, start=1):
            started_s = time.monotonic()
            verdicts.append(plant(copy, fault))
            console.print(
                f"{number:3}  {verdicts[-1].value:11}  {time.monotonic() - started_s:5.1f} s  "
                f"{fault.file}: {fault.breaks}"
            )
    caught = verdicts.count(Verdict.CAUGHT)
    console.print(f"{caught} of {len(verdicts)} caught.")
    return 0 if verdicts and caught == len(verdicts) else 1


def read_faults(path: Path) -> list[Fault]:
    """The faults of a TOML file of `[[fault]]` tables; a missing or misspelt field raises TypeError."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))["fault"]
    return [Fault(**{**table, "tests": tuple(table["tests"])}) for table in tables]


def passes_unharmed(copy: Path, faults: Sequence[Fault]) -> bool:
    """Whether all the named tests pass before anything is broken."""
    tests = sorted({test for fault in faults for test in fault.tests})
    return run_tests(copy, tests, time_limit_s=TIME_LIMIT_S * len(tests)) == PYTEST_PASSED


def plant(copy: Path, fault: Fault, *, time_limit_s: float = TIME_LIMIT_S) -> Verdict:
    """Breaks one line of the copy, runs the fault's tests, mends the line, and says what they found."""
    path = copy / fault.file
    whole = path.read_text(encoding="utf-8") if path.is_file() else ""
    if "\n" in fault.old or whole.count(fault.old) != 1 or fault.old == fault.new:
        return Verdict.NOT_PLANTED
    path.write_text(whole.replace(fault.old, fault.new), encoding="utf-8")
    try:
        code = run_tests(copy, fault.tests, time_limit_s=time_limit_s)
    finally:
        path.write_text(whole, encoding="utf-8")
    return {PYTEST_PASSED: Verdict.SURVIVED, PYTEST_FAILED: Verdict.CAUGHT}.get(code, Verdict.UNDECIDED)


def run_tests(copy: Path, tests: Sequence[str], *, time_limit_s: float) -> int:
    """Pytest's exit code for some test files of the copy; -1 where it ran past the time limit."""
    environment = os.environ | {
        "PYTHONPATH": str(copy),  # before the installed package
        "PYTHONDONTWRITEBYTECODE": "1",  # bytecode is checked by second and size: too coarse here
        "ANYRES_DATA": os.environ.get("ANYRES_DATA") or str(REPOSITORY.parent / "shared" / "data"),
    }
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, timeout=time_limit_s, check=False
        )
    except subprocess.TimeoutExpired:
        return -1
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
