"""Evaluate one shard of a run's orders, on any worker with a free slot."""

import asyncio

from prefect import flow

from app.clock import make_clock
from app.composition import open_app
from app.evaluation import evaluate_shard
from app.prefect_page import as_state, tell_story
from app.prefect_tasks import run_task
from app.reports.story import evaluation_story
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
    """Record the notices of one shard of a run's orders. The run of `late-orders` starts it, and checks the notices.

    Args:
        run: id of the run in the ledger.
        shard: number of the shard, from 1.
        shards: how many shards the run has.
        shop: the shop's folder; FOREWARN_SHOP by default.
        policy: the policy of the run; the shop's `policy.toml` by default.
        limit: record notices for at most so many orders; the others stay due.

    """
    with open_app(shop, policy) as app:
        context = await run_task(join_run_as_shard, app.context, run, shard)
        clock = make_clock(app.folder.shop.zone, context.as_of)
        this_shard = Shard(shard, shards)

        state, report = "failed", Report(run=run, as_of=context.as_of)
        try:
            await evaluate_shard(app, context, report, limit, no_progress, shard=this_shard)
            state = "done"
        finally:
            data = report.model_dump(mode="json")
            await asyncio.to_thread(finish_shard, context, shard, clock.now(), state, data)
        story = evaluation_story(LATE_ORDERS_SHARD, report, app.context.policy, f", {this_shard}")
        await tell_story(app, story)
    return as_state(report, story)  # type: ignore[no-any-return] # callers get its data
