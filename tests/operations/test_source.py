from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from anyres.operations import source
from anyres.operations.upscale import upscale


def function_in(path: Path) -> Callable[[], None]:
    namespace: dict[str, Any] = {}
    exec(compile(path.read_text(), str(path), "exec"), namespace)
    function: Callable[[], None] = namespace["answer"]
    return function


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of one file, in place of ours."""
    (tmp_path / "package" / "core").mkdir(parents=True)
    (tmp_path / "package" / "core" / "sizes.py").write_text("side = 1\n")
    monkeypatch.setattr(source, "PACKAGE", tmp_path / "package")
    source.package_sha256.cache_clear()
    monkeypatch.setattr(source, "package_sha256", source.package_sha256.__wrapped__)
    return tmp_path / "package"


def test_the_hash_changes_with_any_file_of_the_package(package: Path) -> None:
    before = source.code_sha256(upscale.function)
    (package / "core" / "sizes.py").write_text("side = 2\n")
    assert source.code_sha256(upscale.function) != before


def test_the_hash_changes_with_the_file_of_a_function_that_lies_elsewhere(
    package: Path, tmp_path: Path
) -> None:
    (tmp_path / "own.py").write_text("def answer(): return 1\n")
    before = source.code_sha256(function_in(tmp_path / "own.py"))
    (tmp_path / "own.py").write_text("def answer(): return 2 + 40\n")
    assert source.code_sha256(function_in(tmp_path / "own.py")) != before


def test_a_function_typed_at_a_prompt_has_a_hash_of_its_own() -> None:
    one, other = (eval(f"lambda: {number}") for number in (1, 2))
    assert source.code_sha256(one) != source.code_sha256(other)


def test_an_operation_of_ours_has_the_hash_of_the_package() -> None:
    assert upscale.code_sha256 == source.package_sha256()
