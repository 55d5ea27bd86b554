from pathlib import Path

import pytest

from tools.faults import REPOSITORY, Fault, Verdict, plant, read_faults

GUARDED = "tests/test_double.py"


@pytest.fixture
def tiny_repository(tmp_path: Path) -> Path:
    """A package of one function, one test that guards its result and one that does not run."""
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "tiny" / "double.py").write_text("def double(x):\n    y = x\n    return 2 * y\n")
    (tmp_path / GUARDED).write_text(
        "from tiny.double import double\n\n\ndef test_two_gives_four():\n    assert double(2) == 4\n"
    )
    return tmp_path


def fault(old: str, new: str, tests: tuple[str, ...] = (GUARDED,)) -> Fault:
    return Fault(file="tiny/double.py", old=old, new=new, tests=tests, breaks="")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("planted", "verdict"),
    [
        (fault("2 * y", "3 * y"), Verdict.CAUGHT),
        (fault("2 * y", "y * 2"), Verdict.SURVIVED),
        (fault("2 * z", "3 * z"), Verdict.NOT_PLANTED),  # the line is gone
        (fault("y", "x"), Verdict.NOT_PLANTED),  # it stands there more than once
        (fault("2 * y", "2 *"), Verdict.UNDECIDED),  # the module cannot be imported
        (fault("2 * y", "3 * y", ("tests/test_gone.py",)), Verdict.UNDECIDED),
    ],
)
def test_a_fault_gets_the_verdict_that_its_tests_give(
    tiny_repository: Path, planted: Fault, verdict: Verdict
) -> None:
    assert plant(tiny_repository, planted) is verdict


@pytest.mark.slow
def test_a_fault_that_hangs_is_undecided(tiny_repository: Path) -> None:
    hanging = fault("return 2 * y", "while True: pass")
    assert plant(tiny_repository, hanging, time_limit_s=3.0) is Verdict.UNDECIDED


def test_a_fault_is_mended_after_its_run(tiny_repository: Path) -> None:
    before = (tiny_repository / "tiny" / "double.py").read_bytes()
    plant(tiny_repository, fault("2 * y", "3 * y"))
    assert (tiny_repository / "tiny" / "double.py").read_bytes() == before


def test_every_listed_fault_names_a_line_that_stands_once_and_tests_that_exist() -> None:
    for listed in read_faults(REPOSITORY / "tools" / "faults.toml"):
        assert (REPOSITORY / listed.file).read_text(encoding="utf-8").count(listed.old) == 1, listed
        assert listed.tests
        assert all((REPOSITORY / test).is_file() for test in listed.tests), listed
