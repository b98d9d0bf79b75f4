"""Measure the desk's pages: the server's own time for each route over a shop of any size."""

import asyncio
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from httpx import ASGITransport, AsyncClient
from sqlalchemy import Engine, insert, select, text
from starlette.applications import Starlette

from app.composition import open_app
from benchmarks.asked import Asked
from benchmarks.copying import copy_ledger
from benchmarks.databases import POSTGRESQL, SQLITE_NAME, databases, server_seconds
from benchmarks.fresh import fresh
from benchmarks.recording import record
from benchmarks.shop import AS_OF, build
from models.search_keys import customer_keys, words_of
from models.staff import Role
from tasks.context import Context
from tasks.db.sql import read_only
from tasks.staff.accounts import add_person, find_account
from tasks.staff.sessions import start_session
from tasks.tables import CUSTOMER_SEARCH, CUSTOMERS, NOTICES, PRODUCT_WORDS, PRODUCTS, RUNS
from web.staff.addresses import DESK
from web.staff.guard import COOKIE
from web.staff.site import build_desk, staff_routes

NAME, MAIL, MAKER = "desk", "mara@example.com", "a benchmark"
TURNS = 20
"""How often each address is asked for; the first answer, for which code is loaded, does not count."""
LATE = 2_000
SKIPPED = ("/static/",)
ROWS_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Asking:
    """An address of the desk, and what it is of."""

    name: str
    address: str


def run_desk(asked: Asked) -> Iterator[dict[str, Any]]:
    """Ask for each page of the desk over both databases; a size is the shop's open orders."""
    turns = TURNS // 4 if asked.quick else TURNS
    for orders in asked.sizes:
        folder = asked.folder / f"{orders}"
        fresh(_make, folder, orders)
        yield from fresh(_measure, folder, orders, turns)
        with databases(asked.folder / "server") as both:
            both.template(NAME, partial(_copy_apart, folder))
            yield from fresh(_measure, folder, orders, turns, both.url(NAME), both.postmaster)


def _make(folder: Path, orders: int) -> None:
    late = min(LATE, orders // 10)
    build(folder, orders, late)
    record(folder, late)
    with open_app(folder / "shop") as app:
        _fill_search(app.context.engine)


def _fill_search(engine: Engine) -> None:
    """Write the keys that an import writes; the shop was put straight into the tables."""
    with read_only(engine) as reading, engine.begin() as writing:
        columns = [CUSTOMERS.c[name] for name in ("id", "name", "email", "phone")]
        for page in reading.execute(select(*columns)).partitions(ROWS_AT_ONCE):
            keys = [(row.id, customer_keys(row.name, row.email, row.phone)) for row in page]
            rows = [
                {"customer_id": key, "name": one.name, "family": one.family, "mail": one.mail, "phone": one.phone}
                for key, one in keys
            ]
            writing.execute(insert(CUSTOMER_SEARCH), rows)
        products = reading.execute(select(PRODUCTS.c.id, PRODUCTS.c.name)).all()
        words = [{"word": word, "product_id": row.id} for row in products for word in words_of(row.name)]
        writing.execute(insert(PRODUCT_WORDS), words)
        writing.execute(text("ANALYZE"))


def _copy_apart(folder: Path, url: str) -> None:
    fresh(_copy, folder, url)


def _copy(folder: Path, url: str) -> None:
    with open_app(folder / "shop") as app:
        copy_ledger(app.context.engine, url)


def _measure(folder: Path, orders: int, turns: int, url: str = "", postmaster: int = 0) -> list[dict[str, Any]]:
    """Return a row for each page, over SQLite's file or the PostgreSQL at an address."""
    if url:
        os.environ["FOREWARN_DATABASE_URL"] = url
    of_server = partial(server_seconds, postmaster) if postmaster else float
    with open_app(folder / "shop") as app:
        noon = app.context.start_of(AS_OF) + timedelta(hours=12)
        context = replace(app.context, as_of=AS_OF, started_at=noon)
        with context.engine.begin() as connection:
            known = find_account(connection, MAIL)
            person = known.person if known else add_person(connection, "Mara", MAIL, frozenset(Role), noon, MAKER)
            token = start_session(connection, person.id, MAKER, noon)
        app_of_desk = Starlette(routes=staff_routes(context, lambda: noon))
        rows = asyncio.run(_ask(app_of_desk, token, _addresses(context, noon), orders, turns, of_server))
    return [{"database": POSTGRESQL if url else SQLITE_NAME, **row} for row in rows]


async def _ask(
    desk: Starlette,
    token: str,
    addresses: Sequence[Asking],
    orders: int,
    turns: int,
    server_seconds: Callable[[], float],
) -> list[dict[str, Any]]:
    transport, headers = ASGITransport(desk), {"Cookie": f"{COOKIE}={token}"}
    async with AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as client:
        return [await _row(client, one, orders, turns, server_seconds) for one in addresses]


async def _row(
    client: AsyncClient, asking: Asking, orders: int, turns: int, server_seconds: Callable[[], float]
) -> dict[str, Any]:
    status = (await client.get(asking.address)).status_code
    taken, before = [], time.process_time() + server_seconds()
    for _ in range(turns):
        begun = time.perf_counter()
        await client.get(asking.address)
        taken.append((time.perf_counter() - begun) * 1000)
    processor = (time.process_time() + server_seconds() - before) / turns * 1000
    percentiles = statistics.quantiles(taken, n=20, method="inclusive")
    times = {"p50 ms": percentiles[9], "p95 ms": percentiles[18], "processor ms": processor}
    return {"open": orders, "page": asking.name, "status": status, **times}


def _addresses(context: Context, noon: Any) -> list[Asking]:
    """Return the pages of the registered routes with things that exist, and lists with what is searched."""
    with read_only(context.engine) as connection:
        order = connection.execute(select(NOTICES.c.order_id).order_by(NOTICES.c.id).limit(1)).scalar_one()
        run = connection.execute(select(RUNS.c.id).order_by(RUNS.c.number.desc()).limit(1)).scalar_one()
        product = connection.execute(select(PRODUCTS.c.id).order_by(PRODUCTS.c.id).limit(1)).scalar_one()
    things: Mapping[str, str] = {"order": order, "run": run, "number": "1", "product": product}
    routes = build_desk(context, lambda: noon).routes
    paths = sorted({route.path for route in routes if route.get is not None})
    pages = [path for path in paths if not path.startswith(SKIPPED) and _names(path) <= things.keys()]
    found = [Asking(path or "/", DESK + _filled(path, things)) for path in pages]
    searches = {
        "a name": "q=Ana+Maria",
        "a surname": "q=77",
        "a mail": "q=customer.77%40",
        "a phone": "q=%2B442079460077",
        "a product": "q=linen+thing",
        "a product's orders": f"product={product}",
        "late": "late=long",
        "held": "state=held",
        "waiting": "state=waiting",
    }
    found += [Asking(f"/orders: {name}", f"{DESK}/orders?{query}") for name, query in searches.items()]
    return found


def _names(path: str) -> set[str]:
    return {part[1:-1] for part in path.split("/") if part.startswith("{")}


def _filled(path: str, things: Mapping[str, str]) -> str:
    return "/".join(things[part[1:-1]] if part.startswith("{") else part for part in path.split("/"))
