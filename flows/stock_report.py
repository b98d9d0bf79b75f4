"""Reckon how much of each product must be there, and show what to order first."""

import asyncio
from dataclasses import dataclass
from datetime import date

from prefect import flow

from app.clock import make_clock
from app.composition import App, open_app
from app.prefect_tasks import publish_artifact, rename_flow_run, run_task
from app.reports.stock import summary
from app.run_tracking import flow_run_name, track_run
from models.batches import Progress, no_progress
from tasks.context import Context
from tasks.db.sql import read_only
from tasks.guardrails.run_days import check_not_before_last
from tasks.replenishment.history import LeadTimes, lead_times
from tasks.replenishment.levels import compute_levels
from tasks.replenishment.reorder_list import StockPosition, reorder_list

STOCK_REPORT = "stock-report"


@dataclass(frozen=True, slots=True)
class StockReport:
    """What was reckoned, and the products to order, the most urgent first."""

    as_of: date
    products: int
    written: int
    unstocked: int
    positions: list[StockPosition]


@flow(name=STOCK_REPORT, flow_run_name=flow_run_name, retries=0)
async def stock_report(shop: str | None = None, as_of: date | None = None) -> dict[str, int]:
    """Reckon safety stocks and reorder points, and show the products to order.

    Args:
        shop: the shop's folder; FOREWARN_SHOP where none is given.
        as_of: the day to live; today where none is given.

    """
    with open_app(shop) as app:
        found = await run_stock_report(app, as_of)
    return {"products": found.products, "changed": found.written, "to_order": len(found.positions)}


async def run_stock_report(
    app: App,
    as_of: date | None = None,
    *,
    everything: bool = False,
    progress: Progress = no_progress,
) -> StockReport:
    """Reckon page after page, and list the products to order, or all of them."""
    time = make_clock(app.folder.shop.zone, as_of)
    await asyncio.to_thread(check_not_before_last, app.context, STOCK_REPORT, time.as_of)
    async with track_run(app, STOCK_REPORT, time) as (context, _):
        found = await run_task(_leads, context)

        products, written, unstocked = await _compute_all(context, found, progress)

        positions = await asyncio.to_thread(_list, context, everything=everything)
    report = StockReport(context.as_of, products, written, unstocked, positions)
    to_order = [one for one in positions if one.level.order_quantity]
    page = summary(app.folder.shop.name, context.as_of, products, to_order, unstocked)
    await publish_artifact(STOCK_REPORT, page, title="What to order")
    await rename_flow_run(f"{STOCK_REPORT} {context.as_of}: {len(to_order)} to order")
    return report


def _leads(context: Context) -> LeadTimes:
    with read_only(context.engine) as connection:
        return lead_times(context, connection, context.as_of)


async def _compute_all(context: Context, found: LeadTimes, progress: Progress) -> tuple[int, int, int]:
    products, written, unstocked, after = 0, 0, 0, ""
    while True:
        page = await run_task(compute_levels, context, found, after)
        if page.last is None:
            return products, written, unstocked
        products, written, after = products + page.products, written + page.written, page.last
        unstocked += page.unstocked
        progress("products", products)


def _list(context: Context, *, everything: bool) -> list[StockPosition]:
    with read_only(context.engine) as connection:
        return reorder_list(context, connection, context.as_of, everything=everything)
