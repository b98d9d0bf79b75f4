"""Hand over what is owed, until nothing is due."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import date

from prefect import flow
from prefect.states import Completed
from sqlalchemy import func, select

from app.clock import Clock, make_clock
from app.composition import App, open_app
from app.live_channels import channels_not_live
from app.prefect_tasks import publish_artifact, rename_flow_run, run_task
from app.reports import run as showing
from app.run_tracking import flow_run_name, track_run
from app.transports import open_transports
from models.batches import Progress, no_progress
from models.enums import Channel, State
from models.errors import ForewarnError
from models.run_report import Report
from tasks.context import Context
from tasks.db.sql import read_only
from tasks.delivery.circuit_breaker import open_breakers
from tasks.delivery.fallback import FallbackSummary, send_fallbacks
from tasks.delivery.reconcile import reconcile_in_doubt
from tasks.delivery.worker import TABLES, DeliverySummary, DeliveryWorker, deliver_batch, mark_abandoned
from tasks.guardrails.run_days import check_clock
from tasks.runs.records import LATE_ORDERS, check_not_before, last_run_date

DELIVER = "deliver"
IDLE_POLL_SECONDS, IDLE_POLLS = 30, 600
"""Seconds until a channel that has nothing due looks again while others send, and how often it asks if they do."""


@flow(name=DELIVER, flow_run_name=flow_run_name, retries=0)
async def deliver(shop: str | None = None, as_of: date | None = None) -> Report:
    """Send the notices and posts that are due, each once.

    Args:
        shop: the shop's folder; FOREWARN_SHOP where none is given.
        as_of: the day to live; today where none is given.

    """
    with open_app(shop) as app:
        report = await run_deliver(app, as_of)
    if report.down:
        raise ForewarnError("; ".join(f"{channel} is down: {why}" for channel, why in report.down.items()))
    if report.not_live:
        message = "; ".join(report.not_live.values())
        return Completed(name="Not live", message=message, data=report)  # type: ignore[return-value] # callers get its data
    return report


def check_day(app: App, as_of: date | None) -> None:
    """Refuse a day on which nothing may leave: one before the last that was lived, or a clock far ahead of it."""
    today = make_clock(app.folder.shop.zone, as_of).as_of
    # A clock behind that of other workers would let them take what is under way here for abandoned.
    check_not_before(LATE_ORDERS, last_run_date(app.context.engine), today, f"nothing can be sent on {today} any more")
    if as_of is None:
        check_clock(app.context, today)


async def run_deliver(
    app: App,
    as_of: date | None = None,
    *,
    only_run: str | None = None,
    progress: Progress = no_progress,
) -> Report:
    """Claim, send and settle batch after batch; a channel that is down is left alone for the rest of the run.

    By a provider nothing leaves before somebody let its channel go live, but for what `only_run` recorded.
    """
    time = make_clock(app.folder.shop.zone, as_of)
    await asyncio.to_thread(check_day, app, as_of)
    async with track_run(app, DELIVER, time) as (context, report):
        not_live = {} if only_run else await asyncio.to_thread(channels_not_live, app)
        async with open_transports(app, time.now, not_live) as (doors, shut):
            crew = DeliveryWorker(app.worker, doors, app.settings.concurrency, time.now, only_run)
            delivered = DeliverySummary(in_doubt=await run_task(mark_abandoned, context, crew))
            settled = await run_task(reconcile_in_doubt, context, crew)
            followed: FallbackSummary | None = FallbackSummary(0, 0)
            while followed is not None:
                await send_on_all_channels(app, context, time, crew, delivered, progress)
                today = replace(context, as_of=time.day())
                followed = await run_task(send_fallbacks, today, crew.worker.name, batch=app.settings.batch_size)
                report.unreachable += followed.unreachable if followed else 0

        waiting = await asyncio.to_thread(_count_queued, app)
        report.waiting = sum(waiting.values())
        showing.fill_delivery(report, delivered)
        report.settled = dict(settled)
        closed = await asyncio.to_thread(_open_breakers, app)
        waits = {channel: why for channel, why in (shut | closed).items() if waiting[channel]}
        report.not_live = {channel: not_live[channel] for channel in waits.keys() & not_live.keys()}
        report.down |= {channel: why for channel, why in waits.items() if channel not in not_live}
    if settled or delivered != DeliverySummary():
        await publish_artifact(DELIVER, showing.summary(report, app.folder.shop.name), title="Deliveries")
        await rename_flow_run(showing.headline(DELIVER, report))
    return report


async def send_on_all_channels(
    app: App,
    context: Context,
    time: Clock,
    crew: DeliveryWorker,
    delivered: DeliverySummary,
    progress: Progress,
) -> None:
    """Send batch after batch on every channel at its own pace; one that is done looks again while others send."""
    busy = set(crew.doors)

    async def send_by(channel: Channel) -> None:
        alone = replace(crew, doors={channel: crew.doors[channel]})
        try:
            while busy:
                today, down = replace(context, as_of=time.day()), tuple(delivered.down)
                batch = await run_task(deliver_batch, today, alone, batch=app.settings.batch_size, down=down)
                if batch is not None:
                    busy.add(channel)
                    delivered.add(batch)
                    progress("messages", sum(delivered.sent.values()))
                    continue
                busy.discard(channel)
                for _ in range(IDLE_POLLS):
                    if busy:
                        await asyncio.sleep(IDLE_POLL_SECONDS / IDLE_POLLS)
        finally:
            busy.discard(channel)

    ended = await asyncio.gather(*map(send_by, crew.doors), return_exceptions=True)
    for error in filter(None, ended):
        raise error


def _open_breakers(app: App) -> dict[str, str]:
    with read_only(app.context.engine) as connection:
        gates = open_breakers(connection)
    return {channel: f"{gate['reason']} (tried again {gate['retry_at']:%H:%M} UTC)" for channel, gate in gates.items()}


def _count_queued(app: App) -> Counter[str]:
    with read_only(app.context.engine) as connection:
        found: Counter[str] = Counter()
        for table in TABLES:
            queued = select(table.c.channel, func.count()).where(table.c.state == State.QUEUED)
            found += Counter(dict(connection.execute(queued.group_by(table.c.channel)).all()))
    return found
