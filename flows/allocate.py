"""Allocate stock and deliveries to open lines, and date each line; `late-orders` then finds the late ones."""

import asyncio
from datetime import date
from functools import partial
from typing import Any

from prefect import flow

from app.clock import make_clock
from app.composition import App, open_app
from app.prefect_page import as_state, publish_artifact, tell_story
from app.prefect_tasks import run_task
from app.reports.counts import counted
from app.reports.run import summary
from app.reports.stock_shortage import shortage_rows
from app.reports.story import Story, simple_story
from app.run_tracking import flow_run_name, track_run
from models.batches import Progress, no_progress
from models.run_report import Report
from tasks.context import Context
from tasks.guardrails.run_days import check_not_before_last
from tasks.imports.guard import wait_for_import
from tasks.inventory.allocate import ALLOCATE, AllocationSummary, allocate_page
from tasks.inventory.availability import short_products
from tasks.inventory.expected_dates import close_shipped
from tasks.inventory.forecast_inputs import ForecastInputs, load_forecast_inputs
from tasks.inventory.in_transit import date_in_transit
from tasks.shipments.plan import plan_all
from tasks.storefront.publish import publish as publish_storefront


@flow(name=ALLOCATE, flow_run_name=flow_run_name, retries=0)
async def allocate(shop: str | None = None, as_of: date | None = None) -> Report:
    """Allocate stock and deliveries to open lines, and save the expected date of each.

    Args:
        shop: the shop's folder; FOREWARN_SHOP where none is given.
        as_of: the day to run for; today where none is given.

    """
    with open_app(shop) as app:
        report, _ = await run_allocate(app, as_of)
    return as_state(report, _story(report))  # type: ignore[no-any-return] # callers get its data


async def run_allocate(
    app: App, as_of: date | None = None, *, progress: Progress = no_progress
) -> tuple[Report, list[dict[str, Any]]]:
    """Allocate page after page of products; return the report, and the products that orders wait for.

    Waits for the end of an import in progress.
    """
    clock = make_clock(app.folder.shop.zone, as_of)
    await asyncio.to_thread(check_not_before_last, app.context, ALLOCATE, clock.as_of)
    async with track_run(app, ALLOCATE, clock) as (context, report):
        inputs = await run_task(load_forecast_inputs, context)

        total = await _allocate_all(app, context, inputs, progress)
        total.dates["changed"] += await run_task(date_in_transit, context)
        total.dates["ended"] += await run_task(close_shipped, context)
        report.parcels = dict(await run_task(plan_all, context, app.settings.batch_size))

        if folder := app.settings.storefront_dir:
            await run_task(publish_storefront, context, context.started_at, folder)
        report.coverage, report.products, report.dates = dict(total.coverage), dict(total.products), dict(+total.dates)
    shortage = await asyncio.to_thread(short_products, context)
    page = summary(report, app.folder.shop.name)
    rows, title = shortage_rows(shortage), "Products that orders wait for"
    await publish_artifact(app, ALLOCATE, page, rows, title, run=context.run_id)
    await tell_story(app, _story(report))
    return report, shortage


def _story(report: Report) -> Story:
    changed = report.dates.get("changed", 0)
    message = (
        f"Allocated stock and deliveries to {sum(report.coverage.values()):,} open lines: {counted(report.coverage)}. "
        f"{changed:,} expected dates changed."
    )
    return simple_story(ALLOCATE, report.as_of, f"{changed:,} dates changed", message)


async def _allocate_all(app: App, context: Context, inputs: ForecastInputs, progress: Progress) -> AllocationSummary:
    total, after = AllocationSummary(), ""
    while True:
        page, after = await run_task(allocate_page_after_import, context, inputs, after, app.settings.batch_size)
        total.add(page)
        progress("lines", total.coverage.total())
        if not after:
            return total


def allocate_page_after_import(
    context: Context, inputs: ForecastInputs, after: str, limit: int
) -> tuple[AllocationSummary, str]:
    """Allocate a page of products as soon as no import is in progress; see `allocate_page` for the values."""
    return wait_for_import(partial(allocate_page, context, inputs, after, limit))
