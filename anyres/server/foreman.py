"""Takes runs in the order in which they came, gives each to the worker, and watches over it.

A run is cancelled within two seconds: it is asked to stop, and its process is ended where it does not. A run
whose process ended by itself (killed, or out of memory) runs once more, then it has failed. Runs that a
stopped server left go on when it starts again.
"""

import logging
import threading
import time
from typing import Final

from anyres.core.errors import AnyresError, LimitError
from anyres.server.planning import Asked, planned
from anyres.server.running import Ended, Job, Progress, local, serve_runs
from anyres.server.vault import ENDED, NotNowError, StoredRun, Vault, inputs_of
from anyres.server.worker import Worker, WorkerDiedError

_LOG: Final = logging.getLogger(__name__)
GRACE_S: Final = 1.5  # from asking a run to stop to ending its process
ATTEMPTS: Final = 2
_LOOK_S: Final = 0.05  # between two looks at what is asked of a run in work
_MEMORY_LOOK_S: Final = 0.5


class Foreman:
    """One thread that works through the line of runs."""

    def __init__(self, vault: Vault) -> None:
        self.vault = vault
        self.worker = Worker(serve_runs)
        self._news = threading.Event()
        self._is_stopping = threading.Event()
        self._cancelled: set[str] = set()
        self._thread = threading.Thread(target=self._work, name="anyres-foreman", daemon=True)

    def start(self) -> None:
        """Begin, with what an earlier server left."""
        for run in self.vault.unended():
            if run.status == "running":
                self.vault.wait_again(run.id, attempts=0)
        self._thread.start()

    def stop(self) -> None:
        """End the work; the run in work goes on with the next server."""
        self._is_stopping.set()
        self._news.set()
        self._thread.join(10)
        self.worker.kill()

    def tell(self) -> None:
        """Say that there is a new run."""
        self._news.set()

    def cancel(self, run: StoredRun) -> None:
        """Stop a run, waiting or in work; NotNowError if it ended before."""
        if run.status in ENDED:
            raise NotNowError(f"The run {run.id} ended already: {run.status}.")
        self._cancelled.add(run.id)
        self._news.set()

    def _work(self) -> None:
        while not self._is_stopping.is_set():
            try:
                self._end_cancelled_waiting()
                run = self.vault.next_waiting()
                if run is not None:
                    self._run_or_say_why(run)
                    continue
            except Exception:  # the database: locked, or its disk full; no run is lost, and it may pass
                _LOG.exception("the line of runs cannot be read or written")
            self._news.wait(1.0)
            self._news.clear()

    def _run_or_say_why(self, run: StoredRun) -> None:
        try:
            self._run(run)
        except AnyresError as error:
            self.vault.end_run(run.id, "failed", reason=str(error), exit_code=error.exit_code)
        except Exception as error:  # a fault of ours in one run must not end the others
            reason = f"A fault in anyres, {type(error).__name__}: {error}. Please report it."
            self.vault.end_run(run.id, "failed", reason=reason, exit_code=1)

    def _end_cancelled_waiting(self) -> None:
        for run in self.vault.unended() if self._cancelled else ():
            if run.id in self._cancelled and run.status == "waiting":
                self._cancelled.discard(run.id)
                self.vault.end_run(run.id, "cancelled")

    def _run(self, run: StoredRun) -> None:
        folder = self.vault.run_folder(run.id)
        folder.mkdir(parents=True, exist_ok=True)
        asked = Asked.from_json(run.asked)
        made = planned(asked, self.vault, folder)
        document = None if asked.document is None else dict(asked.document)
        try:
            self.worker.send(Job(run.id, asked.operation, document, made.item, self.vault.limits))
            ended = self._watched(run)
        except WorkerDiedError:
            self._died(run)
            return
        if ended is None:  # the server stops
            return
        stem = self._stem(run)
        first = inputs_of(run.asked)[0]
        for result in ended.results:
            path = local(result)
            self.vault.keep_result(
                run.id, result.output, path, path.name.replace(first, stem), result.size_hw
            )
        self.vault.end_run(
            run.id,
            ended.status,  # type: ignore[arg-type]
            reason=ended.reason,
            exit_code=ended.exit_code,
            notices=ended.notices,
        )

    def _stem(self, run: StoredRun) -> str:
        """Of the first picture, as its owner calls it."""
        return self.vault.file(inputs_of(run.asked)[0]).name.rpartition(".")[0] or "picture"

    def _watched(self, run: StoredRun) -> Ended | None:
        """What the worker says at the end; None where the server stops."""
        begun = looked = time.monotonic()
        asked_to_stop: float | None = None
        limits = self.vault.limits
        while not self._is_stopping.is_set():
            message = self.worker.poll(_LOOK_S)
            if isinstance(message, Ended):
                self._cancelled.discard(run.id)
                return message
            now = time.monotonic()
            if isinstance(message, Progress):
                self._tell(run.id, message.fraction, now - begun)
            if asked_to_stop is None and run.id in self._cancelled:
                self.worker.ask_to_stop()
                asked_to_stop = now
            if asked_to_stop is not None and now - asked_to_stop > GRACE_S:
                self.worker.kill()
                self._cancelled.discard(run.id)
                return Ended("cancelled")
            if now - begun > limits.run_seconds:
                self.worker.kill()
                raise LimitError(f"It took longer than {limits.run_seconds:g} s. Ask for a smaller result.")
            if now - looked > _MEMORY_LOOK_S:
                looked = now
                self._refuse_memory()
        return None

    def _refuse_memory(self) -> None:
        most = self.vault.limits.worker_megabytes
        if self.worker.memory_bytes() > most * 1e6:
            self.worker.kill()
            raise LimitError(f"It needed more than {most:.0f} MB of memory. Ask for a smaller result.")

    def _tell(self, run_id: str, fraction: float, seconds: float) -> None:
        remaining = seconds / fraction - seconds if fraction > 0.01 else None
        self.vault.change_run(run_id, fraction=fraction)
        self.vault.add_event(run_id, "progress", {"fraction": fraction, "remaining_s": remaining})

    def _died(self, run: StoredRun) -> None:
        self.worker.kill()
        if run.attempts < ATTEMPTS:
            self.vault.wait_again(run.id, attempts=run.attempts)
            return
        reason = (
            "The process that worked on it was ended from outside, twice: by hand, or because the machine "
            "had no memory left. Ask for a smaller result, or run it again."
        )
        self.vault.end_run(run.id, "failed", reason=reason, exit_code=1)
