"""Ask vendors for what open lines want and nothing covers, remind those that do not answer, and tell staff the rest."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from prefect import flow

from app.clock import Clock, make_clock
from app.composition import App, open_app
from app.live_channels import channels_not_live
from app.prefect_tasks import publish_artifact, rename_flow_run, run_task
from app.reports import run as showing
from app.run_tracking import flow_run_name, track_run
from app.safe_text import markdown_cell, markdown_table
from app.vendor_transports import open_vendor_transports
from models.errors import ForewarnError
from models.purchasing import RequestLine, Requirement
from models.run_report import Report
from rules.purchasing import plan_requests
from tasks.context import Context
from tasks.db.sql import read_only
from tasks.purchasing.dispatch import DispatchSummary, DispatchWorker, dispatch_requests, recover_abandoned
from tasks.purchasing.requests import channels_of_vendors, record_requests, send_reminders
from tasks.purchasing.requirements import load_requirements
from tasks.purchasing.review import list_waiting
from tasks.purchasing.vendors import VendorFacts, load_vendors
from templates.rendering.purchasing import PurchaseRenderer

FORWARD_TO_VENDORS = "forward-to-vendors"
SHOWN = 200


@flow(name=FORWARD_TO_VENDORS, flow_run_name=flow_run_name, retries=0)
async def forward_to_vendors(shop: str | None = None, as_of: date | None = None, *, dry_run: bool = False) -> Report:
    """Ask vendors for backordered and drop-shipped lines, each piece once.

    Args:
        shop: the shop's folder; FOREWARN_SHOP where none is given.
        as_of: the day to look at on a dry run; today where none is given.
        dry_run: stop after deciding: say what would be asked of whom, and write nothing.

    """
    with open_app(shop) as app:
        check_is_today(app, as_of, dry_run=dry_run)
        report = await run_forward_to_vendors(app, as_of, dry_run=dry_run)
    if report.problems or report.down:
        down = (f"vendor {vendor} cannot be reached: {why}" for vendor, why in report.down.items())
        raise ForewarnError("; ".join([*report.problems, *down][:5]))
    return report


def check_is_today(app: App, as_of: date | None, *, dry_run: bool) -> None:
    """Raise ForewarnError for a past day, unless on a dry run: a vendor would be asked now for what was wanted then."""
    if not dry_run and as_of is not None and as_of < make_clock(app.folder.shop.zone, None).as_of:
        raise ForewarnError(f"vendors are asked for what is wanted today, not on {as_of}; add --dry-run to look back")


async def run_forward_to_vendors(app: App, as_of: date | None = None, *, dry_run: bool = False) -> Report:
    """Gather what is wanted, decide what to ask of whom, and ask."""
    time = make_clock(app.folder.shop.zone, as_of, ahead=dry_run)
    if dry_run:
        context, report = time.snapshot(app.context), Report(as_of=time.as_of, dry_run=True)
        await _record_requests(app, context, report)
        return report
    async with track_run(app, FORWARD_TO_VENDORS, time) as (context, report):
        await _record_requests(app, context, report)

        report.reminded = await run_task(send_reminders, context)
        done = await _dispatch(app, context, time, report)
        showing.fill_delivery(report, done)
        report.problems += done.problems

        found = await asyncio.to_thread(list_waiting, context)
        report.needs_staff = len(found)
        plans, report.plans = report.plans, []
    await publish_artifact(FORWARD_TO_VENDORS, summary(app.folder.shop.name, report, found), plans, "Asked of vendors")
    await rename_flow_run(f"{FORWARD_TO_VENDORS} {context.as_of}: {sum(report.requested.values())} lines asked")
    return report


async def _record_requests(app: App, context: Context, report: Report) -> None:
    found = await run_task(load_requirements, context)

    decided = plan_requests(found.needs, found.asked)
    ways, report.problems = await run_task(channels_of_vendors, app.context, decided.asks.keys())
    asks = {vendor: asked for vendor, asked in decided.asks.items() if vendor in ways}
    report.problems += [_unaddressed(need) for need in decided.unaddressed]
    report.plans = _table(asks, ways)

    if report.dry_run:
        report.requested = {vendor: len(asked) for vendor, asked in asks.items()}
        return
    written = await run_task(record_requests, context, asks, ways)
    report.requested = dict(written)


async def _dispatch(app: App, context: Context, time: Clock, report: Report) -> DispatchSummary:
    known = await asyncio.to_thread(_vendors, app)
    renderer = PurchaseRenderer(app.folder.shop, app.folder.own_templates)
    not_live = await asyncio.to_thread(channels_not_live, app)
    async with open_vendor_transports(app, known, time.now, not_live) as (doors, shut):
        couriers = DispatchWorker(app.worker, doors, app.settings.concurrency, time.now)
        in_doubt = await run_task(recover_abandoned, app.context, couriers)
        done = await run_task(dispatch_requests, context, couriers, renderer)
    done.in_doubt += in_doubt
    lost = sorted(done.shut.keys() - known.keys())
    done.problems += [f"vendor {vendor} cannot be asked: the shop's facts do not name it any more" for vendor in lost]
    waits = {vendor: why for vendor, why in shut.items() if vendor in done.shut}
    report.not_live = {channel: why for channel, why in not_live.items() if why in waits.values()}
    done.down |= {vendor: why for vendor, why in waits.items() if why not in not_live.values()}
    report.waiting = sum(done.retrying.values()) + sum(done.shut.values())
    return done


def _vendors(app: App) -> dict[str, VendorFacts]:
    with read_only(app.context.engine) as connection:
        return load_vendors(connection)


def _unaddressed(need: Requirement) -> str:
    return (
        f"order {need.order}, line {need.line}: vendor {need.vendor} ships it to the customer, whose address is not "
        "known; recipient, street, postcode and city in orders.sql are right"
    )


def _table(asks: Mapping[str, tuple[RequestLine, ...]], ways: Mapping[str, str]) -> list[dict[str, Any]]:
    rows = (
        {"vendor": vendor, "by": str(ways[vendor])}
        | {name: asdict(ask.need)[name] for name in ("order", "line", "product", "drop_shipped")}
        | {"pieces": ask.quantity, "time": ask.attempt}
        for vendor, asked in asks.items()
        for ask in asked
    )
    return [row for row, _ in zip(rows, range(SHOWN), strict=False)]


def summary(shop: str, report: Report, found: list[dict[str, Any]]) -> str:
    """Return a run as markdown, with what waits for staff under it."""
    said = showing.summary(report, shop)
    if not found:
        return said
    rows = (
        (
            f"`{row['request'][:8]}`",
            *(markdown_cell(row[name] or "") for name in ("vendor", "order", "line")),
            f"{row['since']:%Y-%m-%d %H:%M}",
            markdown_cell(row["what"]),
        )
        for row in found[:SHOWN]
    )
    table = markdown_table(("request", "vendor", "order", "line", "since (UTC)", "what"), rows)
    return f"{said}\n## Waits for staff\n\n{table}"
