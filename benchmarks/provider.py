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
    """What a provider took: mails by the notice's id, texts by number and words, posts by words."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self.taken: Counter[str] = Counter()
        self._mails: dict[str, list[str]] = {}

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Take a message, or tell what was taken."""
        if request.method == "GET":
            return web.json_response(self._record(request))
        body = await request.read()
        if request.path == "/v3/mail/send":
            key = self._mail(json.loads(body))
            answer = web.Response(status=202, headers={"X-Message-Id": key})
        elif request.path == "/2/tweets":
            key = json.loads(body)["text"]
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

    def _record(self, request: web.BaseRequest) -> object:
        if request.path == "/taken":
            return self.taken
        if found := ASKED_FOR.fullmatch(request.query.get("query", "")):
            return {"messages": [{"msg_id": key, "status": "delivered"} for key in self._mails.get(found[1], ())]}
        return {"unique_args": {"notice": request.path.rpartition("/")[2]}}


@contextmanager
def a_provider(delay: float) -> Iterator[str]:
    """Run a provider that answers after `delay` seconds; yield its address."""
    with process(_serve, delay) as (_, pipe):
        yield f"http://127.0.0.1:{pipe.recv()}"


def taken(url: str) -> Counter[str]:
    """Return how often a provider took each message."""
    connection = HTTPConnection(url.partition("//")[2])
    connection.request("GET", "/taken")
    told: dict[str, int] = json.loads(connection.getresponse().read())
    connection.close()
    return Counter(told)


def _serve(delay: float, pipe: Connection) -> None:
    asyncio.run(_serving(Provider(delay), pipe))


async def _serving(provider: Provider, pipe: Connection) -> None:
    runner = web.ServerRunner(web.Server(provider.answer, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    pipe.send(runner.addresses[0][1])
    if parent := parent_process():
        await asyncio.to_thread(parent.join)
