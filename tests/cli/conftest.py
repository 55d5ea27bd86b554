import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Said:
    """What a run of the command line came to."""

    code: int
    out: str
    err: str


Run = Callable[..., Said]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `anyres` with these arguments, in this process."""
    from anyres.cli.main import main

    monkeypatch.setenv("COLUMNS", "400")  # no line of the help is broken

    def call(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["anyres", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        return Said(int(left.value.code or 0), said.out, said.err)

    return call
