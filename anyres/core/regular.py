"""What a path that is read may lead to: a file. A pipe, a socket or a device may be waited for for ever."""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from anyres.core.errors import InputError

_SPECIAL: Final[tuple[tuple[Callable[[int], bool], str], ...]] = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def refuse_special(path: str | Path) -> None:
    """InputError for a pipe, a socket or a device; a folder, or nothing there, is for its reader to say."""
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        return
    for is_kind, kind in _SPECIAL:
        if is_kind(mode):
            raise InputError(
                f"{path} is {kind}, not a file. Save what comes from it in a file, and name that."
            )
