"""Find the orders that are newly late, decide what to say, and record the notices to send."""

import asyncio
from dataclasses import asdict
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated

from prefect import flow
from pydantic import Field

from app.clock import make_clock
from app.composition import App, open_app
from app.evaluation import Evaluate, evaluate_in_shards, evaluate_shard
from app.ledger import CreateLedger
from app.prefect_page import emit_shop_event, log_sentences, publish_artifact, tell_story
from app.prefect_tasks import run_task
from app.reports.run import fill_evaluation, fill_orders, summary
from app.reports.story import evaluation_story, import_sentences, page_rows
from app.run_tracking import flow_result, flow_run_name, track_run
from app.source_files import source_state
from flows.allocate import run_allocate
from models.alerts import RUN_COMPLETED
from models.batches import Progress, no_progress
from models.errors import BadShop
from models.policy.policy import Policy
from models.run_report import Report
from tasks.context import Context
from tasks.db.counters import count_orders_by_bucket
from tasks.db.sharding import MAX_SHARDS
from tasks.db.sql import read_only
from tasks.early_warning.relearn import learn_changed
from tasks.guardrails.check import accepted_orders, check_data, check_run, preview_breaches
from tasks.guardrails.run_days import check_clock, check_data_date
from tasks.imports.load import import_all
from tasks.reporting.day_numbers import count_days
from tasks.reporting.dry_run import dry_run as evaluate_without_writing
from tasks.reporting.result_days import count_results
from tasks.reporting.result_schedule import result_days_to_count
from tasks.runs.records import LATE_ORDERS
from tasks.starts.check_state import note_changed_facts, note_imported_files


@flow(name=LATE_ORDERS, flow_run_name=flow_run_name, retries=0, validate_parameters=True)
async def late_orders(
    shop: str | None = None,
    policy: Policy | None = None,
    as_of: date | None = None,
    *,
    data: str | None = None,
    import_first: bool = True,
    dry_run: bool = False,
    limit: int | None = None,
    shards: Annotated[int, Field(ge=1, le=MAX_SHARDS)] = 1,
) -> Report:
    """Record a notice for each order that is newly late; `deliver` sends them.

    Args:
        shop: the shop's folder; FOREWARN_SHOP by default.
        policy: a policy for this run in place of the shop's `policy.toml`.
        as_of: the day to run for; today by default.
        data: the folder with the shop's files, if not the one that shop.toml names.
        import_first: whether to import the shop's data first, and to allocate its stock.
        dry_run: decide, and write nothing.
        limit: record notices for at most so many orders; the others stay due.
        shards: how many runs of `late-orders-shard` evaluate the orders; 1 evaluates them here, as a dry run does.

    """
    evaluate = partial(evaluate_in_shards, shop=shop, shards=shards) if shards > 1 else evaluate_shard
    create = CreateLedger.NEVER if dry_run else CreateLedger.AT_HOME
    with open_app(shop, policy, data=Path(data) if data else None, create=create) as app:
        report = await run_late_orders(
            app, as_of, import_first=import_first, dry_run=dry_run, limit=limit, evaluate=evaluate
        )
    return flow_result(report, evaluation_story(LATE_ORDERS, report, app.context.policy))


