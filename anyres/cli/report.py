"""What a person sees of a batch: a bar while it runs, on a terminal only; then what was done, in words.

The bar, notices and failures go to the error stream, what was done to the output stream.
"""

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from anyres.core.sizes import SizeHW, size_text
from anyres.workflow.events import (
    BatchEvent,
    BatchFinished,
    BatchStarted,
    ItemDone,
    ItemFailed,
    ItemSkipped,
    ItemStarted,
)
from anyres.workflow.folder import Plan
from anyres.workflow.items import Item

INTERRUPTED = 130  # exit code: 128 + SIGINT, as shells have it
TERMINATED = 143  # 128 + SIGTERM
_MOST_LINES = 20  # of files that one item made
_NO_PIXELS = 1e-9  # a bar of length 0 would be full from the start
_TURNS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")  # what follows runs the other way


def say(text: str, *, to_error: bool = False) -> None:
    """A line of plain text, never broken or coloured, so that a program can read it too."""
    _print(_console(to_error=to_error), text)


def printable(text: str, encoding: str) -> str:
    """The text with a backslash code for what would steer a terminal, or has no place in its encoding.

    The name of a file may hold anything: an escape sequence, a tab, bytes that are not UTF-8.
    """
    shown = (one.encode("unicode_escape").decode() if _steers(one) else one for one in text)
    return "".join(shown).encode(encoding, "backslashreplace").decode(encoding)


def _steers(one: str) -> bool:
    is_control = unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp") and one != "\n"
    return is_control or unicodedata.bidirectional(one) in _TURNS


class Bar:
    """The progress of a batch in pictures and megapixels."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=_NO_PIXELS, pictures="")
        self._items, self._ended, self._megapixels, self._current = 0, 0, 0.0, 0.0

    def take(self, event: BatchEvent) -> None:
        """Show where the batch stands after an event."""
        if isinstance(event, BatchStarted):
            self._items = event.items
            self._progress.update(self._task, total=max(event.megapixels, _NO_PIXELS))
        elif isinstance(event, ItemStarted):
            self._current = event.megapixels
            name = printable(event.item.inputs_text(is_short=True), self._progress.console.encoding)
            self._progress.update(self._task, description=name)
        elif isinstance(event, ItemDone | ItemSkipped | ItemFailed):
            self._ended += 1
            self._megapixels += self._current
            self._show(0.0)

    def advance(self, _item: Item, fraction: float) -> None:
        """Show how far the item in work is."""
        self._show(fraction * self._current)

    def say(self, text: str) -> None:
        """A line of plain text on the error stream, above the bar."""
        _print(self._progress.console, text)

    def _show(self, started_megapixels: float) -> None:
        self._progress.update(
            self._task,
            completed=self._megapixels + started_megapixels,
            pictures=f"{self._ended} of {self._items} pictures",
        )


@contextmanager
def bar() -> Iterator[Bar]:
    """A bar on the error stream, where that is a terminal."""
    console = _console(to_error=True)
    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[pictures]}"),
        TextColumn("{task.completed:.1f} of {task.total:.1f} megapixels"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with progress:
        yield Bar(progress)


def tell(finished: BatchFinished, plan: Plan) -> None:
    """Notices, an item a line, and the summary; failures were told as they happened."""
    for done in finished.done:
        for notice in done.notices:
            say(f"{done.item.inputs_text()}: {notice}", to_error=True)
    for notice in finished.notices:
        say(notice, to_error=True)
    say(summary(finished, plan))


def failure_text(failed: ItemFailed) -> str:
    """What is said of an item that has no results, or not all of them."""
    how = "done in part" if failed.results else "not done"
    return f"{failed.item.inputs_text()}: {how}. {failed.reason}"


def summary(finished: BatchFinished, plan: Plan) -> str:
    """What was done, in a sentence or two."""
    done, total = finished.done, sum(event.size_hw[0] * event.size_hw[1] for event in finished.done) / 1e6
    in_part = [event for event in finished.failed if event.results]
    with_results: list[ItemDone | ItemFailed] = [*done, *in_part]
    parts = []
    if len(with_results) == 1:
        parts.append(_made(with_results[0], finished.time_s))
    elif done:
        parts.append(f"{_count(len(done))} done, {total:.1f} megapixels in {finished.time_s:.1f} s.")
    if finished.skipped:
        parts.append(f"{_count(len(finished.skipped))} already done.")
    if in_part:
        files = sum(len(event.results) for event in in_part)
        parts.append(f"{len(in_part)} done in part ({_files(files)}): some results are missing.")
    if len(in_part) < len(finished.failed):
        parts.append(f"{_count(len(finished.failed) - len(in_part))} not done.")
    if plan.earlier_results:
        parts.append(f"Passed over as earlier results: {plan.earlier_results}.")
    if plan.others:
        parts.append(f"Passed over as no pictures: {plan.others}.")
    return " ".join(parts)


def _made(done: ItemDone | ItemFailed, time_s: float) -> str:
    """The files of a single item, a line each where there are a few."""
    outputs = list(done.item.outputs)
    results = sorted(done.results, key=lambda one: (outputs.index(one.output), str(one.place)))
    made = [f"{result.place}{_pixels(result.size_hw)}" for result in results]
    if not made and isinstance(done, ItemDone):
        made = [f"{done.item.output}{_pixels(done.size_hw)}"]
    if len(made) == 1:
        return f"{made[0]}, in {time_s:.1f} s."
    shown = made if len(made) <= _MOST_LINES else [*made[: _MOST_LINES - 1], "..."]
    return "\n".join([*shown, f"{_files(len(made))} in {time_s:.1f} s."])


def _pixels(size_hw: SizeHW | None) -> str:
    return f": {size_text(size_hw)} pixels" if size_hw else ""


def exit_code(finished: BatchFinished) -> int:
    """0 if all is done; that of a single item without any result; 1 if some of many results are missing."""
    if not finished.failed:
        return 0
    ended = len(finished.done) + len(finished.skipped) + len(finished.failed)
    is_alone = ended == 1 and not finished.failed[0].results
    return finished.failed[0].exit_code if is_alone else 1


def _count(pictures: int) -> str:
    return "1 picture" if pictures == 1 else f"{pictures} pictures"


def _files(files: int) -> str:
    return "1 file" if files == 1 else f"{files} files"


def _print(console: Console, text: str) -> None:
    plain = printable(text, console.encoding)
    console.print(plain, markup=False, emoji=False, highlight=False, soft_wrap=True)


def _console(*, to_error: bool) -> Console:
    return Console(stderr=to_error)
