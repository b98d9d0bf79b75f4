"""Decide about every order that is due, here or in shards on other workers, and tell what came of it."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from prefect.deployments import arun_deployment
from prefect.exceptions import ObjectNotFound

from app.composition import App
from app.prefect_tasks import run_task
from app.reports import run as showing
from models.batches import Progress
from models.errors import ForewarnError
from models.run_report import Report
from tasks.context import Context
from tasks.db.sharding import ALL, Shard
from tasks.notices.evaluate import MAX_PLANS_SHOWN, EvaluationSummary, evaluate_page
from tasks.offers.substitute_stock import SubstituteStock
from tasks.runs.records import LATE_ORDERS_SHARD, shard_reports

Evaluate = Callable[[App, Context, Report, int | None, Progress], Awaitable[None]]
"""Decides for a run, telling at most so many orders, and fills its report; `plans` are the first SHOWN of them."""
SHARD_TIMEOUT_SECONDS = 3600
"""Seconds within which a shard must have ended."""
POLL_SECONDS = 2
SUMMED_FIELDS = ("changes", "notices", "skipped", "offers", "fallbacks")


async def evaluate_shard(
    app: App, context: Context, report: Report, limit: int | None, progress: Progress, *, shard: Shard = ALL
) -> None:
    """Look at page after page of a shard's orders, and owe."""
    looked, after, shelves = EvaluationSummary(), None, SubstituteStock()
    while True:
        left = None if limit is None else limit - sum(looked.changes.values())
        page = await run_task(
            evaluate_page, context, shelves, after, batch=app.settings.batch_size, limit=left, shard=shard
        )
        looked.add(page.looked)
        progress("orders", looked.orders)
        if page.last is None:
            break
        after = page.last
    showing.fill_evaluation(report, looked)
    report.fallbacks = dict(app.context.renderer.fallbacks)


@dataclass(frozen=True, slots=True)
class ShardResult:
    """How the run of a shard ended."""

    well: bool
    how: str = ""


Start = Callable[[dict[str, Any]], Awaitable[ShardResult]]
"""Starts a run of `late-orders-shard` with these parameters, and returns when it has ended."""


async def start_shard_run(asked: dict[str, Any]) -> ShardResult:
    """Start a shard's run on whatever worker has room; raises ForewarnError where it is not deployed."""
    try:
        run = await arun_deployment(
            f"{LATE_ORDERS_SHARD}/{LATE_ORDERS_SHARD}",
            parameters=asked,
            timeout=SHARD_TIMEOUT_SECONDS,
            poll_interval=POLL_SECONDS,
        )
    except ObjectNotFound as error:
        raise ForewarnError(
            f"{LATE_ORDERS_SHARD} is not deployed: `prefect deploy --all`, or run with one shard"
        ) from error
    state = run.state
    if state is None or not state.is_final():
        return ShardResult(
            well=False, how=f"did not end within {SHARD_TIMEOUT_SECONDS // 60} minutes: has a worker a free slot?"
        )
    return ShardResult(state.is_completed(), f"ended as {state.name}" + (f": {state.message}" if state.message else ""))


async def evaluate_in_shards(
    app: App,
    context: Context,
    report: Report,
    limit: int | None,
    _: Progress,
    *,
    shop: str | None,
    shards: int,
    start: Start = start_shard_run,
) -> None:
    """Start a run of `late-orders-shard` for each part of the orders, wait for all, and add up what they reported.

    `shop` is named to them as this run was told it. Raises ForewarnError where a shard did not end well: what was
    owed stays held, and is judged with the next run's.
    """
    asked = {"run": context.run_id, "shop": shop, "policy": app.context.policy.model_dump(mode="json")}
    cut = [Shard(number, shards) for number in range(1, shards + 1)]
    each = [asked | {"shard": one.number, "shards": one.of, "limit": one.of_limit(limit)} for one in cut]
    ended = await asyncio.gather(*map(start, each))
    if failed := [f"{one} {end.how}" for one, end in zip(cut, ended, strict=True) if not end.well]:
        raise ForewarnError(f"{'; '.join(failed)}. Nothing of this run leaves before the next one has judged it")
    found = await asyncio.to_thread(shard_reports, app.context.engine, context.run_id)
    merge_reports(report, [Report.model_validate(one) for one in found])


def merge_reports(report: Report, shards: Sequence[Report]) -> None:
    """Put into the report of a run what its shards reported."""
    for name in SUMMED_FIELDS:
        counts: Counter[str] = Counter()
        for one in shards:
            counts.update(getattr(one, name))
        setattr(report, name, dict(counts))
    report.limited = sum(one.limited for one in shards)
    report.over_cap = sum(one.over_cap for one in shards)
    report.problems = [problem for one in shards for problem in one.problems]
    report.plans = [plan for one in shards for plan in one.plans][:MAX_PLANS_SHOWN]
