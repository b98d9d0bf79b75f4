"""Report what happened on a day, on one page in Prefect."""

from dataclasses import asdict
from datetime import date, timedelta

from prefect import flow

from app.clock import make_clock
from app.composition import App, open_app
from app.prefect_tasks import publish_artifact, rename_flow_run, run_task
from app.reports.counts import counted
from app.run_tracking import flow_run_name
from app.safe_text import markdown_cell, markdown_table
from tasks.db.sql import read_only
from tasks.reporting.status import DayTotals, load_day

DIGEST = "digest"


@flow(name=DIGEST, flow_run_name=flow_run_name, retries=0)
async def digest(shop: str | None = None, as_of: date | None = None) -> dict[str, object]:
    """Report what happened on a day.

    Args:
        shop: the shop's folder; FOREWARN_SHOP by default.
        as_of: the day to report; yesterday by default.

    """
    with open_app(shop) as app:
        return await run_digest(app, as_of)


async def run_digest(app: App, as_of: date | None = None) -> dict[str, object]:
    """Count the messages, posts and runs of a day, and show them in Prefect; return the figures by name."""
    day = as_of or make_clock(app.folder.shop.zone, None).as_of - timedelta(days=1)
    totals = await run_task(load_totals, app, day)

    await publish_artifact(DIGEST, digest_markdown(app.folder.shop.name, day, totals), title="The day")
    await rename_flow_run(f"{DIGEST} of {day}")
    return {"as_of": day, **asdict(totals)}


def load_totals(app: App, day: date) -> DayTotals:
    """Return the totals of a day from the ledger."""
    with read_only(app.context.engine) as connection:
        return load_day(app.context, connection, day)


def digest_markdown(shop: str, day: date, totals: DayTotals) -> str:
    """Return a day's totals as markdown, those that need staff first."""
    rows = (
        ("In doubt, for staff to resolve: `forewarn in-doubt list`", str(totals.needs_staff)),
        ("In doubt, still asked about", str(totals.in_doubt - totals.needs_staff)),
        ("Posts that wait for approval", str(totals.held)),
        *(
            [("Legal deadlines missed: `promise-clock-summary`", str(totals.deadlines_missed))]
            if totals.deadlines_missed
            else []
        ),
        *([("Legal deadlines near or passed", str(totals.deadlines_near))] if totals.deadlines_near else []),
        *(
            [("Webhook events given up: `forewarn choices webhooks`", str(totals.webhooks_rejected))]
            if totals.webhooks_rejected
            else []
        ),
        *(
            [("Callbacks and texts for staff: `forewarn callbacks list`", str(totals.callbacks))]
            if totals.callbacks
            else []
        ),
        ("Customers told, by delay", counted(totals.orders)),
        ("Messages sent, by channel", counted(totals.sent)),
        *([("Of them in a trial, to no customer", str(totals.trial))] if totals.trial else []),
        ("Not sent, by reason", counted(totals.skipped)),
        ("Rejected by a provider", counted(totals.rejected)),
        *([("Did not arrive, by channel", counted(totals.bounced))] if totals.bounced else []),
        ("Runs", counted(totals.runs)),
    )
    table = markdown_table(("", ""), ((name, markdown_cell(value)) for name, value in rows))
    return f"# {markdown_cell(shop)}: {day:%A, %d %B %Y}\n\n{table}"
