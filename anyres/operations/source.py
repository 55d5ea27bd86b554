"""The source that a result can depend on, as one hash: a cache must not outlive a change of the code.

All of `core/`, `models/` and `operations/` is taken, and the file of an operation that lies elsewhere. That
is more than any one operation runs, so that nothing is left out that it does.
"""

import functools
import hashlib
import inspect
from collections.abc import Callable
from pathlib import Path

from anyres.core.weights import file_sha256

FOLDERS = ("core", "models", "operations")
PACKAGE = Path(__file__).resolve().parent.parent


def code_sha256(function: Callable[..., object]) -> str:
    """sha256 of the package's source, and of the function's own where that lies elsewhere."""
    function = inspect.unwrap(function)
    name = inspect.getsourcefile(function)
    place = Path(name).resolve() if name else Path()
    if any(place.is_relative_to(PACKAGE / folder) for folder in FOLDERS):
        return package_sha256()
    own = file_sha256(place) if place.is_file() else _compiled_sha256(function)
    return hashlib.sha256(f"{package_sha256()} {own}".encode()).hexdigest()


@functools.cache
def package_sha256() -> str:
    """sha256 of the source that all operations share; a process reads it once."""
    digest = hashlib.sha256()
    for path in sorted(path for folder in FOLDERS for path in (PACKAGE / folder).rglob("*.py")):
        digest.update(path.relative_to(PACKAGE).as_posix().encode())
        digest.update(file_sha256(path).encode())
    return digest.hexdigest()


def _compiled_sha256(function: Callable[..., object]) -> str:
    """Of what was typed at a prompt, and stands in no file."""
    code = function.__code__ if inspect.isfunction(function) else None
    return hashlib.sha256(repr((code.co_code, code.co_consts) if code else function).encode()).hexdigest()
