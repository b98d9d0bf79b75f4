"""Decide about one shard of a run's orders, on whatever worker has room."""

import asyncio

from prefect import flow

from app.clock import make_clock
from app.composition import open_app
from app.evaluation import evaluate_shard
from app.prefect_tasks import rename_flow_run, run_task
from app.reports.run import headline
from models.batches import no_progress
from models.policy.policy import Policy
from models.run_report import Report
from tasks.db.sharding import Shard
from tasks.runs.records import LATE_ORDERS_SHARD, finish_shard, join_run_as_shard


@flow(name=LATE_ORDERS_SHARD, retries=0, validate_parameters=True)
async def late_orders_shard(
    run: str,
    shard: int,
    shards: int,
    shop: str | None = None,
    policy: Policy | None = None,
    limit: int | None = None,
) -> Report:
    """Find and owe one part of what a run of `late-orders` finds; that run starts this, judges it, and reports.

    Args:
        run: id of the run in the ledger.
        shard: which part of its orders, counted from 1.
        shards: how many parts there are.
        shop: the shop's folder; FOREWARN_SHOP where none is given.
        policy: the policy by which the run decides; the shop's own `policy.toml` where none is given.
        limit: tell at most so many orders; the others stay due.

    """
    with open_app(shop, policy) as app:
        part = Shard(shard, shards)
        context = await run_task(join_run_as_shard, app.context, run, shard)
        time = make_clock(app.folder.shop.zone, context.as_of)
        state, report = "failed", Report(run=run, as_of=context.as_of)
        try:
            await evaluate_shard(app, context, report, limit, no_progress, shard=part)
            state = "done"
        finally:
            kept = report.model_dump(mode="json")
            await asyncio.to_thread(finish_shard, context, shard, time.now(), state, kept)
    await rename_flow_run(f"{headline('late-orders', report)}, {part}")
    return report
