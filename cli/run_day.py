"""The command `forewarn run`: find the orders that are newly late, and send the notices."""

import asyncio
import os
from datetime import date
from typing import Annotated

import typer

from app.composition import App, open_app
from app.ledger import CreateLedger
from cli import console
from cli.options import AsOf, Data, Json, Shop, as_date
from models.batches import Progress, no_progress
from models.errors import ForewarnError
from models.run_report import Report

DELIVERY_FIELDS = (
    "sent",
    "trial",
    "rejected",
    "retrying",
    "unreachable",
    "waiting",
    "in_doubt",
    "settled",
    "down",
    "not_live",
)
"""Fields of the report that `deliver` fills."""


def run(
    shop: Shop = None,
    data: Data = None,
    as_of: AsOf = None,
    limit: Annotated[int | None, typer.Option(min=1, help="send notices about this many orders at most")] = None,
    *,
    import_first: Annotated[bool, typer.Option("--import", help="import the shop's data first")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show who would get which notice; write nothing")] = False,
    json: Json = False,
) -> None:
    """Find late orders, record the notices due, and send them.

    With PREFECT_API_URL set, Prefect records the flow runs. It records no dry run.
    """
    from app.reports.run import lines

    if data is not None and not import_first:
        raise ForewarnError("--data is the folder to import from: add --import, or leave it out")
    if import_first and dry_run:
        raise ForewarnError("--import writes the shop's data: run `forewarn import` first, then --dry-run")
    recorded = bool(os.environ.get("PREFECT_API_URL")) and not dry_run
    create = CreateLedger.NEVER if dry_run else CreateLedger.ANYWHERE
    with (
        open_app(shop, data=data, create=create) as app,
        console.progress("Evaluating orders", quiet=json) as progress,
    ):
        day = run_day(
            app,
            as_date(as_of),
            import_first=import_first,
            dry_run=dry_run,
            limit=limit,
            recorded=recorded,
            progress=progress,
        )
        report = asyncio.run(day)
        outbox = app.outbox / "index.html"
    if json:
        console.print_json(report)
    else:
        console.print_pairs(lines(report))
        if not report.open and not report.imported:
            console.out.print("No open order is known: `forewarn import`, or --import here, imports the shop's data.")
        if report.plans:
            console.out.print()
            console.print_table(report.plans, nothing="")
        if report.trial and app.settings.keeps_outbox and outbox.is_file():
            console.out.print(f"\nOpen {outbox} to read what was sent to the outbox.", markup=False)
    console.fail_if_not_ok(report)


async def run_day(
    app: App,
    as_of: date | None = None,
    *,
    import_first: bool = False,
    dry_run: bool = False,
    limit: int | None = None,
    recorded: bool = False,
    progress: Progress = no_progress,
) -> Report:
    """Run `late-orders` and then `deliver`, unless on a dry run; `recorded` shows both as flow runs in Prefect.

    A dry run writes nothing, and is not recorded.
    """
    # Prefect takes seconds to import: `forewarn --help` does without it.
    from flows.deliver import run_deliver
    from flows.late_orders import run_late_orders

    if recorded:
        return await _run_flows(app, as_of, import_first=import_first, limit=limit)
    report = await run_late_orders(
        app, as_of, import_first=import_first, dry_run=dry_run, limit=limit, progress=progress
    )
    return report if dry_run else merge_reports(report, await run_deliver(app, as_of, progress=progress))


async def _run_flows(app: App, as_of: date | None, *, import_first: bool, limit: int | None) -> Report:
    """Do the same as flow runs. A flow that fails for some orders only has a report all the same: in the ledger."""
    from flows.deliver import DELIVER, deliver
    from flows.late_orders import late_orders
    from tasks.runs.records import LATE_ORDERS

    shop = str(app.folder.path)
    data = str(app.settings.data) if app.settings.data else None
    try:
        report = await late_orders(shop, app.context.policy, as_of, data=data, import_first=import_first, limit=limit)
    except ForewarnError:
        report = _load_report(app, LATE_ORDERS)
    try:
        delivered = await deliver(shop, as_of)
    except ForewarnError:
        delivered = _load_report(app, DELIVER)
    return merge_reports(report, delivered)


def _load_report(app: App, flow: str) -> Report:
    """Return the report of a flow's latest run; raises ForewarnError where it ended without one."""
    from tasks.runs.records import latest_run

    latest = latest_run(app.context.engine, flow)
    if latest is None or not latest["counts"]:
        raise ForewarnError(f"{flow} failed before it could report; Prefect's page shows where")
    return Report.model_validate(latest["counts"])


def merge_reports(late: Report, delivered: Report) -> Report:
    """Return one report of a `late-orders` and a `deliver` run."""
    reasons = late.skipped | delivered.skipped
    skipped = {reason: late.skipped.get(reason, 0) + delivered.skipped.get(reason, 0) for reason in reasons}
    delivery = {name: getattr(delivered, name) for name in DELIVERY_FIELDS}
    return late.model_copy(update={"skipped": skipped, **delivery})
