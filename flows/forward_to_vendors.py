"""Request from vendors what open lines need and nothing covers, send reminders, and list what waits for staff."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from itertools import islice
from typing import Any

from prefect import flow

from app.clock import Clock, make_clock
from app.composition import App, open_app
from app.live_channels import channels_not_live
from app.prefect_page import as_state, publish_artifact, tell_story
from app.prefect_tasks import run_task
from app.reports import run as showing
from app.reports.counts import counted
from app.reports.story import Story, simple_story
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
MAX_ROWS_SHOWN = 200


@flow(name=FORWARD_TO_VENDORS, flow_run_name=flow_run_name, retries=0)
async def forward_to_vendors(shop: str | None = None, as_of: date | None = None, *, dry_run: bool = False) -> Report:
    """Request backordered and drop-shipped lines from vendors, each piece once.

    Args:
        shop: the shop's folder; FOREWARN_SHOP by default.
        as_of: the day to evaluate on a dry run; today by default.
        dry_run: report what would be requested from which vendor, and write nothing.

    """
    with open_app(shop) as app:
        check_is_today(app, as_of, dry_run=dry_run)
        report = await run_forward_to_vendors(app, as_of, dry_run=dry_run)
        story = _story(report)
    if report.problems or report.down:
        down = (f"vendor {vendor} cannot be reached: {why}" for vendor, why in report.down.items())
        raise ForewarnError("; ".join([*report.problems, *down][:5]))
    return as_state(report, story)  # type: ignore[no-any-return] # callers get its data


def check_is_today(app: App, as_of: date | None, *, dry_run: bool) -> None:
    """Raise ForewarnError for a past day, except on a dry run: a request must say what is needed today."""
    if not dry_run and as_of is not None and as_of < make_clock(app.folder.shop.zone, None).as_of:
        raise ForewarnError(
            f"requests to vendors say what is needed today, not on {as_of}; add --dry-run for a past day"
        )


async def run_forward_to_vendors(app: App, as_of: date | None = None, *, dry_run: bool = False) -> Report:
    """Gather what lines need, decide what to request from which vendor, then record and send the requests."""
    time = make_clock(app.folder.shop.zone, as_of, ahead=dry_run)
    if dry_run:
        context, report = time.snapshot(app.context), Report(as_of=time.as_of, dry_run=True)
        await _record_requests(app, context, report)
        return report
    async with track_run(app, FORWARD_TO_VENDORS, time) as (context, report):
        await _record_requests(app, context, report)

        report.reminded = await run_task(send_reminders, context)
        dispatched = await _dispatch(app, context, time, report)
        showing.fill_delivery(report, dispatched)
        report.problems += dispatched.problems

        waiting = await asyncio.to_thread(list_waiting, context)
        report.needs_staff = len(waiting)
        plans, report.plans = report.plans, []
    page = summary(app.folder.shop.name, report, waiting)
    await publish_artifact(app, FORWARD_TO_VENDORS, page, plans, "Requested", run=context.run_id)
    await tell_story(app, _story(report))
    return report


def _story(report: Report) -> Story:
    lines, staff = sum(report.requested.values()), report.needs_staff
    needs = f", {staff:,} for staff" if staff else ""
    message = f"{lines:,} lines requested: {counted(report.requested)}." + (
        f" {staff:,} requests and lines wait for staff." if staff else ""
    )
    name = "dry run of " if report.dry_run else ""
    tags = ("needs-staff",) if staff else ()
    return simple_story(
        f"{name}{FORWARD_TO_VENDORS}", report.as_of, f"{lines:,} lines requested{needs}", message, *tags
    )


async def _record_requests(app: App, context: Context, report: Report) -> None:
    requirements = await run_task(load_requirements, context)

    plan = plan_requests(requirements.needs, requirements.requested)
    channels, report.problems = await run_task(channels_of_vendors, app.context, plan.requests.keys())
    requests = {vendor: lines for vendor, lines in plan.requests.items() if vendor in channels}
    report.problems += [_unaddressed(need) for need in plan.unaddressed]
    report.plans = _table(requests, channels)

    if report.dry_run:
        report.requested = {vendor: len(lines) for vendor, lines in requests.items()}
        return
    report.requested = await run_task(record_requests, context, requests, channels)


async def _dispatch(app: App, context: Context, time: Clock, report: Report) -> DispatchSummary:
    vendors = await asyncio.to_thread(_vendors, app)
    renderer = PurchaseRenderer(app.folder.shop, app.folder.own_templates)
    not_live = await asyncio.to_thread(channels_not_live, app)
    async with open_vendor_transports(app, vendors, time.now, not_live) as (transports, closed):
        worker = DispatchWorker(app.lease_holder, transports, app.settings.concurrency, time.now)
        in_doubt = await run_task(recover_abandoned, app.context, worker)
        dispatched = await run_task(dispatch_requests, context, worker, renderer)
    dispatched.in_doubt += in_doubt
    removed = sorted(dispatched.without_transport.keys() - vendors.keys())
    dispatched.problems += [f"vendor {vendor} cannot be asked: vendors.sql no longer names it" for vendor in removed]
    waiting = {vendor: reason for vendor, reason in closed.items() if vendor in dispatched.without_transport}
    report.not_live = {channel: reason for channel, reason in not_live.items() if reason in waiting.values()}
    dispatched.down |= {vendor: reason for vendor, reason in waiting.items() if reason not in not_live.values()}
    report.waiting = sum(dispatched.retrying.values()) + sum(dispatched.without_transport.values())
    return dispatched


def _vendors(app: App) -> dict[str, VendorFacts]:
    with read_only(app.context.engine) as connection:
        return load_vendors(connection)


def _unaddressed(need: Requirement) -> str:
    return (
        f"order {need.order}, line {need.line}: vendor {need.vendor} ships it to the customer, whose address is not "
        "known; add recipient, street, postcode and city to orders.sql"
    )


def _table(requests: Mapping[str, tuple[RequestLine, ...]], channels: Mapping[str, str]) -> list[dict[str, Any]]:
    rows = (
        {"vendor": vendor, "channel": str(channels[vendor])}
        | {name: asdict(line.need)[name] for name in ("order", "line", "product", "drop_shipped")}
        | {"pieces": line.quantity, "attempt": line.attempt}
        for vendor, lines in requests.items()
        for line in lines
    )
    return list(islice(rows, MAX_ROWS_SHOWN))


def summary(shop: str, report: Report, waiting: list[dict[str, Any]]) -> str:
    """Return the report of a run as markdown, followed by what waits for staff."""
    overview = showing.summary(report, shop)
    if not waiting:
        return overview
    rows = (
        (
            f"`{item['request'][:8]}`",
            *(markdown_cell(item[name] or "") for name in ("vendor", "order", "line")),
            f"{item['since']:%Y-%m-%d %H:%M}",
            markdown_cell(item["what"]),
        )
        for item in waiting[:MAX_ROWS_SHOWN]
    )
    table = markdown_table(("request", "vendor", "order", "line", "since (UTC)", "what"), rows)
    return f"{overview}\n## Waits for staff\n\n{table}"
