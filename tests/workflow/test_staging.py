import os
import subprocess
import sys
from pathlib import Path

import pytest

from anyres.workflow import staging
from anyres.workflow.staging import leftovers_in, remove_leftovers, remove_own, staged_path

HASH = "0123456789abcdef" * 4


def put(path: Path) -> list[Path]:
    """A staged result and what an encoder writes beside it, as `write_image` names it."""
    part = path.with_name(f".{path.name[:40]}.0123456789ab.part")
    path.write_bytes(b"staged")
    part.write_bytes(b"half")
    return [path, part]


def of_a_dead_process(output: Path) -> Path:
    code = (
        "import sys; from pathlib import Path; from anyres.workflow.staging import staged_path;"
        "print(staged_path(Path(sys.argv[1]), sys.argv[2]))"
    )
    command = [sys.executable, "-c", code, str(output), HASH]
    return Path(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())


def test_two_runs_stage_one_result_under_two_names(tmp_path: Path) -> None:
    assert staged_path(tmp_path / "a.png", HASH) != staged_path(tmp_path / "a.png", HASH)


def test_what_a_living_process_makes_is_left_alone(tmp_path: Path) -> None:
    made = put(staged_path(tmp_path / "a.png", HASH))
    remove_leftovers(leftovers_in(tmp_path), HASH)
    assert all(path.exists() for path in made)


def test_what_a_dead_process_left_is_removed_for_its_item_alone(tmp_path: Path) -> None:
    made = put(of_a_dead_process(tmp_path / "a.png"))
    remove_leftovers(leftovers_in(tmp_path), HASH[::-1])
    assert all(path.exists() for path in made)
    remove_leftovers(leftovers_in(tmp_path), HASH)
    assert not any(path.exists() for path in made)


def test_a_process_that_began_later_is_not_the_one_that_left_it(tmp_path: Path) -> None:
    made = put(staged_path(tmp_path / "a.png", HASH))
    for path in made:
        os.utime(path, (1, 1))
    remove_leftovers(leftovers_in(tmp_path), HASH)
    assert not any(path.exists() for path in made)


def test_what_another_machine_makes_is_left_for_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (made,) = put(staged_path(tmp_path / "a.png", HASH))[:1]
    monkeypatch.setattr(staging, "_machine", lambda: "ffff0")
    remove_leftovers(leftovers_in(tmp_path), HASH)
    assert made.exists()
    os.utime(made, (1, 1))
    remove_leftovers(leftovers_in(tmp_path), HASH)
    assert not made.exists()


def test_results_and_other_hidden_files_are_not_taken_for_staged_ones(tmp_path: Path) -> None:
    for name in ("a.png", ".anyres-batch.jsonl", ".hidden.png"):
        (tmp_path / name).write_bytes(b"kept")
    assert leftovers_in(tmp_path) == ()
    assert leftovers_in(tmp_path / "missing") == ()


def test_a_process_takes_back_what_it_staged_and_nothing_else(tmp_path: Path) -> None:
    own = put(staged_path(tmp_path / "a.png", HASH))
    others = put(of_a_dead_process(tmp_path / "b.png"))
    remove_own(tmp_path)
    assert not any(path.exists() for path in own)
    assert all(path.exists() for path in others)
