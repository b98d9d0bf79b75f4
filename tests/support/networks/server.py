"""What the stand-ins of all networks share: a server, what was posted, what was refused, and what goes wrong.

    async with run_network(Bluesky()) as network:     # in a test that is a coroutine
    with serve_network(Bluesky()) as network:         # in any other: the server has a thread of its own

`network.settings()` are the `FOREWARN_*` that connect a shop to it. `network.mishaps` happen to the next posts, one
each: `network.mishaps = [Mishap.DROPPED_AFTER, Answer(429)]`. `network.posts` is what its readers see.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Any, TypeVar

from aiohttp import web

from models.messages import Picture
from tests.support.provider import Answer

Kind = TypeVar("Kind", bound="Network")
SILENT = web.ResponseKey("silent", bool)
"""Marks a response that is never sent."""


class Mishap(Enum):
    """What may happen to a post."""

    DROPPED_BEFORE = auto()
    """The connection ends, and nothing was posted."""
    DROPPED_AFTER = auto()
    """It is posted, and the connection ends before the answer."""
    SILENT_BEFORE = auto()
    """Nothing was posted, and no answer comes."""
    SILENT_AFTER = auto()
    """It is posted, and no answer comes."""


@dataclass(frozen=True, slots=True)
class Post:
    """A post as its readers see it."""

    key: str
    text: str
    at: datetime
    picture: Picture | None = None
    told: dict[str, Any] = field(default_factory=dict)
    """The post as the network was told of it."""


class RefusedByNetwork(Exception):
    """Raised for a request that the network does not take."""

    def __init__(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{status} {body}")
        self.status, self.body, self.headers = status, body, headers


class Network:
    """A network with one account; `clock` says what time it is there."""

    TOKEN = "token"

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.clock = clock
        self.url = ""
        self.posts: list[Post] = []
        self.mishaps: list[Mishap | Answer] = []
        self.upload_mishaps: list[Mishap | Answer] = []
        """What happens to the next pictures."""
        self.refused: list[str] = []
        """What it did not take, and why."""
        self.asked: list[str] = []
        """Method and path of each request."""

    def settings(self) -> dict[str, str]:
        """Return the settings that connect a shop to this account."""
        raise NotImplementedError

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one request; raises RefusedByNetwork."""
        raise NotImplementedError

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append(f"{request.method} {request.path}")
        try:
            response = await self.answer(request)
        except RefusedByNetwork as refusal:
            self.refused.append(str(refusal))
            return web.json_response(refusal.body, status=refusal.status, headers=refusal.headers)
        while response.get(SILENT) and request.transport is not None:  # noqa: ASYNC110 - nothing tells that it went
            await asyncio.sleep(0.05)
        return response

    def publish(self, request: web.Request, post: Post, response: web.Response) -> web.Response:
        """Show a post to the readers and answer, unless something happens to it."""
        return _befall(self.mishaps, request, lambda: self.posts.append(post), response)

    def keep(self, request: web.Request, uploads: dict[str, Any], key: str, what: Any, response: web.Response) -> Any:
        """Keep a picture and answer, unless something happens to it."""
        return _befall(self.upload_mishaps, request, lambda: uploads.update({key: what}), response)


def _befall(
    mishaps: list[Mishap | Answer], request: web.Request, act: Callable[[], None], response: web.Response
) -> web.Response:
    mishap = mishaps.pop(0) if mishaps else None
    if isinstance(mishap, Answer):
        return web.json_response(mishap.body, status=mishap.status, headers=mishap.headers)
    if mishap not in (Mishap.DROPPED_BEFORE, Mishap.SILENT_BEFORE):
        act()
    if mishap in (Mishap.SILENT_BEFORE, Mishap.SILENT_AFTER):
        response[SILENT] = True
    elif mishap is not None:
        assert request.transport is not None
        request.transport.abort()
    return response


async def form_of(request: web.Request) -> dict[str, Any]:
    """Return the fields of a form; a file as a Picture without a description."""
    fields: dict[str, Any] = {}
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            fields[name] = Picture(value.file.read(), value.content_type, "")
        else:
            fields[name] = value
    return fields


@asynccontextmanager
async def run_network(network: Kind) -> AsyncIterator[Kind]:
    """Run a network on a free port of this machine."""
    application = web.Application(client_max_size=20_000_000)
    application.router.add_route("*", "/{path:.*}", network.handle)
    runner = web.AppRunner(application, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    network.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield network
    finally:
        await runner.cleanup()


@contextmanager
def serve_network(network: Kind) -> Iterator[Kind]:
    """Run a network in a thread of its own."""
    loop, begun, ended = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def run() -> None:
        async with run_network(network):
            begun.set()
            await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    try:
        assert begun.wait(10), "the network did not begin"
        yield network
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()