async def run_late_orders(
    app: App,
    as_of: date | None = None,
    *,
    import_first: bool = False,
    dry_run: bool = False,
    limit: int | None = None,
    progress: Progress = no_progress,
    evaluate: Evaluate = evaluate_shard,
) -> Report:
    """Run for one day: import the data, evaluate the orders, and queue the notices that the guardrails let pass.

    A first import is followed by an allocation, so that no notice states a date that the new data makes wrong. When
    the data or the notices break a guardrail, the report's `held` says which, and no notice of the run is sent.
    """
    clock = make_clock(app.folder.shop.zone, as_of, ahead=dry_run)
    if dry_run:
        return await _dry_run(app, clock.snapshot(app.context), limit, progress)
    if as_of is None:
        await asyncio.to_thread(check_clock, app.context, clock.as_of)

    async with track_run(app, LATE_ORDERS, clock) as (context, report):
        if import_first:
            await run_task(import_data, app, context, report, progress)
            log_sentences(import_sentences(report))
        if as_of is None:
            await asyncio.to_thread(check_data_date, context)
        breaches = await run_task(check_data, context, accepted_orders(report.imported))

        if not breaches:
            if import_first:
                allocated, _ = await run_allocate(app, as_of, progress=progress)
                await asyncio.to_thread(_note_changes, context, report, allocated)
            await run_task(learn_changed, context)
            await evaluate(app, context, report, limit, progress)
            breaches = await run_task(check_run, context)

        report.held = {breach.name: breach.sentence for breach in breaches}
        await asyncio.to_thread(_count_orders, app, report)
        recent = (context.as_of - timedelta(days=1), context.as_of)
        await asyncio.to_thread(count_days, context, recent, clock.now())
        await asyncio.to_thread(_count_results, context, clock.now())
        plans = report.plans
        story = evaluation_story(LATE_ORDERS, report, app.context.policy)
        report.plans = []
    page = summary(report, app.folder.shop.name, app.context.policy)
    await publish_artifact(app, LATE_ORDERS, page, page_rows(plans), "Late orders", run=context.run_id)
    await tell_story(app, story)
    emit_shop_event(app, RUN_COMPLETED, story.message, run=context)
    return report


def import_data(app: App, context: Context, report: Report, progress: Progress) -> None:
    """Import the shop's data, and fill a report with what was read."""
    files = source_state(app.settings, app.folder)
    with app.source() as source:
        counts = import_all(
            app.context.engine, source, context.as_of, app.rejects, progress=progress, erasure_key=context.erasure_key
        )
        report.excluded = {excluded.reason: excluded.count for excluded in source.excluded()}
    if files is not None:
        with context.engine.begin() as connection:
            note_imported_files(connection, files)
    report.imported = {table: asdict(stats) for table, stats in counts.items()}
    report.missing = list(counts.missing)
    if any(stats.rejected for stats in counts.values()):
        report.rejects = str(app.rejects)


def _note_changes(context: Context, report: Report, allocated: Report) -> None:
    """Record that the import or the allocation changed facts, if they did."""
    rows = sum(stats[name] for stats in report.imported.values() for name in ("inserted", "updated", "removed"))
    if rows or sum(allocated.dates.values()):
        with context.engine.begin() as connection:
            note_changed_facts(connection, context.started_at)


async def _dry_run(app: App, context: Context, limit: int | None, progress: Progress) -> Report:
    """Report what a run would do without writing anything; raises BadShop when no message is in the shop's language."""
    if missing := app.context.renderer.missing_shop_language([bucket.words for bucket in app.context.policy.bucket]):
        raise BadShop(missing)
    # Of a day to come the data are not known yet: only the notices are checked.
    with_data = context.as_of <= make_clock(app.folder.shop.zone, None).as_of

    show_orders = partial(progress, "orders")
    result = await run_task(
        evaluate_without_writing, context, batch=app.settings.batch_size, limit=limit, progress=show_orders
    )
    breaches = await run_task(
        preview_breaches, context, result.summary, result.orders.total(), check_current_data=with_data
    )

    report = Report(as_of=context.as_of, dry_run=True)
    report.held = {breach.name: breach.sentence for breach in breaches}
    fill_evaluation(report, result.summary)
    fill_orders(report, result.orders, app.context.policy)
    page = summary(report, app.folder.shop.name, app.context.policy)
    await publish_artifact(app, LATE_ORDERS, page, page_rows(report.plans), "Dry run")
    await tell_story(app, evaluation_story("dry run of late-orders", report, app.context.policy))
    return report


def _count_results(context: Context, now: datetime) -> None:
    count_results(context, result_days_to_count(context, context.as_of, recent_days=1), now)


def _count_orders(app: App, report: Report) -> None:
    with read_only(app.context.engine) as connection:
        fill_orders(report, count_orders_by_bucket(connection), app.context.policy)
