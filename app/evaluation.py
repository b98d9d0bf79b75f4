"""Evaluate the orders that are due, here or in shards on other workers, and report what was decided."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from prefect.deployments import arun_deployment
from prefect.exceptions import ObjectNotFound
from prefect.runtime import deployment

from app.composition import App
from app.deployed_flows import name_beside
from app.prefect_tasks import run_task
from app.reports.run import fill_evaluation
from models.batches import Progress
from models.errors import ForewarnError
from models.run_report import Report
from tasks.context import Context
from tasks.db.sharding import ALL, Shard
from tasks.notices.evaluate import evaluate_page
from tasks.notices.summary import MAX_PLANS_SHOWN, EvaluationSummary
from tasks.offers.substitute_stock import SubstituteStock
from tasks.runs.records import LATE_ORDERS, LATE_ORDERS_SHARD, shard_reports

Evaluate = Callable[[App, Context, Report, int | None, Progress], Awaitable[None]]
"""Evaluates a run's orders, with notices for at most so many of them (None: no limit), and fills the run's report."""
SHARD_TIMEOUT_SECONDS = 3600
"""Seconds within which a shard must have ended."""
POLL_SECONDS = 2
"""Seconds between two questions to Prefect whether a shard has ended."""
SUMMED_FIELDS = ("changes", "notices", "skipped", "offers", "fallbacks")
"""Fields of the report whose counts of the shards add up."""


async def evaluate_shard(
    app: App, context: Context, report: Report, limit: int | None, progress: Progress, *, shard: Shard = ALL
) -> None:
    """Evaluate a shard's due orders page by page, record the notices, and fill the report."""
    summary = EvaluationSummary()
    substitute_stock = SubstituteStock()
    after = None
    while True:
        remaining = None if limit is None else limit - summary.changes.total()
        page = await run_task(
            evaluate_page,
            context,
            substitute_stock,
            after,
            batch=app.settings.batch_size,
            limit=remaining,
            shard=shard,
        )
        summary.add(page.summary)
        progress("orders", summary.orders)
        if page.last is None:
            break
        after = page.last
    fill_evaluation(report, summary)
    report.fallbacks = dict(app.context.renderer.fallbacks)


@dataclass(frozen=True, slots=True)
class ShardResult:
    """How the run of a shard ended; `reason` is for people, and empty where it completed."""

    completed: bool
    reason: str = ""


StartShard = Callable[[dict[str, Any]], Awaitable[ShardResult]]
"""Starts a run of `late-orders-shard` with these parameters, and returns when it has ended."""


def shard_deployment(mine: str | None) -> str:
    """Return the name of the shards' deployment beside this run's own: of a server's shops each has its own names."""
    return name_beside(mine, LATE_ORDERS, LATE_ORDERS_SHARD)


async def start_shard_run(parameters: dict[str, Any]) -> ShardResult:
    """Start a shard's run on any worker with a free slot, and wait for its end.

    Raises ForewarnError where `late-orders-shard` is not deployed.
    """
    try:
        run = await arun_deployment(
            f"{LATE_ORDERS_SHARD}/{shard_deployment(deployment.name)}",
            parameters=parameters,
            timeout=SHARD_TIMEOUT_SECONDS,
            poll_interval=POLL_SECONDS,
        )
    except ObjectNotFound as error:
        raise ForewarnError(
            f"{LATE_ORDERS_SHARD} is not deployed: `prefect deploy --all`, or run with one shard"
        ) from error
    state = run.state
    if state is None or not state.is_final():
        minutes = SHARD_TIMEOUT_SECONDS // 60
        return ShardResult(completed=False, reason=f"did not end within {minutes} minutes: has a worker a free slot?")
    message = f": {state.message}" if state.message else ""
    return ShardResult(state.is_completed(), f"ended as {state.name}{message}")


async def evaluate_in_shards(
    app: App,
    context: Context,
    report: Report,
    limit: int | None,
    _: Progress,
    *,
    shop: str | None,
    shards: int,
    start: StartShard = start_shard_run,
) -> None:
    """Start a run of `late-orders-shard` for each shard, wait for all of them, and merge their reports.

    `shop` is passed on as the flow run got it. Raises ForewarnError where a shard failed: the notices recorded so far
    stay held, and the next run checks them with its own.
    """
    parameters = {"run": context.run_id, "shop": shop, "policy": app.context.policy.model_dump(mode="json")}
    parts = [Shard(number, shards) for number in range(1, shards + 1)]
    results = await asyncio.gather(
        *(
            start(parameters | {"shard": part.number, "shards": part.of, "limit": part.share_of_limit(limit)})
            for part in parts
        )
    )
    failures = [f"{part} {result.reason}" for part, result in zip(parts, results, strict=True) if not result.completed]
    if failures:
        raise ForewarnError(f"{'; '.join(failures)}. Its notices stay held until the next run has checked them")
    reports = await asyncio.to_thread(shard_reports, app.context.engine, context.run_id)
    merge_shard_reports(report, [Report.model_validate(data) for data in reports])


def merge_shard_reports(report: Report, shards: Sequence[Report]) -> None:
    """Put the sums of the shards' reports into the report of their run."""
    for name in SUMMED_FIELDS:
        counts: Counter[str] = Counter()
        for shard in shards:
            counts.update(getattr(shard, name))
        setattr(report, name, dict(counts))
    report.limited = sum(shard.limited for shard in shards)
    report.over_cap = sum(shard.over_cap for shard in shards)
    report.problems = [problem for shard in shards for problem in shard.problems]
    report.plans = [plan for shard in shards for plan in shard.plans][:MAX_PLANS_SHOWN]
