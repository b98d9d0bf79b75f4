"""Measure the order pages under load: pages a second, latency and memory at 64 connections, beside a bare page."""

import asyncio
import re
import socket
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import aiohttp

from app.composition import open_app
from benchmarks.asked import Asked, in_turn
from benchmarks.fresh import fresh
from benchmarks.processes import process
from benchmarks.recording import record
from benchmarks.shop import AS_OF, build

CONNECTIONS = 64
SECONDS = 5.0
"""How long each address is asked in a round."""
ORDERS = 400
"""How many orders' pages are asked for, in turn."""
API_KEY = "k" * 32
FLOOR = "/floor"
CASES = ("bare page", "order page", "cancel page", "order as JSON", "wait (POST)")
CONFIG = '\n[order_pages]\nurl = "http://127.0.0.1"\n'


@dataclass(frozen=True, slots=True)
class Load:
    """What the answers to one address took, in seconds each, and how long all of them took."""

    latencies: Sequence[float]
    seconds: float

    @property
    def rate(self) -> float:
        """Return how many answers came in a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, percent: int) -> float:
        """Return the time within which so many per cent of the answers came, in milliseconds."""
        return statistics.quantiles(self.latencies, n=100)[percent - 1] * 1000


def run_pages(asked: Asked) -> Iterator[dict[str, Any]]:
    """Ask for pages of a shop in which a tenth of the orders are late; a size is its open orders."""
    for orders in asked.sizes:
        folder = asked.folder / f"{orders}"
        fresh(_make, folder, orders)
        with process(_serve, folder) as (_, pipe):
            port, pid, tokens = pipe.recv()
            loads = asyncio.run(_load(port, tokens, asked.rounds, SECONDS / 5 if asked.quick else SECONDS))
            memory = _resident_mb(pid)
        floor = loads[CASES[0]].rate
        for case in CASES:
            load = loads[case]
            yield {
                "open": orders,
                "address": case,
                "answers/s": load.rate,
                "of the bare page": load.rate / floor,
                "median ms": load.percentile(50),
                "p99 ms": load.percentile(99),
                "server MB": memory,
            }


def _make(folder: Path, orders: int) -> None:
    late = max(ORDERS, orders // 10)
    build(folder, orders, late)
    with (folder / "shop" / "shop.toml").open("a") as config:
        config.write(CONFIG)
    record(folder, late)


def _serve(folder: Path, pipe: Connection) -> None:
    """Serve a shop on its day, with a bare page beside; send the port, the process and links to pages first."""
    import os

    import uvicorn
    from pydantic import SecretStr
    from starlette.requests import Request
    from starlette.responses import HTMLResponse
    from starlette.routing import Route

    from tasks.customers.links import mint_link
    from tasks.tables import NOTICES
    from web.server import server_config
    from web.service import build_service

    async def bare(_: Request) -> HTMLResponse:
        return HTMLResponse(page)

    page = "<!doctype html>" + "x" * 6000
    with open_app(folder / "shop") as app, socket.create_server(("127.0.0.1", 0)) as listening:
        settings = app.settings.model_copy(update={"api_keys": SecretStr(API_KEY)})
        noon = app.context.start_of(AS_OF) + timedelta(hours=12)
        began = time.monotonic()

        def clock() -> datetime:
            return noon + timedelta(seconds=time.monotonic() - began)

        columns = NOTICES.c.order_id, NOTICES.c.customer_id
        with app.context.engine.begin() as connection:
            from sqlalchemy import select

            orders = connection.execute(select(*columns).distinct().order_by(NOTICES.c.order_id).limit(ORDERS)).all()
            context = replace(app.context, started_at=noon)
            tokens = [(order, mint_link(context, connection, order, customer)[1]) for order, customer in orders]
        service = build_service(replace(app, settings=settings), clock, [Route(FLOOR, bare)])
        pipe.send((listening.getsockname()[1], os.getpid(), tokens))
        uvicorn.Server(server_config(service)).run([listening])


async def _load(port: int, tokens: Sequence[tuple[str, str]], rounds: int, seconds: float) -> dict[str, Load]:
    """Ask for each address in turn, several rounds; return the loads by case."""
    url = f"http://127.0.0.1:{port}"
    taken: dict[str, list[float]] = {case: [] for case in CASES}
    spent = dict.fromkeys(CASES, 0.0)
    addresses = {
        CASES[0]: [FLOOR],
        CASES[1]: [f"/o/{token}" for _, token in tokens],
        CASES[2]: [f"/o/{token}/cancel" for _, token in tokens],
        CASES[3]: [f"/api/v1/orders/{order}" for order, _ in tokens],
    }
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    headers = {"Authorization": f"Bearer {API_KEY}", "Sec-Fetch-Site": "same-origin"}
    async with aiohttp.ClientSession(url, connector=connector, headers=headers) as session:
        for turn in range(rounds):
            for case in in_turn(list(addresses), turn):
                begun = time.perf_counter()
                taken[case] += await _ask(session, addresses[case], begun + seconds)
                spent[case] += time.perf_counter() - begun
        waits = [f"/o/{token}/wait" for _, token in tokens]
        forms = [await _form(session, address) for address in waits]
        begun = time.perf_counter()
        taken[CASES[4]] = await _post(session, list(zip(waits, forms, strict=True)))
        spent[CASES[4]] = time.perf_counter() - begun
    return {case: Load(taken[case], spent[case]) for case in CASES}


async def _ask(session: aiohttp.ClientSession, addresses: Sequence[str], until: float) -> list[float]:
    latencies: list[float] = []

    async def client(first: int) -> None:
        number = first
        while (begun := time.perf_counter()) < until:
            async with session.get(addresses[number % len(addresses)]) as answer:
                await answer.read()
                assert answer.status == 200, f"{answer.url}: {answer.status}"
            latencies.append(time.perf_counter() - begun)
            number += CONNECTIONS

    await asyncio.gather(*map(client, range(CONNECTIONS)))
    return latencies


async def _form(session: aiohttp.ClientSession, address: str) -> str:
    async with session.get(address) as answer:
        found = re.search(r'name="form" value="([^"]+)"', await answer.text())
        assert found, f"{address}: {answer.status}"
        return found[1]


async def _post(session: aiohttp.ClientSession, forms: Sequence[tuple[str, str]]) -> list[float]:
    latencies: list[float] = []
    waiting = iter(forms)

    async def client() -> None:
        for address, form in waiting:
            begun = time.perf_counter()
            async with session.post(address, data={"form": form}, allow_redirects=False) as answer:
                await answer.read()
                assert answer.status == 303, f"{address}: {answer.status}"
            latencies.append(time.perf_counter() - begun)

    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))
    return latencies


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) / 1000
