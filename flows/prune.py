"""Delete what is older than the policy keeps it."""

import asyncio
from dataclasses import dataclass
from datetime import date

from prefect import flow

from app.clock import make_clock
from app.composition import App, open_app
from app.prefect_page import as_state, publish_artifact, tell_story
from app.prefect_tasks import run_task
from app.reports.retention import KINDS, prune_markdown
from app.reports.story import Story, simple_story
from app.run_tracking import flow_run_name, track_run
from models.batches import Progress, no_progress
from rules.retention import CutoffDays, cutoff_days
from tasks.db.settled_counts import count_settled
from tasks.guardrails.run_days import check_clock, check_not_before_last
from tasks.reporting.day_numbers import count_days, days_to_count
from tasks.reporting.result_days import count_results
from tasks.reporting.result_schedule import result_days_to_fill
from tasks.retention.prune import count_prunable, prune_records
from tasks.retention.records import PRUNABLE

PRUNE = "prune"


@dataclass(frozen=True, slots=True)
class PruneReport:
    """How many records of each kind were deleted, or would be."""

    as_of: date
    dry_run: bool
    deleted: dict[str, int]


@flow(name=PRUNE, flow_run_name=flow_run_name, retries=0)
async def prune(shop: str | None = None, as_of: date | None = None, *, dry_run: bool = False) -> dict[str, int]:
    """Delete words, notices, events, offers, runs and replaced dates that are older than the policy keeps them.

    Args:
        shop: the shop's folder; FOREWARN_SHOP by default.
        as_of: the day to run for; today by default.
        dry_run: count what would be deleted, and delete nothing.

    """
    with open_app(shop) as app:
        report = await run_prune(app, as_of, dry_run=dry_run)
    return as_state(report.deleted, _story(report))  # type: ignore[no-any-return] # callers get its data


async def run_prune(
    app: App, as_of: date | None = None, *, dry_run: bool = False, progress: Progress = no_progress
) -> PruneReport:
    """Delete what the policy no longer keeps, and count the settled messages for `status` and the days for the numbers.

    Raises ForewarnError for a day before the last one, and ClockAhead where the clock is far ahead.
    """
    clock = make_clock(app.folder.shop.zone, as_of)
    if as_of is None:
        # A clock that is years ahead would delete what must be kept.
        await asyncio.to_thread(check_clock, app.context, clock.as_of)
    cutoffs = cutoff_days(app.context.policy.retention, clock.as_of)

    if dry_run:
        deleted = await run_task(count_prunable, clock.snapshot(app.context), cutoffs)
    else:
        deleted = await _prune_all(app, as_of, cutoffs, progress)

    page = prune_markdown(app.folder.shop.name, app.context.policy.retention, deleted, dry_run=dry_run)
    await publish_artifact(app, PRUNE, page, title="What was deleted")
    report = PruneReport(clock.as_of, dry_run, deleted)
    await tell_story(app, _story(report))
    return report


def _story(report: PruneReport) -> Story:
    n, done = sum(report.deleted.values()), "would be deleted" if report.dry_run else "deleted"
    kinds = ", ".join(f"{count:,} {KINDS[kind][0]}" for kind, count in report.deleted.items() if count) or "nothing"
    message = f"No longer kept, and {done}: {kinds}. Open orders lose nothing."
    return simple_story(PRUNE, report.as_of, f"{n:,} records {done}", message)


async def _prune_all(app: App, as_of: date | None, cutoffs: CutoffDays, progress: Progress) -> dict[str, int]:
    clock = make_clock(app.folder.shop.zone, as_of)
    await asyncio.to_thread(check_not_before_last, app.context, PRUNE, clock.as_of)
    async with track_run(app, PRUNE, clock) as (context, _):
        deleted = {kind.name: await run_task(prune_records, context, cutoffs, kind, progress) for kind in PRUNABLE}
        await run_task(count_settled, context.engine, context.started_at)
        days = await asyncio.to_thread(days_to_count, context, clock.as_of)
        await asyncio.to_thread(count_days, context, days, clock.now())
        result_days = await asyncio.to_thread(result_days_to_fill, context, clock.as_of)
        await asyncio.to_thread(count_results, context, result_days, clock.now())
    return deleted
