"""The HTTP server around the endpoints: how many connections it takes, and how long it waits for each."""

import asyncio
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_CONNECTIONS = 500
"""Connections at once; a process may have 1,024 files open by default, and the database needs some."""
REQUEST_SECONDS = 10.0
"""Within which a client must have sent a request's head, after it connected or after the last answer."""
KEEP_ALIVE_SECONDS = 5
MAX_HEAD_BYTES = 16 * 1024
"""Bytes of a request's first line and headers."""


class BoundedProtocol(H11Protocol):
    """HTTP that closes a connection on which no request comes in time, and turns away more than it can serve.

    Uvicorn times out only what is idle after an answer: a client that never ends its request would stay for ever.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        """Take a connection, or close it at once where there are too many."""
        super().connection_made(transport)
        self._deadline: asyncio.TimerHandle | None = None
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
        else:
            self._await_request()

    def data_received(self, data: bytes) -> None:
        """Read on; the time for a request's head begins with the connection and with each answer."""
        super().data_received(data)
        if self._has_request():
            self._stop_waiting()
        else:
            self._await_request()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        if not self._has_request():
            self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _has_request(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _await_request(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(REQUEST_SECONDS, self._too_slow)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        if not self._has_request() and not self.transport.is_closing():
            self.transport.abort()


def server_config(app: ASGIApp, **more: Any) -> uvicorn.Config:
    """Return how an application is served."""
    return uvicorn.Config(
        app,
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        log_level="warning",
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        **more,
    )
