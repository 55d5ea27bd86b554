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
        b"default-src 'self'; img-src 'self' blob: data:; style-src 'self' 'unsafe-inline'; "
        b"object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
}


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

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS.items()]
            await send(message)

        reason = self._refusal(headers)
        if reason is not None:
            await _answer(sent, 403, "refused", reason)
            return
        if scope["method"] == "POST" and scope["path"] == UPLOADS:
            await self._app(scope, receive, sent)
            return
        body = await self._body(receive)
        if body is None:
            text = f"A request here has {self._body_bytes // 1000} kB at most. Send less."
            await _answer(sent, 413, "limit", text)
            return
        await self._app(scope, _again(body, receive), sent)

    def _refusal(self, headers: dict[bytes, str]) -> str | None:
        host, origin = headers.get(b"host", ""), headers.get(b"origin")
        if host.lower() not in self._hosts:
            return f"The Host {host[:100]!r} is not this studio's. Open it by the address that it said."
        if origin is not None and origin.lower().removeprefix("http://") != host.lower():
            return f"The Origin {origin[:100]!r} is another site's; only the studio's own page may ask."
        if headers.get(b"sec-fetch-site") in ("cross-site", "same-site"):
            return "The request comes from another site; only the studio's own page may ask."
        return None

    async def _body(self, receive: Receive) -> list[Message] | None:
        """All messages of a body; None for one that is too long."""
        messages, count = list[Message](), 0
        while True:
            messages.append(await receive())
            count += len(messages[-1].get("body", b""))
            if count > self._body_bytes:
                return None
            if messages[-1]["type"] != "http.request" or not messages[-1].get("more_body", False):
                return messages


def _again(messages: list[Message], receive: Receive) -> Receive:
    """What was received, from the start, and then what comes."""

    async def received() -> Message:
        return messages.pop(0) if messages else await receive()

    return received


async def _answer(send: Send, status: int, kind: str, message: str) -> None:
    body = json.dumps({"kind": kind, "message": message, "exit_code": 2 if status == 403 else 3}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
