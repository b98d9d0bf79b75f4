"""A provider on this machine, in a process of its own: it speaks as SendGrid, Twilio and X do, and counts."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web

from benchmarks.processes import process

ASKED_FOR = re.compile(r'to_email="(.*)"')


class Provider:
    """What a provider took: mails by the notice's id, texts by number and words, posts by words.

    With `keep`, the mails' bodies too, as they came.
    """

    def __init__(self, delay: float, *, keep: bool = False) -> None:
        self._delay = delay
        self.kept: list[bytes] | None = [] if keep else None
        self.taken: Counter[str] = Counter()
        self._mails: dict[str, list[str]] = {}
        self._posts: list[str] = []

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Take a message, or tell what was taken."""
        if request.method == "GET":
            return self._tell(request)
        body = await request.read()
        if request.path == "/v3/mail/send":
            key = self._mail(json.loads(body))
            if self.kept is not None:
                self.kept.append(body)
            answer = web.Response(status=202, headers={"X-Message-Id": key})
        elif request.path == "/2/tweets":
            key = json.loads(body)["text"]
            self._posts.append(key)
            answer = web.json_response({"data": {"id": "1", "text": key}}, status=201)
        else:
            form = parse_qs(body.decode())
            key = f"{form['To'][0]} {form['Body'][0]}"
            answer = web.json_response({"sid": "SM1", "status": "queued", "num_segments": "1"}, status=201)
        self.taken[key] += 1
        await asyncio.sleep(self._delay)
        return answer

    def _mail(self, mail: dict[str, Any]) -> str:
        (person,) = mail["personalizations"]
        (to,) = person["to"]
        key: str = person.get("custom_args", {}).get("notice", to["email"])
        self._mails.setdefault(to["email"], []).append(key)
        return key

    def _tell(self, request: web.BaseRequest) -> web.Response:
        if request.path == "/bodies":
            return web.Response(body=b"\n".join(self.kept or ()))
        return web.json_response(self._record(request))

    def _record(self, request: web.BaseRequest) -> object:
        if request.path == "/taken":
            return self.taken
        if request.path == "/2/users/me":
            return {"data": {"id": "1", "username": "shop"}}
        if request.path == "/2/users/1/tweets":
            posts = [{"id": str(n), "text": text} for n, text in enumerate(self._posts)]
            return {"data": posts, "meta": {"result_count": len(posts)}} if posts else {"meta": {"result_count": 0}}
        if found := ASKED_FOR.fullmatch(request.query.get("query", "")):
            return {"messages": [{"msg_id": key, "status": "delivered"} for key in self._mails.get(found[1], ())]}
        return {"unique_args": {"notice": request.path.rpartition("/")[2]}}


@contextmanager
def a_provider(delay: float, *, keep: bool = False) -> Iterator[str]:
    """Run a provider that answers after `delay` seconds, and may keep mails' bodies; yield its address."""
    with process(_serve, delay, keep) as (_, pipe):
        yield f"http://127.0.0.1:{pipe.recv()}"


def taken(url: str) -> Counter[str]:
    """Return how often a provider took each message."""
    told: dict[str, int] = json.loads(_told(url, "/taken"))
    return Counter(told)


def bodies(url: str) -> list[bytes]:
    """Return the bodies of the mails that a provider kept."""
    return _told(url, "/bodies").split(b"\n")


def _told(url: str, path: str) -> bytes:
    connection = HTTPConnection(url.partition("//")[2])
    connection.request("GET", path)
    answer = connection.getresponse().read()
    connection.close()
    return answer


def _serve(delay: float, keep: bool, pipe: Connection) -> None:  # noqa: FBT001 - a process's argument
    asyncio.run(_serving(Provider(delay, keep=keep), pipe))


async def _serving(provider: Provider, pipe: Connection) -> None:
    runner = web.ServerRunner(web.Server(provider.answer, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    pipe.send(runner.addresses[0][1])
    if parent := parent_process():
        await asyncio.to_thread(parent.join)
