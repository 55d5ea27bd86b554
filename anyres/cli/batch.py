"""A batch begun from the command line: shown while it runs, told when it ends, broken off by Ctrl-C."""

from collections.abc import Callable, Iterator
from typing import NoReturn

import typer

from anyres.cli.report import INTERRUPTED, bar, exit_code, say, tell
from anyres.workflow.events import BatchEvent, BatchFinished, ItemDone, ItemSkipped
from anyres.workflow.folder import Plan
from anyres.workflow.items import Item

OnProgress = Callable[[Item, float], None]


def run_and_leave(
    begin: Callable[[OnProgress], Iterator[BatchEvent]], plan: Plan, *, is_resumable: bool = True
) -> NoReturn:
    """Run a batch, say what came of it, and leave with its exit code.

    Args:
        begin: Begins it; given what is to be told how far an item is.
        plan: What is run.
        is_resumable: Whether the same command goes on after a stop.
    """
    ended = 0
    try:
        with bar() as shown:
            for event in begin(shown.advance):
                shown.take(event)
                ended += isinstance(event, ItemDone | ItemSkipped)
    except KeyboardInterrupt:
        resume = " Run the same command again: what is done is not done twice." if is_resumable else ""
        counted = f"Stopped with {ended} of {len(plan.items)} done; nothing is half-written.{resume}"
        say(counted, to_error=True)
        raise typer.Exit(INTERRUPTED) from None
    assert isinstance(event, BatchFinished)
    tell(event, plan)
    raise typer.Exit(exit_code(event))
