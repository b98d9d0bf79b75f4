"""A small HTTP server in the place of a provider: it keeps what it was asked, and answers as it was told."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from aiohttp import web


class Fault(Enum):
    """What a provider may do instead of answering."""

    RESET = auto()
    SILENCE = auto()
    HALF = auto()
    """It begins an answer and hangs up."""
    GARBAGE = auto()


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; `body` is sent as JSON unless it is text."""

    status: int = 200
    body: Any = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Provider:
    """The server: where it is, what it was asked over how many connections, and its answers, the last one for ever."""

    url: str = ""
    answers: list[Answer | Fault] = field(default_factory=lambda: [Answer()])
    asked: list[Asked] = field(default_factory=list)
    connections: set[Any] = field(default_factory=set)

    def will(self, *answers: Answer | Fault) -> None:
        """Answer like this from now on."""
        self.answers = list(answers)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        self.connections.add(request.transport.get_extra_info("peername"))
        self.asked.append(Asked(request.method, request.path_qs, request.headers.copy(), await request.read()))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        match answer:
            case Fault.SILENCE:
                await asyncio.Event().wait()
            case Fault.RESET:
                request.transport.abort()
            case Fault.HALF:
                request.transport.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\n{")
                request.transport.close()
            case Fault.GARBAGE:
                request.transport.write(b"\x00\x01 no HTTP at all\r\n\r\n")
                request.transport.close()
            case Answer(status, str() as text, headers):
                return web.Response(status=status, text=text, headers=headers)
            case Answer(status, body, headers):
                return web.json_response(body, status=status, headers=headers)
        return web.Response()


@asynccontextmanager
async def a_provider() -> AsyncIterator[Provider]:
    """Run a provider on a free port of this machine."""
    provider = Provider()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", provider._handle)
    runner = web.AppRunner(application, shutdown_timeout=0, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    provider.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield provider
    finally:
        await runner.cleanup()
