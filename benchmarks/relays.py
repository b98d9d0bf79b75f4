"""What sends mails beside Forewarn: bare aiohttp, the durable floor, and SendGrid's SDK in a loop.

Each runs in a process of its own, posts mails whose bodies are finished, and sends back a `Shift`.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path

import aiohttp

from benchmarks.delivering import Shift
from benchmarks.fresh import Watch
from benchmarks.loops import by_sendgrid
from benchmarks.posting import PATHS, read_message
from benchmarks.turns import open_turns

SDK_SAMPLE = 200
"""Mails of the SDK's loop, whose speed does not depend on how many there are."""
PATH, KIND = PATHS["sendgrid"]
ANSWER_GRACE_SECONDS = 0.005
"""As Forewarn's: how long to wait for more answers after the first one."""
Post = Callable[[bytes], Awaitable[str]]
"""Posts a body, and returns the provider's id of the mail."""


def read_bodies(file: Path, worker: int = 0, workers: int = 1) -> list[bytes]:
    """Return the finished mails that one of so many workers posts."""
    return file.read_bytes().split(b"\n")[worker::workers]


def key_of(body: bytes) -> str:
    """Return the id of a mail's notice."""
    return str(json.loads(body)["personalizations"][0]["custom_args"]["notice"])


@asynccontextmanager
async def poster(provider: str, parallel: int) -> AsyncIterator[Post]:
    """Yield what posts a mail to the provider, with at most so many requests at once."""
    headers = {"Content-Type": KIND, "Authorization": "Bearer key"}
    connector = aiohttp.TCPConnector(limit=parallel)
    async with aiohttp.ClientSession(provider, connector=connector, headers=headers) as session:

        async def post(body: bytes) -> str:
            async with session.post(PATH, data=body) as answer:
                await answer.read()
                assert answer.status == 202, answer.status
                return answer.headers["X-Message-Id"]

        yield post


def send_bare(provider: str, file: Path, parallel: int, worker: int, workers: int, pipe: Connection) -> None:
    """Post the mails, and remember nothing."""
    bodies = read_bodies(file, worker, workers)

    async def send() -> int:
        left = iter(bodies)
        async with poster(provider, parallel) as post:

            async def some() -> None:
                for body in left:
                    await post(body)

            await asyncio.gather(*(some() for _ in range(parallel)))
        return len(bodies)

    watched(lambda: asyncio.run(send()), pipe)


def send_durably(
    url: str, provider: str, file: Path, parallel: int, worker: int, workers: int, pipe: Connection
) -> None:
    """Post the mails; before and after each, a row is inserted, in one transaction a turn."""
    mails = [(key_of(body), body) for body in read_bodies(file, worker, workers)]

    async def send() -> int:
        left, answered, under_way = iter(mails), list[tuple[str, str]](), set[asyncio.Task[tuple[str, str]]]()
        with open_turns(url) as store:
            async with poster(provider, parallel) as post:

                async def one(key: str, body: bytes) -> tuple[str, str]:
                    return key, await post(body)

                while True:
                    begun = list(islice(left, parallel - len(under_way)))
                    if begun or answered:
                        await asyncio.to_thread(store.turn, answered, [(key,) for key, _ in begun])
                    under_way |= {asyncio.create_task(one(*mail)) for mail in begun}
                    if not under_way:
                        return len(mails)
                    answered, under_way = await _answers(under_way)

    watched(lambda: asyncio.run(send()), pipe)


async def _answers(
    under_way: "set[asyncio.Task[tuple[str, str]]]",
) -> "tuple[list[tuple[str, str]], set[asyncio.Task[tuple[str, str]]]]":
    """Wait for answers as long as Forewarn does; return them, and what is still under way."""
    done, pending = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
    if len(done) < len(pending):
        more, pending = await asyncio.wait(pending, timeout=ANSWER_GRACE_SECONDS)
        done |= more
    return [task.result() for task in done], pending


def send_by_sdk(provider: str, file: Path, pipe: Connection) -> None:
    """Send some of the mails by the provider's own SDK, one after the other."""
    messages = [read_message(body) for body in read_bodies(file)[:SDK_SAMPLE]]

    def send() -> int:
        by_sendgrid(provider, messages)
        return len(messages)

    watched(send, pipe)


def watched(send: Callable[[], int], pipe: Connection) -> None:
    """Send, and tell through the pipe what it took."""
    with Watch() as watch:
        began = time.monotonic()
        sent = send()
        ended = time.monotonic()
    spent = watch.spent(sent)
    pipe.send(Shift(sent, began, ended, spent.cpu_seconds, spent.peak_mb))
