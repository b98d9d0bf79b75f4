"""What delivering cannot be faster than: the same bodies through bare aiohttp, and the doors without a ledger."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlencode

import aiohttp

from benchmarks.fresh import Spent
from benchmarks.lives import NOON
from channels.email.sendgrid import SendGridTransport
from channels.sms.twilio import TwilioLogin, TwilioTransport
from channels.social.x import XTransport
from channels.transport import MessageTransport
from models.config.shop import Sender
from models.enums import Channel
from models.messages import Message
from rules.contact.addresses import country_of

SENDER = Sender(name="Lamps", email="hello@lamps.example.com")
DOORS: dict[str, Callable[[str, int], MessageTransport]] = {
    "sendgrid": lambda url, parallel: SendGridTransport("key", SENDER, url=url, parallel=parallel),
    "twilio": lambda url, parallel: TwilioTransport(
        TwilioLogin("AC1", "token"),
        {"default": "+441632960000"},
        country_of,
        now=lambda: NOON,
        url=url,
        parallel=parallel,
    ),
    "x": lambda url, parallel: XTransport("key", "secret", "token", "secret", url=url, parallel=parallel),
}


def read_message(body: bytes) -> Message:
    """Return the message of a finished mail."""
    mail = json.loads(body)
    (person,) = mail["personalizations"]
    (to,) = person["to"]
    said = {one["type"]: one["value"] for one in mail["content"]}
    return Message(
        person["custom_args"]["notice"],
        Channel.EMAIL,
        to["email"],
        said["text/plain"],
        subject=mail["subject"],
        html=said["text/html"],
    )


def by_the_door(provider: str, messages: Sequence[Message], door: str, parallel: int) -> float:
    """Return messages a second by the door alone, without the ledger."""

    async def send() -> float:
        way_out = DOORS[door](provider, parallel)
        spent = await _all(messages, parallel, way_out.send)
        await way_out.close()
        return spent

    return len(messages) / asyncio.run(send())


def bare(provider: str, messages: Sequence[Message], door: str, parallel: int) -> Spent:
    """Return what a bare asyncio client takes that posts the same bodies, written before."""
    path, kind = PATHS[door]
    bodies = [BODIES[door](message).encode() for message in messages]

    async def post(session: aiohttp.ClientSession, body: bytes) -> None:
        async with session.post(f"{provider}{path}", data=body, headers={"Content-Type": kind}) as response:
            await response.read()

    async def send() -> float:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=parallel)) as session:
            return await _all(bodies, parallel, partial(post, session))

    began = time.process_time()
    return Spent(len(bodies), asyncio.run(send()), time.process_time() - began)


async def _all(things: Sequence[Any], parallel: int, send: Callable[[Any], Awaitable[object]]) -> float:
    """Send them all, so many at once; return the seconds that it took."""
    left, begun = iter(things), time.perf_counter()

    async def some() -> None:
        for thing in left:
            await send(thing)

    await asyncio.gather(*(some() for _ in range(parallel)))
    return time.perf_counter() - begun


def _mail(message: Message) -> str:
    return json.dumps(
        {
            "from": {"email": SENDER.email, "name": SENDER.name},
            "subject": message.subject,
            "personalizations": [{"to": [{"email": message.to}], "custom_args": {"notice": message.id}}],
            "content": [{"type": "text/plain", "value": message.text}, {"type": "text/html", "value": message.html}],
            "categories": [message.category],
        }
    )


BODIES: dict[str, Callable[[Message], str]] = {
    "sendgrid": _mail,
    "twilio": lambda message: urlencode({"To": message.to, "From": "+441632960000", "Body": message.text}),
    "x": lambda message: json.dumps({"text": message.text}),
}
PATHS = {
    "sendgrid": ("/v3/mail/send", "application/json"),
    "twilio": ("/2010-04-01/Accounts/AC1/Messages.json", "application/x-www-form-urlencoded"),
    "x": ("/2/tweets", "application/json"),
}
