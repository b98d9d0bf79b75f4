"""Configure the HTTP server: limits for connections, request heads and idle time."""

import asyncio
import logging
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from web.security import TokensCut

MAX_CONNECTIONS = 500
"""Simultaneous connections. By default a process may open 1,024 files, and the database needs some of them."""
REQUEST_SECONDS = 10.0
"""The time in which a client must send a request's head, from the connection or from the last response on."""
KEEP_ALIVE_SECONDS = 5
MAX_HEAD_BYTES = 16 * 1024
"""The size of a request's first line and headers."""


class BoundedProtocol(H11Protocol):
    """HTTP/1.1 that closes a connection without a request in time, and refuses connections over the limit.

    Uvicorn itself closes only connections that are idle after a response. A client that never finishes its request
    would hold its connection for ever.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        """Accept a connection, or close it at once over MAX_CONNECTIONS."""
        super().connection_made(transport)
        self._deadline: asyncio.TimerHandle | None = None
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
        else:
            self._start_deadline()

    def data_received(self, data: bytes) -> None:
        """Read data; the time for a request's head runs until the head is complete."""
        super().data_received(data)
        if self._has_request():
            self._cancel_deadline()
        else:
            self._start_deadline()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        if not self._has_request():
            self._start_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the connection's deadline."""
        self._cancel_deadline()
        super().connection_lost(exc)

    def _has_request(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _start_deadline(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(REQUEST_SECONDS, self._close_if_no_request)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _close_if_no_request(self) -> None:
        self._deadline = None
        if not self._has_request() and not self.transport.is_closing():
            self.transport.abort()


def server_config(app: ASGIApp, **options: Any) -> uvicorn.Config:
    """Return Uvicorn's configuration for an application, with these limits; `options` go to Uvicorn."""
    config = uvicorn.Config(
        app,
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        log_level="warning",
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        **options,
    )
    for name in ("uvicorn.access", "uvicorn.error"):
        logging.getLogger(name).addFilter(TokensCut())
    return config
