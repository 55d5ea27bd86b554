from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pytest

from anyres.cli import main as subject
from anyres.core.errors import InputError, LimitError, RunError, WeightsError

Run = Callable[..., Any]


def test_the_version_is_that_of_the_package(run: Run) -> None:
    said = run("--version")
    assert (said.code, said.out) == (0, f"anyres {version('anyres')}\n")


def test_the_help_lists_every_command(run: Run) -> None:
    said = run("--help")
    assert said.code == 0
    for command in ("upscale", "train", "evaluate"):
        assert f" {command} " in said.out


def test_a_command_that_is_not_there_is_bad_input(run: Run) -> None:
    said = run("sharpen")
    assert said.code == 2
    assert "sharpen" in said.err


@pytest.mark.parametrize(
    ("kind", "code"), [(InputError, 2), (WeightsError, 2), (LimitError, 3), (RunError, 1)]
)
def test_an_error_is_one_line_and_its_exit_code(
    run: Run, monkeypatch: pytest.MonkeyPatch, kind: type[Exception], code: int
) -> None:
    def fail() -> None:
        raise kind("This went [wrong]. " + "Do that. " * 60)

    monkeypatch.setattr(subject, "app", fail)
    said = run()
    assert said.code == code
    assert said.err == "anyres: This went [wrong]. " + "Do that. " * 60 + "\n"
    assert said.out == ""
