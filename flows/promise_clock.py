"""Watch the legal deadlines of late orders: record those missed, and warn staff of those that come up."""

import asyncio
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from prefect import flow

from app.clock import make_clock
from app.composition import App, open_app
from app.prefect_page import as_state, emit_shop_event, publish_artifact, tell_story
from app.prefect_tasks import run_task
from app.reports.promise_clock import MAX_ROWS, clock_markdown, duty_row
from app.reports.story import Story, simple_story
from app.run_tracking import flow_run_name, track_run
from models.alerts import Alert
from models.batches import Progress, no_progress
from tasks.context import Context
from tasks.db.sql import read_only
from tasks.guardrails.run_days import check_not_before_last
from tasks.promise_clock.duties import LineDuty
from tasks.promise_clock.walk import PROMISE_CLOCK, Missed, check_orders, list_candidates, load_all_duties

BATCH = 200


@dataclass(frozen=True, slots=True)
class ClockReport:
    """What a run of the promise clock looked at and found. It names no customer."""

    as_of: date
    checked: int
    """Orders that may have stood elsewhere than at the last run."""
    missed: list[Missed] = field(default_factory=list)
    """Deadlines that passed, each reported once."""
    warnings: list[LineDuty] = field(default_factory=list)
    """Duties that have come near their deadline since the last run, each once for each distance."""
    duties: list[LineDuty] = field(default_factory=list)
    """All open duties, by deadline."""

    def as_data(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return {
            "as_of": self.as_of,
            "checked": self.checked,
            "missed": [asdict(one) for one in self.missed],
            "warnings": [duty_row(one, self.as_of) for one in self.warnings],
            "duties": [duty_row(one, self.as_of) for one in self.duties],
        }


@flow(name=PROMISE_CLOCK, flow_run_name=flow_run_name, retries=0)
async def promise_clock(shop: str | None = None, as_of: date | None = None) -> dict[str, Any]:
    """Record the legal deadlines that were missed, and list what has to be done by when.

    Args:
        shop: the shop's folder; FOREWARN_SHOP by default.
        as_of: the day to run for; today by default.

    """
    with open_app(shop) as app:
        report = await run_promise_clock(app, as_of)
    return as_state(report.as_data(), _story(report))  # type: ignore[no-any-return] # callers get its data


async def run_promise_clock(app: App, as_of: date | None = None, *, progress: Progress = no_progress) -> ClockReport:
    """Look at the orders whose standing may have changed, batch after batch; raises ForewarnError for a past day."""
    clock = make_clock(app.folder.shop.zone, as_of)
    await asyncio.to_thread(check_not_before_last, app.context, PROMISE_CLOCK, clock.as_of)
    orders = await run_task(list_candidates, clock.snapshot(app.context))
    async with track_run(app, PROMISE_CLOCK, clock) as (context, _):
        missed, warnings = await _check_all(context, orders, progress)

        duties = await run_task(load_duties, context)
    report = ClockReport(context.as_of, len(orders), missed, warnings, duties)
    page = clock_markdown(app.folder.shop.name, context.as_of, duties, warnings, missed)
    table = [duty_row(duty, context.as_of) for duty in duties[:MAX_ROWS]]
    await publish_artifact(app, PROMISE_CLOCK, page, table, title="Legal deadlines", run=context.run_id)
    story = _story(report)
    await tell_story(app, story)
    if missed or warnings:
        emit_shop_event(app, Alert.DEADLINE_NEAR.event, story.message, run=context, number=len(missed) + len(warnings))
    return report


def _story(report: ClockReport) -> Story:
    missed, near = len(report.missed), len(report.warnings)
    first = min((duty.deadline for duty in report.warnings if duty.deadline), default=None)
    message = (
        f"{missed:,} legal deadlines missed, {near:,} coming up"
        + (f", the first on {first:%A, %d %B %Y}" if first else "")
        + f"; {len(report.duties):,} are open."
    )
    tags = [name for name, n in (("deadline-missed", missed), ("deadline-near", near)) if n]
    return simple_story(PROMISE_CLOCK, report.as_of, f"{missed:,} missed, {near:,} coming up", message, *tags)


async def _check_all(context: Context, orders: list[str], progress: Progress) -> tuple[list[Missed], list[LineDuty]]:
    """Return what all batches missed, and of what they warn, the nearest deadline first."""
    missed: list[Missed] = []
    warnings: list[LineDuty] = []
    for start in range(0, len(orders), BATCH):
        page = await run_task(check_orders, context, orders[start : start + BATCH])
        missed, warnings = missed + page.missed, warnings + page.warnings
        progress("orders", min(start + BATCH, len(orders)))
    return missed, sorted(warnings, key=lambda duty: (duty.deadline or date.max, duty.order, duty.line))


def load_duties(context: Context) -> list[LineDuty]:
    """Return all open duties from the ledger."""
    with read_only(context.engine) as connection:
        return load_all_duties(connection)
