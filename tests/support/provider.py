"""A small HTTP server in the place of a provider: it keeps what it was asked, and answers as it was told."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from enum import Enum, auto
from ssl import SSLContext
from typing import Any
from urllib.parse import parse_qs

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
    after: float = 0
    """Seconds that it takes."""


@dataclass(frozen=True, slots=True)
class RecordedRequest:
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
    requests: list[RecordedRequest] = field(default_factory=list)
    connections: set[Any] = field(default_factory=set)
    records: Callable[[RecordedRequest], Answer | Fault] | None = None
    """A provider that remembers: what it answers follows from what it was asked before."""
    slow: asyncio.Event | None = None
    """A provider that takes its time: it answers nothing before this is set."""

    def answer_with(self, *answers: Answer | Fault) -> None:
        """Answer like this from now on."""
        self.answers = list(answers)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        self.connections.add(request.transport.get_extra_info("peername"))
        self.requests.append(
            RecordedRequest(request.method, request.path_qs, request.headers.copy(), await request.read())
        )
        if self.slow is not None:
            await self.slow.wait()
        if self.records is not None:
            answer = self.records(self.requests[-1])
        else:
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        await asyncio.sleep(getattr(answer, "after", 0))
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
async def run_provider(tls: SSLContext | None = None) -> AsyncIterator[Provider]:
    """Run a provider on a free port of this machine."""
    provider = Provider()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", provider._handle)
    runner = web.AppRunner(application, shutdown_timeout=0, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    provider.url = f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield provider
    finally:
        await runner.cleanup()


@dataclass(slots=True)
class ProviderRecords:
    """What a provider took, told as Twilio, X and SendGrid tell it; `takes` and `breaks` say what comes of a message.

    Where `breaks` is true the connection ends before the answer, whether the message was taken or not.
    """

    now: datetime
    takes: bool = True
    breaks: bool = False
    taken: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, asked: RecordedRequest) -> Answer | Fault:
        path, _, query = asked.path.partition("?")
        if asked.method == "GET":
            return self._told(path, parse_qs(query))
        if self.takes:
            self.taken.append(self._message(asked))
        return Fault.RESET if self.breaks else self._receipt(path)

    def _message(self, asked: RecordedRequest) -> dict[str, Any]:
        if asked.headers["Content-Type"].startswith("application/json"):
            return dict(json.loads(asked.body))
        return {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}

    def _receipt(self, path: str) -> Answer:
        key = str(len(self.taken))
        if path.endswith("/mail/send"):
            return Answer(202, "", {"X-Message-Id": key})
        return Answer(201, {"data": {"id": key, "text": ""}} if path == "/2/tweets" else {"sid": key})

    def _told(self, path: str, query: Mapping[str, list[str]]) -> Answer:
        found = list(enumerate(self.taken, 1))
        if path == "/2/users/me":
            return Answer(200, {"data": {"id": "42", "name": "Lamps", "username": "lamps"}})
        if path == "/2/users/42/tweets":
            posts = [{"id": str(n), "text": one["text"].replace("&", "&amp;")} for n, one in found]
            data = {"data": posts} if posts else {}  # X leaves an empty list out
            return Answer(200, data | {"meta": {"result_count": len(posts)}})
        if path == "/v3/messages":
            to = query["query"][0].removeprefix('to_email="').removesuffix('"')
            mails = [(n, one) for n, one in found if one["personalizations"][0]["to"][0]["email"] == to]
            return Answer(200, {"messages": [self._mail(n, one) for n, one in mails]})
        if path.startswith("/v3/messages/"):
            n = int(path.rpartition("/")[2])
            mail = self.taken[n - 1]
            args = str(mail["personalizations"][0]["custom_args"])
            return Answer(200, self._mail(n, mail) | {"unique_args": args, "events": []})
        texts = [
            {"sid": str(n), "body": one["Body"], "status": "queued", "date_created": format_datetime(self.now)}
            for n, one in found
            if one["To"] == query["To"][0]
        ]
        return Answer(200, {"messages": texts, "next_page_uri": None, "page": 0})

    def _mail(self, n: int, mail: Mapping[str, Any]) -> dict[str, Any]:
        last = self.now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"msg_id": str(n), "subject": mail["subject"], "status": "processed", "last_event_time": last}
