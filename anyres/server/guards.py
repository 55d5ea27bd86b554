"""What every request passes before anything else: whose it is, and how much it may send.

A page of another site must not use the studio of whoever visits it: the Host must be ours (a name that was
made to point here is not), and an Origin, where a browser names one, must be ours too.
"""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

UPLOADS: Final = "/api/files"  # the one route whose body may be long; it counts by itself
_HEADERS: Final = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"x-frame-options": b"DENY",
    b"content-security-policy": (
        b"default-src 'self'; img-src 'self' blob: data:; style-src 'self' 'unsafe-inline'; object-src 'none'; "
        b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
}


class TooLongError(Exception):
    """More bytes came than a request may have."""


class Guard:
    """Wraps the application."""

    def __init__(self, app: App, *, hosts: frozenset[str], body_bytes: int) -> None:
        self._app, self._hosts, self._body_bytes = app, hosts, body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        is_begun = False

        async def sent(message: Message) -> None:
            nonlocal is_begun
            if message["type"] == "http.response.start":
                is_begun = True
                message["headers"] = [*message.get("headers", ()), *_HEADERS.items()]
            await send(message)

        reason = self._refusal(headers)
        if reason is not None:
            await _answer(sent, 403, "refused", reason)
            return
        try:
            is_upload = scope["method"] == "POST" and scope["path"] == UPLOADS
            await self._app(scope, receive if is_upload else self._counted(receive), sent)
        except TooLongError:
            if not is_begun:
                text = f"A request here has {self._body_bytes // 1000} kB at most. Send less."
                await _answer(sent, 413, "limit", text)

    def _refusal(self, headers: dict[bytes, str]) -> str | None:
        host, origin = headers.get(b"host", ""), headers.get(b"origin")
        if host.lower() not in self._hosts:
            return f"The Host {host[:100]!r} is not this studio's. Open it by the address that it said."
        if origin is not None and origin.lower().removeprefix("http://") != host.lower():
            return f"The Origin {origin[:100]!r} is another site's; only the studio's own page may ask."
        if headers.get(b"sec-fetch-site") in ("cross-site", "same-site"):
            return "The request comes from another site; only the studio's own page may ask."
        return None

    def _counted(self, receive: Receive) -> Receive:
        count = 0

        async def counted() -> Message:
            nonlocal count
            message = await receive()
            count += len(message.get("body", b""))
            if count > self._body_bytes:
                raise TooLongError
            return message

        return counted


async def _answer(send: Send, status: int, kind: str, message: str) -> None:
    body = json.dumps({"kind": kind, "message": message, "exit_code": 2 if status == 403 else 3}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
