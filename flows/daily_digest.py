"""The day in one artifact, for whoever opens the shop in the morning."""

from dataclasses import asdict
from datetime import date, timedelta

from prefect import flow

from app.clock import make_clock
from app.composition import App, open_app
from app.prefect_tasks import publish_artifact, rename_flow_run, run_task
from app.reports.run import counted
from app.run_tracking import flow_run_name
from app.safe_text import markdown_cell, markdown_table
from tasks.db.sql import read_only
from tasks.reporting.status import DayTotals, load_day

DIGEST = "digest"


@flow(name=DIGEST, flow_run_name=flow_run_name, retries=0)
async def digest(shop: str | None = None, as_of: date | None = None) -> dict[str, object]:
    """Say what happened on a day: yesterday, where none is given.

    Args:
        shop: the shop's folder; FOREWARN_SHOP where none is given.
        as_of: the day to tell of.

    """
    with open_app(shop) as app:
        on = as_of or make_clock(app.folder.shop.zone, None).as_of - timedelta(days=1)

        found = await run_task(_count, app, on)

        await publish_artifact(DIGEST, digest_markdown(app.folder.shop.name, on, found), title="The day")
        await rename_flow_run(f"{DIGEST} of {on}")
    return {"as_of": on, **asdict(found)}


def _count(app: App, on: date) -> DayTotals:
    with read_only(app.context.engine) as connection:
        return load_day(app.context, connection, on)


def digest_markdown(shop: str, on: date, found: DayTotals) -> str:
    """Return a day as markdown; what wants a person comes first."""
    rows = (
        ("In doubt, for people to settle: `forewarn in-doubt list`", str(found.for_people)),
        ("In doubt, still asked about", str(found.in_doubt - found.for_people)),
        ("Posts that wait for approval", str(found.held)),
        ("Customers told, by delay", counted(found.told)),
        ("Messages sent, by channel", counted(found.sent)),
        *([("Of them in a trial, to no customer", str(found.trial))] if found.trial else []),
        ("Not sent, by reason", counted(found.skipped)),
        ("Refused by a provider", counted(found.rejected)),
        ("Runs", counted(found.runs)),
    )
    table = markdown_table(("", ""), ((word, markdown_cell(said)) for word, said in rows))
    return f"# {markdown_cell(shop)}: {on:%A, %d %B %Y}\n\n{table}"
