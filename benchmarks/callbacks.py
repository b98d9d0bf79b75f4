"""Measure callbacks: how many a second are stored before they are answered, and worked off; and that none is lost."""

import asyncio
import base64
import itertools
import json
import socket
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp

from app.callbacks import EVENTS_PATH, STATUS_PATH
from app.composition import open_app
from benchmarks.asked import Asked
from benchmarks.fresh import Spent, Watch, fresh
from benchmarks.processes import process
from benchmarks.shop import AS_OF
from models.enums import Channel, State
from sources.sample import write_sample

CONNECTIONS = 64
PER_BODY = 50
"""Events in one of SendGrid's bodies."""
URL, TOKEN = "https://orders.example.com", "benchmark-token"
NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
CASES = {"twilio": Channel.SMS, "sendgrid": Channel.EMAIL}


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a provider."""

    path: str
    body: bytes
    headers: dict[str, str]


def run_callbacks(asked: Asked) -> Iterator[dict[str, Any]]:
    """Post one event for each message, and work them off; a size is the number of messages."""
    for messages, case in itertools.product(asked.sizes, CASES):
        folder = asked.folder / f"{messages}-{case}"
        fresh(_make, folder, messages, CASES[case])
        key, requests = _requests(case, messages)
        with process(_serve, folder, key) as (_, pipe):
            port = pipe.recv()
            begun = time.perf_counter()
            latencies = asyncio.run(_post(port, requests))
            seconds = time.perf_counter() - begun
        stored, worked_off = fresh(_work_off, folder)
        yield {
            "provider": case,
            "events": messages,
            "requests": len(requests),
            "posted in, s": seconds,
            "events/s": messages / seconds,
            "median ms": statistics.median(latencies) * 1000,
            "p99 ms": statistics.quantiles(latencies, n=100)[98] * 1000,
            "lost": messages - stored,
            "worked off in, s": worked_off.seconds,
            "not delivered": messages - worked_off.n,
        }


def _make(folder: Path, messages: int, channel: Channel) -> None:
    """Make a shop with so many sent messages."""
    from tasks.db.outbox import insert_messages, outbox_row

    write_sample(folder / "shop", orders=1, as_of=AS_OF)
    with open_app(folder / "shop") as app, app.context.engine.begin() as connection:
        sent: dict[str, Any] = {"attempts": 1, "settled_at": NOON, "sending_at": NOON}
        insert_messages(
            connection,
            [outbox_row(f"m{n}", channel, State.SENT, NOON, reference=f"SM{n}", **sent) for n in range(messages)],
        )


def _requests(case: str, messages: int) -> tuple[str, list[Request]]:
    """Return SendGrid's verification key, and the requests of a provider, signed."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    private = ec.generate_private_key(ec.SECP256R1())
    der = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if case == "twilio":
        return base64.b64encode(der).decode(), [_status(n) for n in range(messages)]
    numbers = [range(first, min(first + PER_BODY, messages)) for first in range(0, messages, PER_BODY)]
    return base64.b64encode(der).decode(), [_events(private, batch) for batch in numbers]


def _status(number: int) -> Request:
    from twilio.request_validator import RequestValidator

    path = f"{STATUS_PATH}?message=m{number}"
    fields = {"MessageSid": f"SM{number}", "MessageStatus": "delivered", "To": "+4915112345678", "AccountSid": "AC1"}
    signature = str(RequestValidator(TOKEN).compute_signature(URL + path, fields))
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signature}
    return Request(path, urlencode(fields).encode(), headers)


def _events(private: Any, numbers: Sequence[int]) -> Request:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256

    from channels.email.sendgrid_signatures import SIGNATURE_HEADER, TIMESTAMP_HEADER

    at = int(NOON.timestamp())
    common = {"event": "delivered", "email": "anna@example.com", "timestamp": at, "response": "250 OK"}
    events = [
        common | {"notice": f"m{n}", "sg_event_id": f"e{n}", "sg_message_id": f"SM{n}.filter0001"} for n in numbers
    ]
    body = json.dumps(events).encode() + b"\r\n"
    signature = private.sign(str(at).encode() + body, ec.ECDSA(SHA256()))
    headers = {SIGNATURE_HEADER: base64.b64encode(signature).decode(), TIMESTAMP_HEADER: str(at)}
    return Request(EVENTS_PATH, body, headers | {"Content-Type": "application/json"})


def _serve(folder: Path, key: str, pipe: Connection) -> None:
    import uvicorn
    from pydantic import SecretStr

    from web.server import server_config
    from web.service import build_service

    given = {"callback_url": URL, "twilio_auth_token": SecretStr(TOKEN), "sendgrid_event_keys": key}
    with open_app(folder / "shop") as app, socket.create_server(("127.0.0.1", 0)) as listening:
        service = build_service(replace(app, settings=app.settings.model_copy(update=given)), lambda: NOON)
        pipe.send(listening.getsockname()[1])
        uvicorn.Server(server_config(service)).run([listening])


async def _post(port: int, requests: Sequence[Request]) -> list[float]:
    """Post the requests over some connections; return how long each took."""
    latencies: list[float] = []
    waiting = iter(requests)

    async def client(session: aiohttp.ClientSession) -> None:
        for request in waiting:
            begun = time.perf_counter()
            async with session.post(request.path, data=request.body, headers=request.headers) as answer:
                await answer.read()
                assert answer.status == 204, f"{request.path}: {answer.status}"
            latencies.append(time.perf_counter() - begun)

    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", connector=connector) as session:
        await asyncio.gather(*(client(session) for _ in range(CONNECTIONS)))
    return latencies


def _work_off(folder: Path) -> tuple[int, Spent]:
    """Return how many events were stored, and what working them off took; `n` counts the messages delivered."""
    from sqlalchemy import func, select

    from tasks.callbacks.apply import apply_callbacks
    from tasks.tables import CALLBACK_EVENTS, OUTBOX

    with open_app(folder / "shop") as app:
        with Watch() as watch:
            apply_callbacks(app.context, lambda: NOON, "benchmark")
        with app.context.engine.connect() as connection:
            stored = connection.execute(select(func.count()).select_from(CALLBACK_EVENTS)).scalar_one()
            delivered = select(func.count()).where(OUTBOX.c.state == State.DELIVERED)
            return stored, watch.spent(connection.execute(delivered).scalar_one())
