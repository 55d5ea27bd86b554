"""A process that takes one piece of work after the other and can be ended at any time.

What decodes pictures or runs networks does so here, never in the process that answers requests: a picture
that brings a library down, or all memory used up, costs this process and no more.
"""

import contextlib
import multiprocessing
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Final

import psutil

_CONTEXT: Final = multiprocessing.get_context("spawn")
Serve = Callable[[Connection, Any], None]  # connection, and the flag that asks to stop


ASKERS: Final = 12  # that wait for one worker; each holds a thread of the server


class WorkerDiedError(Exception):
    """The process ended before it had answered."""


class WorkerBusyError(Exception):
    """So many wait for it already that nobody else may."""


class Worker:
    """The process, started when it is first needed and again after it was ended."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._process: Any = None
        self._connection: Connection | None = None
        self._stop: Any = None
        self._lock = threading.Lock()  # for those who ask and wait for the answer
        self._askers = threading.BoundedSemaphore(ASKERS)

    def send(self, message: object) -> None:
        """Give it work; it is started if it does not live. WorkerDiedError where it ends at once."""
        if self._process is None or not self._process.is_alive():
            self._start()
        assert self._connection is not None
        self._stop.clear()
        try:
            self._connection.send(message)
        except OSError as error:
            raise WorkerDiedError(str(error)) from error

    def poll(self, seconds: float) -> Any:
        """What it says next; None if it says nothing for so long. WorkerDiedError once it ended."""
        assert self._connection is not None
        try:
            return self._connection.recv() if self._connection.poll(seconds) else None
        except (EOFError, OSError) as error:
            raise WorkerDiedError("it ended") from error

    def ask(self, message: object, *, seconds: float) -> Any:
        """One question, one answer; the process is ended where that takes too long.

        Raises:
            WorkerDiedError: It ended, or took too long.
            WorkerBusyError: Too many ask.
        """
        if not self._askers.acquire(blocking=False):
            raise WorkerBusyError
        try:
            with self._lock:
                self.send(message)
                answer = self.poll(seconds)
                if answer is None:
                    self.kill()
                    raise WorkerDiedError(f"no answer for {seconds:g} s")
                return answer
        finally:
            self._askers.release()

    def ask_to_stop(self) -> None:
        """Ask the work to end by itself."""
        if self._stop is not None:
            self._stop.set()

    def kill(self) -> None:
        """End the process at once."""
        if self._process is not None:
            self._process.kill()
            self._process.join(5)
        if self._connection is not None:
            self._connection.close()
        self._process = self._connection = None

    @property
    def pid(self) -> int | None:
        """Its number; None if it does not live."""
        return None if self._process is None else self._process.pid

    def memory_bytes(self) -> int:
        """What it holds; 0 if it does not live."""
        if self.pid is None:
            return 0
        try:
            return int(psutil.Process(self.pid).memory_info().rss)
        except psutil.Error:
            return 0

    def _start(self) -> None:
        self.kill()
        ours, theirs = _CONTEXT.Pipe()
        self._stop = _CONTEXT.Event()
        self._process = _CONTEXT.Process(target=_main, args=(self._serve, theirs, self._stop), daemon=True)
        self._process.start()
        theirs.close()
        self._connection = ours


def _main(serve: Serve, connection: Connection, stop: Any) -> None:
    """Of the process: an interrupt in the terminal is for the server, which then ends this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(EOFError, BrokenPipeError):
        serve(connection, stop)
