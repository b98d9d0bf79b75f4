"""Find the orders that are newly late, decide what to say, and write down what is owed."""

import asyncio
from dataclasses import asdict
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated

from prefect import flow
from pydantic import Field

from app.clock import make_clock
from app.composition import App, open_app
from app.evaluation import Evaluate, evaluate_in_shards, evaluate_shard
from app.ledger import CreateLedger
from app.prefect_tasks import publish_artifact, rename_flow_run, run_task
from app.reports import run as showing
from app.run_tracking import flow_result, flow_run_name, track_run
from flows.allocate import run_allocate
from models.batches import Progress, no_progress
from models.errors import BadShop
from models.policy.policy import Policy
from models.run_report import Report
from tasks.context import Context
from tasks.db.counters import count_orders_by_bucket
from tasks.db.sharding import MAX_SHARDS
from tasks.db.sql import read_only
from tasks.guardrails.check import accepted_orders, check_data, check_run, preview_breaches
from tasks.guardrails.run_days import check_clock, check_data_date
from tasks.imports.load import import_all
from tasks.reporting.dry_run import dry_run
from tasks.runs.records import LATE_ORDERS


@flow(name=LATE_ORDERS, flow_run_name=flow_run_name, retries=0, validate_parameters=True)
async def late_orders(
    shop: str | None = None,
    policy: Policy | None = None,
    as_of: date | None = None,
    *,
    data: str | None = None,
    take_in: bool = True,
    dry_run: bool = False,
    limit: int | None = None,
    shards: Annotated[int, Field(ge=1, le=MAX_SHARDS)] = 1,
) -> Report:
    """Tell the ledger who must be told of a late order; `deliver` then tells them.

    Args:
        shop: the shop's folder; FOREWARN_SHOP where none is given.
        policy: another policy than the shop's own `policy.toml`, for this run.
        as_of: the day to live; today where none is given.
        data: where the shop's files lie, if not where its shop.toml says.
        take_in: whether to take the shop's facts in first, and to allocate what there is by them.
        dry_run: stop after deciding, and write nothing.
        limit: tell at most so many orders; the others stay due.
        shards: into how many runs of `late-orders-shard` to cut the deciding; 1 decides here. A dry run is never cut.

    """
    decide = partial(evaluate_in_shards, shop=shop, shards=shards) if shards > 1 else evaluate_shard
    begin = CreateLedger.NEVER if dry_run else CreateLedger.AT_HOME
    with open_app(shop, policy, data=Path(data) if data else None, begin=begin) as app:
        report = await run_late_orders(app, as_of, take_in=take_in, dry_run=dry_run, limit=limit, decide=decide)
    return flow_result(report)


async def run_late_orders(
    app: App,
    as_of: date | None = None,
    *,
    take_in: bool = False,
    dry_run: bool = False,
    limit: int | None = None,
    progress: Progress = no_progress,
    decide: Evaluate = evaluate_shard,
) -> Report:
    """Live one day of a shop: gather its facts, decide, and owe.

    Facts that were just taken in are allocated first: no date is told that they made untrue.
    """
    time = make_clock(app.folder.shop.zone, as_of, ahead=dry_run)
    if dry_run:
        ahead = time.as_of > make_clock(app.folder.shop.zone, None).as_of
        return await _dry_run(app, time.snapshot(app.context), limit, progress, facts=not ahead)
    if as_of is None:
        await asyncio.to_thread(check_clock, app.context, time.as_of)
    async with track_run(app, LATE_ORDERS, time) as (context, report):
        if take_in:
            await run_task(import_data, app, context, report, progress)
        if as_of is None:
            await asyncio.to_thread(check_data_date, context)
        passed = await run_task(check_data, context, accepted_orders(report.imported))

        if not passed:
            if take_in:
                await run_allocate(app, as_of, progress=progress)
            await decide(app, context, report, limit, progress)
            passed = await run_task(check_run, context)
        report.held = {one.name: one.sentence for one in passed}

        await asyncio.to_thread(_count, app, report)
        plans, report.plans = report.plans, []
    await publish_artifact(LATE_ORDERS, showing.summary(report, app.folder.shop.name), plans, "Late orders")
    await rename_flow_run(showing.headline(LATE_ORDERS, report))
    return report


def import_data(app: App, context: Context, report: Report, progress: Progress) -> None:
    """Take the shop's facts in, and count them in a report."""
    with app.source() as source:
        counts = import_all(app.context.engine, source, context.as_of, app.rejects, progress=progress)
        report.left_out = {one.reason: one.count for one in source.left_out()}
    report.imported = {table: asdict(one) for table, one in counts.items()}
    report.missing = list(counts.missing)
    if any(one.refused for one in counts.values()):
        report.rejects = str(app.rejects)


async def _dry_run(app: App, context: Context, limit: int | None, progress: Progress, *, facts: bool) -> Report:
    if mute := app.context.renderer.missing_shop_language([bucket.words for bucket in app.context.policy.bucket]):
        raise BadShop(mute)
    shown = partial(progress, "orders")
    found = await run_task(dry_run, context, batch=app.settings.batch_size, limit=limit, progress=shown)
    breaches = await run_task(preview_breaches, context, found.looked, found.orders.total(), facts=facts)
    report = Report(as_of=context.as_of, dry_run=True)
    report.held = {one.name: one.sentence for one in breaches}
    showing.fill_evaluation(report, found.looked)
    showing.fill_orders(report, found.orders, app.context.policy)
    await publish_artifact(LATE_ORDERS, showing.summary(report, app.folder.shop.name), report.plans, "Dry run")
    return report


def _count(app: App, report: Report) -> None:
    with read_only(app.context.engine) as connection:
        showing.fill_orders(report, count_orders_by_bucket(connection), app.context.policy)
