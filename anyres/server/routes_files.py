"""Routes of files: pictures in, results out, previews and tiles of both."""

import asyncio
import contextlib
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from starlette.requests import ClientDisconnect

from anyres.core.errors import InputError, LimitError
from anyres.server.problems import PROBLEMS, Responses
from anyres.server.schemas import ContinuousEntry, FileEntry, Id, Name
from anyres.server.studio import Studio
from anyres.server.tiling import HIGHEST_POWER
from anyres.server.vault import MEDIA_TYPES, refuse_full

Level = Annotated[int, Query(ge=0, le=40)]
PNG: Final[Responses] = {200: {"content": {"image/png": {}}, "description": "A PNG."}}
_UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_MEDIA_TYPES: Final = (*MEDIA_TYPES.values(), "application/json")  # pictures, and reports
_CONTENT: Final[Responses] = {200: {"content": {one: {} for one in _MEDIA_TYPES}, "description": "The file."}}
_FOR_EVER = {"Cache-Control": "private, max-age=31536000, immutable"}  # an id's pixels never change


def routes(studio: Studio) -> APIRouter:
    """Those of files."""
    router = APIRouter(prefix="/api/files", tags=["files"], responses=PROBLEMS)

    @router.post("", status_code=201, openapi_extra=_UPLOAD)
    async def upload(request: Request, name: Annotated[str, Query(max_length=1000)] = "") -> FileEntry:
        """Keep a picture: the request's body is its file, whose content says what it is."""
        incoming = studio.vault.incoming()
        try:
            await _received(request, incoming, studio)
            return FileEntry.of(await run_in_threadpool(studio.vault.keep_upload, incoming, name))
        finally:
            incoming.unlink(missing_ok=True)

    @router.get("")
    def uploads() -> list[FileEntry]:
        """All pictures that were uploaded, the newest first."""
        return [FileEntry.of(one) for one in studio.vault.uploads()]

    @router.get("/{identity}")
    def file(identity: Id) -> FileEntry:
        """What is known of a file."""
        return FileEntry.of(studio.vault.file(identity))

    @router.delete("/{identity}", status_code=204)
    def remove(identity: Id) -> None:
        """Forget an uploaded picture, and remove its file."""
        studio.vault.remove_upload(identity)

    _add_pixels(router, studio)
    _add_tiles(router, studio)
    return router


def _add_pixels(router: APIRouter, studio: Studio) -> None:
    @router.get("/{identity}/content", response_class=FileResponse, responses=_CONTENT)
    def content(identity: Id) -> FileResponse:
        """The file itself, to be saved."""
        stored = studio.vault.file(identity)
        return FileResponse(
            studio.vault.path_of(identity),
            media_type=stored.media_type,
            filename=stored.name,
            headers=_FOR_EVER,
        )

    @router.get("/{identity}/preview", response_class=Response, responses=PNG)
    def preview(identity: Id, side: Annotated[int, Query(ge=16, le=2048)] = 512) -> Response:
        """The picture with a longer side of so many pixels at most."""
        return _png(studio.preview(identity, side))


def _add_tiles(router: APIRouter, studio: Studio) -> None:
    @router.get("/{identity}/tiles/{level}/{column}/{row}", response_class=Response, responses=PNG)
    def tile(identity: Id, level: int, column: int, row: int) -> Response:
        """A square of 256 pixels of a level: level n has a longer side of 2**n at most."""
        return _png(studio.tile(identity, level, column, row))

    @router.put("/{identity}/continuous/{weights}")
    def encode(identity: Id, weights: Name) -> ContinuousEntry:
        """Have the picture's features at hand: seconds, the first time."""
        found = studio.encode(identity, weights)
        height, width = found.size_hw
        return ContinuousEntry(
            weights=weights,
            width=width,
            height=height,
            highest_power=HIGHEST_POWER,
            trained_scales=found.trained_scales,
        )

    @router.get(
        "/{identity}/continuous/{weights}/{power}/{column}/{row}", response_class=Response, responses=PNG
    )
    def continuous(identity: Id, weights: Name, power: int, column: int, row: int) -> Response:
        """A square of 256 pixels of the picture enlarged by 2**power, rendered when it is asked for."""
        return _png(studio.continuous_tile(identity, weights, power, column, row))


async def _received(request: Request, incoming: Path, studio: Studio) -> None:
    """Write the body to a file as it comes, up to the limit; LimitError beyond it."""
    most = int(studio.vault.limits.upload_megabytes * 1e6)
    told = request.headers.get("content-length", "0")
    if told.isdigit() and int(told) > most:
        raise LimitError(_too_large(studio))
    await run_in_threadpool(refuse_full, studio.vault, int(told) if told.isdigit() else 0)
    count = 0
    try:
        with incoming.open("xb") as file:
            async for part in request.stream():
                count += len(part)
                if count > most:
                    raise LimitError(_too_large(studio))
                await asyncio.to_thread(file.write, part)
    except ClientDisconnect:
        raise InputError("The upload was broken off.") from None
    except OSError as error:
        with contextlib.suppress(OSError):
            incoming.unlink(missing_ok=True)
        raise LimitError(f"The picture could not be kept ({error.strerror}). Free some space.") from error
    if count == 0:
        raise InputError("The request has no body. Send a picture's file as the body.")


def _too_large(studio: Studio) -> str:
    return f"A picture's file has {studio.vault.limits.upload_megabytes:g} MB at most. Send a smaller one."


def _png(data: bytes) -> Response:
    return Response(data, media_type="image/png", headers=_FOR_EVER)
