"""A batch begun from the command line: shown while it runs, told when it ends, broken off by a signal."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

from anyres.cli.report import INTERRUPTED, TERMINATED, bar, exit_code, failure_text, say, tell
from anyres.workflow.events import BatchEvent, BatchFinished, ItemDone, ItemFailed, ItemSkipped
from anyres.workflow.folder import Plan
from anyres.workflow.items import Item

OnProgress = Callable[[Item, float], None]


class Terminated(KeyboardInterrupt):
    """SIGTERM: the batch is broken off and cleans up as after Ctrl-C."""


def run_and_leave(
    begin: Callable[[OnProgress], Iterator[BatchEvent]], plan: Plan, *, is_resumable: bool = True
) -> NoReturn:
    """Run a batch, say what came of it, and leave with its exit code.

    Args:
        begin: Begins it; given what is to be told how far an item is.
        plan: What is run.
        is_resumable: Whether the same command goes on after a stop.
    """
    ended = failed = 0
    try:
        with terminated_as_interrupted(), bar() as shown:
            for event in begin(shown.advance):
                shown.take(event)
                ended += isinstance(event, ItemDone | ItemSkipped)
                if isinstance(event, ItemFailed):
                    failed += 1
                    shown.say(failure_text(event))
    except KeyboardInterrupt as stop:
        resume = " Run the same command again: what is done is not done twice." if is_resumable else ""
        bad = f" and {failed} failed" if failed else ""
        counted = f"Stopped with {ended} of {len(plan.items)} done{bad}; nothing is half-written.{resume}"
        say(counted, to_error=True)
        raise typer.Exit(TERMINATED if isinstance(stop, Terminated) else INTERRUPTED) from None
    assert isinstance(event, BatchFinished)
    tell(event, plan)
    raise typer.Exit(exit_code(event))


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Within it the first SIGTERM raises `Terminated`; further ones leave it to clean up."""

    def stop(number: int, _frame: object) -> NoReturn:
        signal.signal(number, signal.SIG_IGN)
        raise Terminated

    if threading.current_thread() is not threading.main_thread():  # no other thread may set a handler
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
