"""Reckon how much of each product must be there, and show what to order first."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial

from prefect import flow

from app.clock import clock
from app.composition import House, open_house
from app.prefect_tasks import deed, publish, rename
from app.reports.stock import summary
from app.run_tracking import a_run, run_name
from tasks.db.sql import reading
from tasks.guardrails.run_days import check_not_before
from tasks.replenishment.history import Leads, leads
from tasks.replenishment.levels import reckon
from tasks.replenishment.reorder_list import Position, reorder_list
from tasks.runs.records import Now

STOCK_REPORT = "stock-report"


@dataclass(frozen=True, slots=True)
class Stocktaking:
    """What was reckoned, and the products to order, the most urgent first."""

    as_of: date
    products: int
    written: int
    unstocked: int
    positions: list[Position]


@flow(name=STOCK_REPORT, flow_run_name=run_name, retries=0)
async def stock_report(shop: str | None = None, as_of: date | None = None) -> dict[str, int]:
    """Reckon safety stocks and reorder points, and show the products to order.

    Args:
        shop: the shop's folder; FOREWARN_SHOP where none is given.
        as_of: the day to live; today where none is given.

    """
    with open_house(shop) as house:
        found = await take_stock(house, as_of)
    return {"products": found.products, "changed": found.written, "to_order": len(found.positions)}


async def take_stock(
    house: House,
    as_of: date | None = None,
    *,
    everything: bool = False,
    progress: Callable[[str, int], None] = lambda _, __: None,
) -> Stocktaking:
    """Reckon page after page, and list the products to order, or all of them."""
    time = clock(house.folder.shop.zone, as_of)
    await asyncio.to_thread(check_not_before, house.desk, STOCK_REPORT, time.as_of)
    async with a_run(house, STOCK_REPORT, time) as (now, _):
        found = await deed("lead times", partial(_leads, house, now))

        products, written, unstocked = await _reckon_all(house, now, found, progress)

        positions = await asyncio.to_thread(_list, house, now, everything=everything)
    report = Stocktaking(now.as_of, products, written, unstocked, positions)
    to_order = [one for one in positions if one.level.order_quantity]
    page = summary(house.folder.shop.name, now.as_of, products, to_order, unstocked)
    await publish(STOCK_REPORT, page, title="What to order")
    await rename(f"{STOCK_REPORT} {now.as_of}: {len(to_order)} to order")
    return report


def _leads(house: House, now: Now) -> Leads:
    with reading(house.desk.engine) as connection:
        return leads(house.desk, connection, now.as_of)


async def _reckon_all(
    house: House, now: Now, found: Leads, progress: Callable[[str, int], None]
) -> tuple[int, int, int]:
    products, written, unstocked, after = 0, 0, 0, ""
    while True:
        page = await deed(f"reckon: after {after or 'the beginning'}", partial(reckon, house.desk, now, found, after))
        if page.last is None:
            return products, written, unstocked
        products, written, after = products + page.products, written + page.written, page.last
        unstocked += page.unstocked
        progress("products", products)


def _list(house: House, now: Now, *, everything: bool) -> list[Position]:
    with reading(house.desk.engine) as connection:
        return reorder_list(house.desk, connection, now.as_of, everything=everything)
