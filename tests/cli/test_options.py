import inspect
from typing import Annotated

import pytest
import typer
from pydantic import BaseModel, Field

from anyres.cli.options import given, option_name, options_of, unwrapped


class Declared(BaseModel):
    longest_side: Annotated[int | None, Field(ge=1, description="Longest.")] = None
    strength: Annotated[float, Field(description="How strong.")] = 4
    is_fast: bool = False


def parsed(*arguments: str) -> dict[str, object]:
    """What a command with these options is called with."""
    seen: dict[str, object] = {}

    def command(**values: object) -> None:
        seen.update(values)

    command.__signature__ = inspect.Signature(options_of(Declared))  # type: ignore[attr-defined]
    app = typer.Typer()
    app.command()(command)
    app(args=list(arguments), standalone_mode=False)
    return seen


def test_there_is_one_option_for_each_parameter_and_none_has_a_default_of_its_own() -> None:
    assert parsed() == {"longest_side": None, "strength": None, "is_fast": None}


def test_a_value_stays_text_until_the_declaration_reads_it() -> None:
    assert parsed("--longest-side", "0x10", "--strength", "2.5")["strength"] == "2.5"
    assert parsed("--strength", "2")["strength"] == "2"


def test_a_truth_is_a_pair_of_switches() -> None:
    assert parsed("--is-fast")["is_fast"] is True
    assert parsed("--no-is-fast")["is_fast"] is False


def test_the_help_says_meaning_default_and_kind(capsys: pytest.CaptureFixture[str]) -> None:
    parsed("--help")
    told = " ".join(capsys.readouterr().out.split())
    assert "--strength NUMBER How strong. Default: 4." in told
    assert "--longest-side INTEGER Longest." in told


def test_only_what_was_given_is_passed_on() -> None:
    assert given({"a": None, "b": "1", "c": False}) == {"b": "1", "c": False}


def test_underscores_become_dashes() -> None:
    assert option_name("longest_side") == "--longest-side"


def test_a_paragraph_is_one_line() -> None:
    assert unwrapped("One.\n\nTwo\n  and more.") == "One.\n\nTwo and more."
