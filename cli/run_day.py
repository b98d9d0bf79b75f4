"""Run one day from end to end: find late orders, record notices, send them. Prefect records it if a server is set."""

from datetime import date

from app.composition import App
from flows.deliver import DELIVER, deliver, run_deliver
from flows.late_orders import late_orders, run_late_orders
from models.batches import Progress, no_progress
from models.errors import ForewarnError
from models.run_report import Report
from tasks.runs.records import LATE_ORDERS, latest_run

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


async def run_day(
    app: App,
    as_of: date | None = None,
    *,
    take_in: bool = False,
    dry_run: bool = False,
    limit: int | None = None,
    recorded: bool = False,
    progress: Progress = no_progress,
) -> Report:
    """Run `late-orders` and then `deliver`; `recorded` makes flow runs of them, which Prefect's page shows."""
    shop, data = str(app.folder.path), app.settings.data
    if not recorded:
        found = await run_late_orders(app, as_of, take_in=take_in, dry_run=dry_run, limit=limit, progress=progress)
        return found if dry_run else merge_reports(found, await run_deliver(app, as_of, progress=progress))
    files = str(data) if data else None
    try:
        found = await late_orders(
            shop, app.context.policy, as_of, data=files, take_in=take_in, dry_run=dry_run, limit=limit
        )
    except ForewarnError:
        # Words that failed for some orders stop no others: the ledger has what the run did, and its problems.
        found = _last_report(app, LATE_ORDERS)
    if dry_run:
        return found
    try:
        return merge_reports(found, await deliver(shop, as_of))
    except ForewarnError:
        return merge_reports(found, _last_report(app, DELIVER))


def _last_report(app: App, flow: str) -> Report:
    kept = latest_run(app.context.engine, flow)
    if kept is None or not kept["counts"]:
        raise ForewarnError(f"{flow} failed before it could report; Prefect's page shows where")
    return Report.model_validate(kept["counts"])


def merge_reports(found: Report, done: Report) -> Report:
    """Return one report of both halves."""
    skipped = {
        reason: found.skipped.get(reason, 0) + done.skipped.get(reason, 0) for reason in found.skipped | done.skipped
    }
    return found.model_copy(update={"skipped": skipped, **{name: getattr(done, name) for name in DELIVERY_FIELDS}})
