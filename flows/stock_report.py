"""Compute each product's stock level, and show what to order first."""

import asyncio
from dataclasses import dataclass
from datetime import date

from prefect import flow

from app.clock import make_clock
from app.composition import App, open_app
from app.prefect_page import as_state, publish_artifact, tell_story
from app.prefect_tasks import run_task
from app.reports.stock import summary
from app.reports.story import Story, simple_story
from app.run_tracking import flow_run_name, track_run
from models.batches import Progress, no_progress
from tasks.context import Context
from tasks.db.sql import read_only
from tasks.guardrails.run_days import check_not_before_last
from tasks.replenishment.history import LeadTimes, load_lead_times
from tasks.replenishment.levels import LevelPage, compute_levels
from tasks.replenishment.reorder_list import StockPosition, reorder_list

STOCK_REPORT = "stock-report"


@dataclass(frozen=True, slots=True)
class StockReport:
    """Counts of the computed stock levels, and the products to order, the most urgent first."""

    as_of: date
    products: int
    written: int
    """Levels that are new or changed."""
    unstocked: int
    """Products left out, because the shop keeps no stock of them."""
    positions: list[StockPosition]


@flow(name=STOCK_REPORT, flow_run_name=flow_run_name, retries=0)
async def stock_report(shop: str | None = None, as_of: date | None = None) -> dict[str, int]:
    """Compute safety stocks and reorder points, and show the products to order.

    Args:
        shop: the shop's folder; FOREWARN_SHOP where none is given.
        as_of: the day to run for; today where none is given.

    """
    with open_app(shop) as app:
        report = await run_stock_report(app, as_of)
        to_order = len(report.positions)
    result = {"products": report.products, "changed": report.written, "to_order": to_order}
    return as_state(result, _story(report.as_of, report.products, to_order))  # type: ignore[no-any-return] # its data


async def run_stock_report(
    app: App, as_of: date | None = None, *, everything: bool = False, progress: Progress = no_progress
) -> StockReport:
    """Compute the levels page after page, and list the products to order, or all of them."""
    clock = make_clock(app.folder.shop.zone, as_of)
    await asyncio.to_thread(check_not_before_last, app.context, STOCK_REPORT, clock.as_of)
    async with track_run(app, STOCK_REPORT, clock) as (context, _):
        lead_times = await run_task(read_lead_times, context)

        counts = await _compute_all(context, lead_times, progress)

        positions = await asyncio.to_thread(_list_positions, context, everything=everything)
    to_order = [position for position in positions if position.level.order_quantity]
    page = summary(app.folder.shop.name, context.as_of, counts.products, to_order, counts.unstocked)
    await publish_artifact(app, STOCK_REPORT, page, title="What to order", run=context.run_id)
    await tell_story(app, _story(context.as_of, counts.products, len(to_order)))
    return StockReport(context.as_of, counts.products, counts.written, counts.unstocked, positions)


def _story(day: date, products: int, to_order: int) -> Story:
    message = f"{to_order:,} of {products:,} products have reached their reorder point."
    return simple_story(STOCK_REPORT, day, f"{to_order:,} to order", message)


def read_lead_times(context: Context) -> LeadTimes:
    """Compute the vendors' lead times from the ledger as it stands."""
    with read_only(context.engine) as connection:
        return load_lead_times(context, connection, context.as_of)


async def _compute_all(context: Context, lead_times: LeadTimes, progress: Progress) -> LevelPage:
    """Return the counts of all pages together."""
    products, written, unstocked, after = 0, 0, 0, ""
    while True:
        page = await run_task(compute_levels, context, lead_times, after)
        if page.last is None:
            return LevelPage(None, products, written, unstocked)
        products, written, unstocked = products + page.products, written + page.written, unstocked + page.unstocked
        after = page.last
        progress("products", products)


def _list_positions(context: Context, *, everything: bool) -> list[StockPosition]:
    with read_only(context.engine) as connection:
        return reorder_list(context, connection, context.as_of, everything=everything)
