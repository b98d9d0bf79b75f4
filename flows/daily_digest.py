"""Report what happened on a day, on one page in Prefect."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

from prefect import flow
from prefect.context import FlowRunContext

from app.clock import make_clock
from app.composition import App, open_app
from app.prefect_page import as_state, emit_shop_event, publish_artifact, tell_story
from app.prefect_tasks import run_task
from app.reports.counts import by_days, counted
from app.reports.early_warning import drift_markdown
from app.reports.history_charts import history_markdown
from app.reports.story import Story, simple_story
from app.run_tracking import flow_run_name
from app.safe_text import markdown_cell, markdown_table
from models.alerts import Alert
from models.policy.policy import MAY_BE_LATE, Policy
from tasks.db.sql import read_only
from tasks.early_warning.store import load_state
from tasks.reporting.history import load_history
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
        figures = await run_digest(app, as_of)
    return as_state(figures, _story(figures))  # type: ignore[no-any-return] # callers get its data


async def run_digest(app: App, as_of: date | None = None) -> dict[str, Any]:
    """Count the messages, posts and runs of a day, and show them in Prefect; return the figures by name."""
    day = as_of or make_clock(app.folder.shop.zone, None).as_of - timedelta(days=1)
    totals = await run_task(load_totals, app, day)

    page = digest_markdown(app.folder.shop.name, day, totals, app.context.policy)
    page += await run_task(find_drift, app, day)
    if FlowRunContext.get() is not None:
        page += await run_task(draw_history, app, day)
    await publish_artifact(app, DIGEST, page, title="The day")
    figures = {"as_of": day, **asdict(totals)}
    await tell_story(app, _story(figures))
    if totals.needs_staff:
        sentence = f"{totals.needs_staff:,} messages may or may not have left: staff must look"
        emit_shop_event(app, Alert.IN_DOUBT.event, sentence, number=totals.needs_staff)
    return figures


def _story(figures: Mapping[str, Any]) -> Story:
    told, staff = sum(figures["orders"].values()), figures["needs_staff"]
    outcome = f"{told:,} told" + (f", {staff:,} in doubt" if staff else "")
    message = (
        f"On {figures['as_of']:%A, %d %B %Y} customers of {told:,} orders were told; sent: {counted(figures['sent'])}. "
        f"For staff: {staff:,} messages in doubt, {figures['held']:,} posts to approve."
    )
    return simple_story(f"{DIGEST} of", figures["as_of"], outcome, message, *(("in-doubt",) if staff else ()))


def draw_history(app: App, day: date) -> str:
    """Return pictures of the last weeks as markdown."""
    with read_only(app.context.engine) as connection:
        return history_markdown(app.context.policy, load_history(app.context, connection, day))


def find_drift(app: App, day: date) -> str:
    """Return that the likelihoods of late orders were too far off, as markdown; empty where they hold."""
    with read_only(app.context.engine) as connection:
        state = load_state(connection, day + timedelta(days=1))
    return "" if state is None else drift_markdown(state.off_points, drifted=state.drifted)


def load_totals(app: App, day: date) -> DayTotals:
    """Return the totals of a day from the ledger."""
    with read_only(app.context.engine) as connection:
        return load_day(app.context, connection, day)


def digest_markdown(shop: str, day: date, totals: DayTotals, policy: Policy) -> str:
    """Return a day's totals as markdown, what needs staff first."""
    waiting = (
        ("In doubt, for staff to resolve: `forewarn in-doubt list`", totals.needs_staff),
        ("Posts that wait for approval: `/desk/posts`", totals.held),
        ("Legal deadlines missed: `promise-clock-summary`", totals.deadlines_missed),
        ("Legal deadlines near or passed", totals.deadlines_near),
        ("Webhook events given up: `forewarn choices webhooks`", totals.webhooks_rejected),
        ("Callbacks and texts for staff: `forewarn callbacks list`", totals.callbacks),
        ("In doubt, still asked about", totals.in_doubt - totals.needs_staff),
    )
    needs = [(name, f"{n:,}") for name, n in waiting if n]
    done = [
        ("Customers told, by delay", counted(by_days(totals.orders, policy))),
        *([("Customers warned before it was known", f"{n:,}")] if (n := totals.orders.get(MAY_BE_LATE)) else []),
        ("Messages sent, by channel", counted(totals.sent)),
        *([("Of them in a trial, to no customer", f"{totals.trial:,}")] if totals.trial else []),
        ("Not sent, by reason", counted(_words(totals.skipped))),
        ("Rejected by a provider", counted(_words(totals.rejected))),
        *([("Did not arrive, by channel", counted(totals.bounced))] if totals.bounced else []),
        *((f"Runs: {name}", f"{n:,}") for name, n in sorted(totals.runs.items())),
    ]
    person = f"## Needs a person\n\n{_table(needs)}" if needs else "Nothing waits for a person.\n"
    return f"# {markdown_cell(shop)}: {day:%A, %d %B %Y}\n\n{person}\n## What was done\n\n{_table(done)}"


def _table(rows: Iterable[tuple[str, str]]) -> str:
    return markdown_table(("what", "number"), ((name, markdown_cell(value)) for name, value in rows))


def _words(counts: Mapping[str, int]) -> dict[str, int]:
    return {name.replace("_", " "): n for name, n in counts.items()}
