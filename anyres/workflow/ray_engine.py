"""The items of a batch over the processes of a Ray cluster: each made there, journalled and named here.

What travels is plain data: the document as text, values of parameters, places of files. A worker reads the
document as any other reader does; no code travels. Inputs and outputs are addresses, or paths that every
machine sees. As many threads run in a task as in this process, so that the bytes are those of a local run.
"""

import functools
import json
import logging
import os
import platform
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyres.core.errors import InputError, RunError
from anyres.workflow.cache import Cache
from anyres.workflow.document import document_text, read_document
from anyres.workflow.graph import resolve
from anyres.workflow.making import Failure, Job, Made, Task, Work, make, work_of
from anyres.workflow.staging import remove_own
from anyres.workflow.writing import Manner, discard

_AHEAD = 2  # tasks that wait for each that runs, so that no processor does
_RETRIES = 1  # of a task whose process died: once may be chance
_PATIENCE_S = 5.0  # with an address where nothing answers
_FRAME_HEAD = 9  # bytes, of HTTP/2 (RFC 9113), which Ray's servers speak: length, type, flags, stream
_SETTINGS = b"\x04"  # type of the frame that each side begins with
_HTTP_2_BEGINS = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0" + _SETTINGS + b"\0" * 5
_HOST_AND_PORT = re.compile(r"(?:ray://)?\[?([^\[\]/]+?)\]?:([0-9]{1,9})")


def made_on_ray(
    jobs: Sequence[Job], manner: Manner, *, cache: Cache | None, address: str | None
) -> Iterator[tuple[int, Made | None]]:
    """The number of an item when it begins, with None; and again when it ends, with what came of it.

    A cluster that this process is connected to is used; else that of the address; else one is begun on this
    machine, and ended with the batch.

    Raises:
        InputError: Ray is not installed, or there is no cluster at the address.
    """
    ray = _connected(address)
    running: dict[Any, int] = {}
    try:
        submit, slots = _submitter(ray.module, jobs, manner, cache)
        waiting = iter(enumerate(jobs))
        while True:
            while len(running) < slots and (following := next(waiting, None)) is not None:
                yield following[0], None
                running[submit(following[1])] = following[0]
            if not running:
                return
            (ended, *_), _ = ray.module.wait(list(running), num_returns=1)
            yield running.pop(ended), _outcome(ray.module, ended)
    finally:
        _give_up(ray.module, running)
        if ray.is_ours:
            ray.module.shutdown()


@dataclass(frozen=True)
class _Connection:
    module: Any
    is_ours: bool  # begun by us, and ended by us


def _connected(address: str | None) -> _Connection:
    try:
        import ray
    except ImportError as error:
        raise InputError(
            "The engine ray needs Ray, which is not installed. Install it: pip install 'anyres[ray]'."
        ) from error
    if ray.is_initialized():
        return _Connection(ray, is_ours=False)
    options: dict[str, Any] = {"address": address} if address else {"include_dashboard": False}
    try:
        if address:
            _knock(address)
        ray.init(**options, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, OSError, OverflowError, ValueError, RuntimeError) as error:
        raise InputError(
            f"There is no Ray cluster at {address or 'this machine'} ({error}). Name the address of one, "
            "such as auto or 10.0.0.1:6379, or leave --address out."
        ) from error
    return _Connection(ray, is_ours=True)


def _knock(address: str) -> None:
    """OSError where no Ray listens at host:port, which Ray would try for minutes. "auto" is Ray's to find."""
    match = _HOST_AND_PORT.fullmatch(address)
    if match is None:
        return
    with socket.create_connection((match[1], int(match[2])), timeout=_PATIENCE_S) as door:
        if os.environ.get("RAY_USE_TLS", "0") not in ("", "0"):
            return  # it speaks in cipher, and says nothing to strangers
        door.sendall(_HTTP_2_BEGINS)
        if door.recv(_FRAME_HEAD)[3:4] != _SETTINGS:
            raise ConnectionError("something listens there that is no Ray")


def _submitter(ray: Any, jobs: Sequence[Job], manner: Manner, cache: Cache | None) -> tuple[Any, int]:
    """A function that sends a job off, and how many are sent at a time."""
    import torch

    resources, threads = ray.cluster_resources(), torch.get_num_threads()
    cores = min(int(node["Resources"].get("CPU", 1)) for node in ray.nodes() if node["Alive"])
    cpus = max(1, min(threads, cores))
    is_on_gpu = bool(resources.get("GPU")) and any(job.work.weights_sha256 for job in jobs)
    running = int(resources["GPU"] if is_on_gpu else resources.get("CPU", 1) // cpus)
    remote = ray.remote(_make_there).options(
        num_cpus=cpus, num_gpus=1 if is_on_gpu else 0, max_retries=_RETRIES
    )
    shared = ray.put((manner, (cache.folder, cache.max_bytes) if cache else None, threads))
    texts: dict[int, tuple[Any, Any]] = {}  # by the identity of the work, which thousands of items share

    def submit(job: Job) -> Any:
        if id(job.work) not in texts:
            document = document_text(job.work.graph.document)
            texts[id(job.work)] = document, json.dumps(job.work.graph.scalars)
        return remote.remote(*texts[id(job.work)], job.work.key, job.task, shared)

    return submit, max(1, running) * _AHEAD


def _make_there(
    document: str, scalars: str, key: str, task: Task, shared: tuple[Manner, tuple[Path, int] | None, int]
) -> Made:
    """In a process of the cluster: what `make` does in this one."""
    import torch

    manner, cache, threads = shared
    torch.set_num_threads(threads)
    try:
        work = _work(document, scalars)
    except InputError as error:
        return Made(failures=(Failure(f"On the machine {platform.node()}: {error}", error.exit_code),))
    if work.key != key:
        reason = (
            f"The machine {platform.node()} has other weights or another version of anyres than this one. "
            "Install the same on all machines of the cluster."
        )
        return Made(failures=(Failure(reason, RunError.exit_code),))
    try:
        return make(work, task, manner, cache=_cache(*cache) if cache else None)
    except BaseException:  # given up: the interrupt may have struck within a clean-up
        for place in task.item.outputs.values():
            if isinstance(place, Path):
                remove_own(place.parent)
                remove_own(place)  # where it is the folder of a list
        raise


@functools.lru_cache(maxsize=1)
def _cache(folder: Path, max_bytes: int) -> Cache:
    return Cache(folder, max_bytes)


@functools.lru_cache(maxsize=64)
def _work(document: str, scalars: str) -> Work:
    values: Mapping[str, object] = json.loads(scalars)
    return work_of(resolve(read_document(document)).bind(values))


def _outcome(ray: Any, ended: Any) -> Made:
    try:
        made: Made = ray.get(ended)
    except ray.exceptions.RayError as error:  # the process died, or the machine did
        reason = (
            f"The process that worked on it ended ({type(error).__name__}). It may need more memory than the "
            "machine has; run it alone, or ask for less."
        )
        return Made(failures=(Failure(reason, RunError.exit_code),))
    return made


def _give_up(ray: Any, running: Mapping[Any, int]) -> None:
    """Stop what still runs; what came to its end meanwhile leaves nothing behind."""
    for task in running:
        ray.cancel(task, force=False)
    for task in running:
        for staged in _outcome(ray, task).staged:
            discard(staged)
