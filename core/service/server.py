"""Runs the service: takes the port, waits for requests, ends when it is told to."""

from __future__ import annotations

import contextlib
import json
import logging
import signal
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from core.errors import input_error
from core.service.guard import App
from core.service.settings import Settings

if TYPE_CHECKING:
    import asyncio

_HEAD_SECONDS = 10.0  # how long the head of a request may take to arrive, at most
_IDLE_SECONDS = 5  # how long a connection is kept for the next request
_CONNECTIONS = 20  # for each request that may run at the same time


def take_port(host: str, port: int) -> socket.socket:
    """A socket that listens there already, so that nothing is loaded for a port in use.

    Port 0 takes any that is free.

    Raises
    ------
    InputError
        The port is in use or not ours to take, or the host is none of this machine.
    """
    if not 0 <= port <= 65_535:
        raise input_error("port", port, "a whole number from 0 to 65535")
    try:
        if not host:  # would be every address there is
            raise OSError
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, OverflowError, UnicodeError):
        raise input_error(
            "host", host, "an address of this machine", "127.0.0.1 is this machine alone."
        ) from None
    try:
        if sys.platform != "win32":  # there it would let two services share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        reason = (error.strerror or "it cannot be opened").lower()
        raise input_error(
            "port", port, f"one that is free on {host} ({reason})", "Choose another with --port."
        ) from None
    return listener


def serve(
    app: App,
    listener: socket.socket,
    settings: Settings,
    ready: Callable[[str], None] = lambda address: None,
) -> None:
    """Answer requests until SIGTERM or Ctrl-C; requests that run are finished first.

    Parameters
    ----------
    app : the application that `core.serving.create_app` gives
    listener : what `take_port` gave
    ready : called with the address before the first request is taken
    """
    import uvicorn

    logging.basicConfig(stream=sys.stderr, format="%(message)s")
    logging.getLogger("core.service").setLevel(logging.INFO)
    host, port = listener.getsockname()[:2]
    ready(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
    config = uvicorn.Config(
        app,
        http=_protocol(settings),
        ws="none",
        lifespan="on",
        log_level="error",
        access_log=False,
        server_header=False,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=max(1, round(settings.timeout)),
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # or it would kill at the end
    with contextlib.suppress(KeyboardInterrupt):  # the signal, passed on once all is done
        uvicorn.Server(config).run(sockets=[listener])


def _protocol(settings: Settings) -> Any:
    """Uvicorn's HTTP with two bounds of ours, and its own errors as JSON."""
    import h11
    from uvicorn.protocols.http.h11_impl import H11Protocol

    head = min(_HEAD_SECONDS, settings.timeout)

    class Bounded(H11Protocol):
        """Ends connections that dawdle over the head of a request, or are too many."""

        _late: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if len(self.connections) > _CONNECTIONS * settings.max_requests:
                transport.write(_answer(503, "Service Unavailable", "Too many connections."))
                transport.close()
                return
            self._wait_for_head(head)

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_waiting()
            super().connection_lost(exc)

        def on_response_complete(self) -> None:
            self._wait_for_head(_IDLE_SECONDS + head)
            super().on_response_complete()

        def handle_events(self) -> None:
            super().handle_events()
            if self.conn.their_state is not h11.IDLE:
                self._stop_waiting()

        def send_400_response(self, msg: str) -> None:
            self.transport.write(_answer(400, "Bad Request", "This is no valid HTTP request."))
            self.transport.close()

        def _wait_for_head(self, seconds: float) -> None:
            self._stop_waiting()
            self._late = self.loop.call_later(seconds, self._give_up)

        def _stop_waiting(self) -> None:
            if self._late is not None:
                self._late.cancel()
                self._late = None

        def _give_up(self) -> None:
            if self.conn.their_state is not h11.IDLE or self.transport.is_closing():
                return
            if self.conn.trailing_data[0]:  # a part of a head
                text = "The request came too slowly."
                self.transport.write(_answer(408, "Request Timeout", text))
            self.transport.close()

    return Bounded


def _answer(status: int, phrase: str, error: str) -> bytes:
    """A whole answer, for what never becomes a request."""
    body = json.dumps({"error": error, "do": "Ask again in a moment."})
    lines = (
        f"HTTP/1.1 {status} {phrase}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        "x-content-type-options: nosniff",
        "connection: close",
    )
    return "\r\n".join((*lines, "", body)).encode()
