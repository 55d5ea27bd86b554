"""The four kinds of error, and the exit code each one has on the command line.

    AnyresError
     +-- InputError     2  what was given is wrong: a picture, a parameter, a path
     +-- WeightsError   2  a weights file is missing, broken, of another model, or not what it says
     +-- LimitError     3  refused by a limit: pixels, bytes, memory, disk, time
     +-- RunError       1  the work itself could not be finished: disk full, a loss that is not a number

Every message says what was wrong, the value seen, and the way out.
"""


class AnyresError(Exception):
    """Any error that anyres raises on purpose; its text is meant for the user."""

    exit_code = 1


class InputError(AnyresError):
    """What was given is wrong: a picture, a parameter or a path."""

    exit_code = 2


class WeightsError(AnyresError):
    """A weights file is missing, broken, made for another model, or not what it claims to be."""

    exit_code = 2


class LimitError(AnyresError):
    """Refused by a limit on pixels, bytes, memory, disk or time."""

    exit_code = 3


class RunError(AnyresError):
    """The work could not be finished: a full disk, a loss that is not a number."""

    exit_code = 1


def error_of(exit_code: int, text: str) -> AnyresError:
    """The error that an exit code stands for, where no more than these came."""
    kinds = {kind.exit_code: kind for kind in (RunError, LimitError, InputError)}
    return kinds.get(exit_code, RunError)(text)
