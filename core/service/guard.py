"""The outermost layer of the service: who may ask, how much, for how long; safe headers.

Plain ASGI (asgi.readthedocs.io, HTTP 2.3), so that a body is counted as it arrives and nothing
behind this layer can forget a bound.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from core.service.settings import Settings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

OPEN = ("/", "/health", "/docs", "/openapi.json")  # what needs no API key
_HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cache-control": b"no-store",
    b"cross-origin-resource-policy": b"same-origin",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
}
_LOG = logging.getLogger("core.service")
_DRAINED_BYTES, _DRAINED_SECONDS = 64_000_000, 2.0


class Refusal(Exception):
    """A request that is answered with an error: status, what is wrong, what to do."""

    def __init__(self, status: int, error: str, do: str, **headers: str) -> None:
        super().__init__(error)
        self.status, self.error, self.do = status, error, do
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def body(self) -> dict[str, str]:
        """What the answer says."""
        return {"error": self.error, "do": self.do}


def too_large(settings: Settings, limit: int) -> Refusal:
    """The refusal of a body, or a file, above `limit` bytes."""
    return Refusal(
        413,
        f"The request is larger than the {limit / 1e6:,.1f} MB allowed.",
        f"Send images of at most {settings.limit_mb:g} MB each, fewer of them in one request.",
    )


class Guard:
    """Wraps an ASGI application; see `Settings` for the bounds."""

    def __init__(self, app: App, settings: Settings) -> None:
        self._app, self._settings = app, settings
        self._running = 0

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send, self._limit(scope["path"]), self._settings)
        try:
            self._admit(scope, exchange)
            self._running += 1
            try:
                await self._in_time(scope, exchange)
            finally:
                self._running -= 1
        except Refusal as refusal:
            await exchange.refuse(refusal)
        except Exception as error:  # nobody outside is told what broke; the log is
            _LOG.error("A request failed.", exc_info=error)
            do = "Try another image; if it happens again, tell whoever runs this service."
            await exchange.refuse(Refusal(500, "The prediction failed.", do))

    def _limit(self, path: str) -> int:
        is_batch = path.rstrip("/").endswith("/batch")
        return self._settings.batch_bytes if is_batch else self._settings.body_bytes

    def _admit(self, scope: MutableMapping[str, Any], exchange: _Exchange) -> None:
        """Refuse before anything of the body is read."""
        key = self._settings.api_key
        if key and scope["path"] not in OPEN and not _knows(exchange.headers, key):
            raise Refusal(
                401,
                "The API key is missing or wrong.",
                "Send it in the header X-API-Key, or as Authorization: Bearer KEY.",
                www_authenticate="Bearer",
            )
        if exchange.announced > exchange.limit:
            raise too_large(self._settings, exchange.limit)
        if scope["method"] != "GET" and self._running >= self._settings.max_requests:
            raise Refusal(
                503,
                "The service is busy with as many requests as it takes at the same time.",
                "Ask again in a moment.",
                retry_after="1",
            )

    async def _in_time(self, scope: MutableMapping[str, Any], exchange: _Exchange) -> None:
        try:
            async with asyncio.timeout(self._settings.timeout):
                await self._app(scope, exchange.receive, exchange.send)
        except TimeoutError:
            if exchange.started:
                return  # too slow a reader: the server ends the connection
            seconds = f"{self._settings.timeout:g} seconds"
            if exchange.has_arrived:
                raise Refusal(
                    504,
                    f"The prediction took longer than {seconds}.",
                    "Ask again later, or send a smaller image.",
                ) from None
            raise Refusal(
                408,
                f"The request did not arrive within {seconds}.",
                "Send it again, smaller or over a faster connection.",
            ) from None


class _Exchange:
    """One request and its answer: counts what arrives, adds headers to what leaves."""

    def __init__(
        self,
        scope: MutableMapping[str, Any],
        receive: Receive,
        send: Send,
        limit: int,
        settings: Settings,
    ) -> None:
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        length = self.headers.get(b"content-length", b"0")
        self.announced = int(length) if length.isdigit() else 0
        self.has_arrived = not self.announced and b"transfer-encoding" not in self.headers
        self.limit, self.started = limit, False
        self._receive, self._send, self._settings, self._read = receive, send, settings, 0

    async def receive(self) -> Message:
        """The next part of the body, as long as the whole stays within the limit."""
        message = await self._next()
        if self._read > self.limit:
            raise too_large(self._settings, self.limit)
        return message

    async def _next(self) -> Message:
        message = await self._receive()
        self._read += len(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            self.has_arrived = True
        return message

    async def send(self, message: Message) -> None:
        """Pass on a part of the answer; the last one once the request was read, or enough of it.

        A server that closes a connection with unread data in it may take the answer away from
        the client, so some more of the body is read and thrown away first.
        """
        if message["type"] == "http.response.start":
            self.started = True
            sent = list(message.get("headers", []))
            names = {name.lower() for name, _ in sent}
            sent += [(name, value) for name, value in _HEADERS.items() if name not in names]
            if not self.has_arrived:
                sent.append((b"connection", b"close"))
            message["headers"] = sent
        elif not message.get("more_body") and not self.has_arrived:
            await self._send({**message, "more_body": True})
            await self._drain()
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(_DRAINED_SECONDS):
                while not self.has_arrived and self._read < _DRAINED_BYTES + self.limit:
                    await self._next()
        except TimeoutError:
            pass

    async def refuse(self, refusal: Refusal) -> None:
        """Answer with an error, unless the answer has begun."""
        if self.started:
            return
        content = json.dumps(refusal.body()).encode()
        headers = {
            "content-type": "application/json",
            "content-length": str(len(content)),
            **refusal.headers,
        }
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": refusal.status, "headers": raw})
        await self.send({"type": "http.response.body", "body": content})


def _knows(headers: dict[bytes, bytes], key: str) -> bool:
    """Whether a request carries the key; the time it takes tells nothing of the key."""
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    sent = token.strip() if scheme.lower() == b"bearer" else b""
    by_header = hmac.compare_digest(headers.get(b"x-api-key", b""), key.encode())
    by_token = hmac.compare_digest(sent, key.encode())
    return by_header or by_token
