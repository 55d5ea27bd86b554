"""Routes of runs: a workflow or an operation on pictures, its forecast, its events, its end."""

import asyncio
import inspect
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, create_model

from anyres.core.errors import LimitError
from anyres.operations.operation import Operation, every_operation
from anyres.server.planning import Asked, forecast, planned
from anyres.server.problems import PROBLEMS, Responses
from anyres.server.schemas import ForecastEntry, Id, Ids, RunEntry, RunRequest
from anyres.server.studio import Studio
from anyres.server.vault import ENDED, StoredRun

_LOOK_S: Final = 0.1
_ALIVE_S: Final = 15.0  # between two signs that the stream lives
_STREAM: Final[Responses] = {
    200: {"content": {"text/event-stream": {}}, "description": "Events as they happen."}
}


def routes(studio: Studio) -> APIRouter:
    """Those of runs, and one of every operation."""
    router = APIRouter(prefix="/api", tags=["runs"], responses=PROBLEMS)

    @router.post("/runs", status_code=202)
    def begin(request: RunRequest) -> RunEntry:
        """Put a run of a workflow into the line, if it fits."""
        return _begun(studio, request.asked())

    @router.post("/forecast")
    def foretell(request: RunRequest) -> ForecastEntry:
        """What a run would need, without running it."""
        return _foretold(studio, request.asked())

    _add_kept(router, studio)
    _add_events(router, studio)
    for operation in every_operation().values():
        if operation.is_of_files:
            _add_operation(router, studio, operation)
    return router


def _add_kept(router: APIRouter, studio: Studio) -> None:
    @router.get("/runs")
    def runs(most: Annotated[int, Query(ge=1, le=5000)] = 200) -> list[RunEntry]:
        """The newest runs, the newest first."""
        found = studio.vault.runs(most=most)
        results = studio.vault.results([one.id for one in found])
        return [RunEntry.of(one, results[one.id]) for one in found]

    @router.get("/runs/{identity}")
    def run(identity: Id) -> RunEntry:
        """A run, with what it made."""
        return _entry(studio, studio.vault.run(identity))

    @router.post("/runs/{identity}/cancel", status_code=202)
    def cancel(identity: Id) -> RunEntry:
        """Stop a run; it ends within two seconds, and leaves nothing."""
        studio.foreman.cancel(studio.vault.run(identity))
        return _entry(studio, studio.vault.run(identity))

    @router.post("/runs/{identity}/again", status_code=202)
    def again(identity: Id) -> RunEntry:
        """Put the same run into the line once more."""
        return _begun(studio, Asked.from_json(studio.vault.run(identity).asked))

    @router.delete("/runs/{identity}", status_code=204)
    def remove(identity: Id) -> None:
        """Forget a run that ended, and remove what it made."""
        studio.vault.remove_run(identity)


def _add_events(router: APIRouter, studio: Studio) -> None:
    @router.get("/runs/{identity}/events", response_class=StreamingResponse, responses=_STREAM)
    async def events(
        request: Request,
        identity: Id,
        after: Annotated[int, Query(ge=0, le=2**31)] = 0,
        last_event_id: Annotated[str, Header(description="Where a stream that broke off goes on.")] = "",
    ) -> StreamingResponse:
        """What happens to a run, from the first event or the one behind `after`, until it ends."""
        await run_in_threadpool(studio.vault.run, identity)  # NotThereError now, not in the stream
        start = int(last_event_id) if last_event_id.isascii() and last_event_id.isdigit() else after
        stream = _stream(studio, request, identity, min(start, 2**31))
        return StreamingResponse(
            stream, media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )


async def _stream(studio: Studio, request: Request, identity: str, start: int) -> AsyncIterator[str]:
    number, seen, quiet_s = start, -1, 0.0
    while not await request.is_disconnected():
        if studio.vault.changes != seen:
            seen = studio.vault.changes
            for event in await run_in_threadpool(studio.vault.events_after, identity, number):
                number, quiet_s = event.number, 0.0
                yield f"id: {number}\nevent: {event.kind}\ndata: {json.dumps(event.data)}\n\n"
                if event.kind in ENDED:
                    return
            if (await run_in_threadpool(studio.vault.status_of, identity)) in (None, *ENDED):
                return
        await asyncio.sleep(_LOOK_S)
        quiet_s += _LOOK_S
        if quiet_s >= _ALIVE_S:
            quiet_s = 0.0
            yield ": here\n\n"


def _add_operation(router: APIRouter, studio: Studio, operation: Operation[..., Any]) -> None:
    """The route of an operation, made from its declaration."""
    fields: dict[str, Any] = {
        port: (Ids if type_.is_list else Id, ...) for port, type_ in operation.port_types.items()
    }
    title = "".join(word.capitalize() for word in operation.name.split("_"))
    body: Any = create_model(f"{title}Request", __base__=operation.parameters, **fields)

    def begin(request: Any) -> RunEntry:
        assert isinstance(request, BaseModel)
        given = request.model_dump(mode="json", exclude_unset=True)
        inputs = {port: given[port] for port in operation.ports}
        own = {name: value for name, value in given.items() if name not in operation.ports}
        return _begun(studio, Asked(inputs, own, operation=operation.name))

    argument = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=body)
    signature = inspect.Signature([argument], return_annotation=RunEntry)
    begin.__signature__ = signature  # type: ignore[attr-defined]
    begin.__doc__ = operation.description
    path = f"/operations/{operation.name.replace('_', '-')}"
    router.add_api_route(
        path, begin, methods=["POST"], status_code=202, name=operation.name, summary=operation.summary
    )


def _begun(studio: Studio, asked: Asked) -> RunEntry:
    """A new run in the line; refused now if it is known not to fit.

    Raises:
        InputError, LimitError, NotThereError: As `planned` and `forecast` say.
    """
    vault = studio.vault
    waiting = sum(run.status == "waiting" for run in vault.unended())
    if waiting >= vault.limits.waiting_runs:
        raise LimitError(f"{waiting} runs wait already, which is the most. Try again when some have ended.")
    made = planned(asked, vault, vault.folder / "runs")
    forecast(made, vault)
    run = vault.add_run(made.title, asked.as_json())
    studio.foreman.tell()
    return _entry(studio, run)


def _foretold(studio: Studio, asked: Asked) -> ForecastEntry:
    made = planned(asked, studio.vault, studio.vault.folder / "runs")
    found, refused = forecast(made, studio.vault)
    return ForecastEntry.of(found, [str(one) for one in refused])


def _entry(studio: Studio, run: StoredRun) -> RunEntry:
    return RunEntry.of(run, studio.vault.results([run.id])[run.id])
