"""The flow `deliver`: send the notices and posts that are due."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import partial

from prefect import flow
from prefect.runtime import deployment

from app.alert_watch import AlertWatch
from app.callback_delivery import ask_about_the_rest, work_off_callbacks
from app.channel_loops import finish_all, send_on_all_channels
from app.check_starts import CheckStarts
from app.clock import Clock, make_clock
from app.composition import App, open_app
from app.delivery_watch import DeliveryWatch
from app.deployed_flows import start_run_of
from app.live_channels import channels_not_live
from app.prefect_page import as_state, emit_shop_event, log_sentences, publish_artifact, rename_flow_run, tell_story
from app.prefect_tasks import run_task
from app.reports import run as run_report
from app.reports.deliveries import did_anything
from app.reports.story import delivery_story
from app.run_tracking import flow_run_name, track_run
from app.transports import open_transports
from app.webhook_delivery import deliver_webhook_events
from models.alerts import Alert
from models.batches import Progress, no_progress
from models.errors import ForewarnError
from models.run_report import Report
from tasks.context import Context
from tasks.db.sql import read_only
from tasks.delivery.circuit_breaker import open_breakers
from tasks.delivery.fallback import send_fallbacks
from tasks.delivery.in_doubt import STAFF
from tasks.delivery.queue import count_queued
from tasks.delivery.reconcile import reconcile_in_doubt
from tasks.delivery.summary import DeliverySummary
from tasks.delivery.worker import DeliveryWorker, mark_abandoned
from tasks.guardrails.run_days import check_clock
from tasks.runs.records import LATE_ORDERS, check_not_before, last_end_before, last_run_date

DELIVER = "deliver"


@flow(name=DELIVER, flow_run_name=flow_run_name, retries=0)
async def deliver(shop: str | None = None, as_of: date | None = None, watch_minutes: float = 0) -> Report:
    """Send the notices and posts that are due, each once.

    Args:
        shop: the shop's folder; FOREWARN_SHOP where none is given.
        as_of: the day to run for; today where none is given.
        watch_minutes: how long to stay and send what becomes due, unless a later run takes over; 0 sends once.

    """
    if watch_minutes:
        report = await _watch(shop, as_of, watch_minutes)
    else:
        with open_app(shop) as app:
            report = await run_deliver(app, as_of)
    if report.down:
        raise ForewarnError("; ".join(f"{channel} is down: {why}" for channel, why in report.down.items()))
    return as_state(report, delivery_story(DELIVER, report))  # type: ignore[no-any-return] # callers get its data


async def _watch(shop: str | None, as_of: date | None, minutes: float) -> Report:
    """Deliver at once and then whenever something is due; return the report of all deliveries."""
    if as_of is not None:
        raise ForewarnError("watch_minutes sends what becomes due today: leave it at 0 to run for another day")
    watch = DeliveryWatch(run_deliver, ends_at=time.monotonic() + 60 * minutes, takes_turns=True)

    async def rename(latest: Report) -> None:
        if watch.report is not None and did_anything(latest):
            await rename_flow_run(delivery_story(DELIVER, watch.report).name)

    watch.on_delivery = rename
    if deployment.name:
        starts, alerts = CheckStarts(partial(_start_flow, shop)), AlertWatch()

        async def look(app: App) -> None:
            await starts.look(app)
            await alerts.look(app)

        watch.on_look = look
    return await watch.run(shop)


async def _start_flow(shop: str | None, flow: str, why: str) -> None:
    await start_run_of(flow, {"shop": shop} if shop else {})
    log_sentences([f"Started {flow}: {why}."])


def check_day(app: App, as_of: date | None) -> None:
    """Refuse a day before the last run's, and a clock far ahead of it; raises ForewarnError."""
    today = make_clock(app.folder.shop.zone, as_of).as_of
    # A clock behind other workers' clocks would take their messages in flight for abandoned ones.
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
    """Send due messages until none is left; a channel that is down is skipped for the rest of the run.

    A provider gets no message before its channel is live, except those that the run `only_run` recorded.
    """
    time = make_clock(app.folder.shop.zone, as_of)
    await asyncio.to_thread(check_day, app, as_of)
    async with track_run(app, DELIVER, time) as (context, report):
        not_live = {} if only_run else await asyncio.to_thread(channels_not_live, app)
        async with open_transports(app, time.now, not_live) as (transports, closed):
            worker = DeliveryWorker(
                app.lease_holder,
                transports,
                app.settings.concurrency,
                time.now,
                only_run,
                app.settings.claim_ahead,
            )
            summary = DeliverySummary(in_doubt=await run_task(mark_abandoned, context, worker))
            await ask_about_the_rest(context, worker)
            await work_off_callbacks(context, time, worker.lease_holder.name, report)
            resolved = await run_task(reconcile_in_doubt, context, worker)

            webhooks = None if only_run else deliver_webhook_events(app, context, time, report)
            await finish_all(_send_messages(app, context, worker, time, summary, report, progress), webhooks)

        report.settled = dict(resolved)
        run_report.fill_delivery(report, summary)
        stopped = await asyncio.to_thread(_fill_waiting, app, context, report, closed, not_live)
    if resolved or summary or report.webhooks or report.callbacks:
        page = run_report.summary(report, app.folder.shop.name, app.context.policy)
        await publish_artifact(app, DELIVER, page, title="Deliveries", run=context.run_id)
        await tell_story(app, delivery_story(DELIVER, report))
    _emit_alerts(app, context, report, stopped)
    return report


def _emit_alerts(app: App, context: Context, report: Report, stopped: Mapping[str, str]) -> None:
    """Tell Prefect's automations of channels that have stopped since the last delivery, and of new work for staff."""
    for channel, reason in stopped.items():
        sentence = f"Nothing is sent by {channel}: {reason}"
        emit_shop_event(app, Alert.CHANNEL_STOPPED.event, sentence, run=context)
    if doubts := report.settled.get(STAFF, 0):
        sentence = f"{doubts:,} messages may or may not have left, and no provider can tell any more: staff must look"
        emit_shop_event(app, Alert.IN_DOUBT.event, sentence, run=context, number=doubts)


async def _send_messages(
    app: App,
    context: Context,
    worker: DeliveryWorker,
    time: Clock,
    summary: DeliverySummary,
    report: Report,
    progress: Progress,
) -> None:
    """Send what is due on all channels, and then failed notices by their customers' next channels, until all is.

    What providers tell meanwhile is worked off between: a notice that bounced is one that failed.
    """
    more_to_send = True
    while more_to_send:
        await send_on_all_channels(context, worker, summary, progress)
        today = replace(context, as_of=time.day())
        await work_off_callbacks(today, time, worker.lease_holder.name, report)
        fallbacks = await run_task(send_fallbacks, today, worker.lease_holder.name, batch=app.settings.batch_size)
        more_to_send = fallbacks is not None
        report.unreachable += fallbacks.unreachable if fallbacks else 0


def _fill_waiting(
    app: App, context: Context, report: Report, closed: Mapping[str, str], not_live: Mapping[str, str]
) -> dict[str, str]:
    """Report how many messages are still queued, and by which channels they cannot be sent, with the reasons.

    Return the reasons of the channels that have stopped since the delivery before.
    """
    with read_only(app.context.engine) as connection:
        queued = count_queued(connection)
        states = open_breakers(connection)
        breakers = {
            channel: f"{state['reason']} (tried again {state['retry_at']:%H:%M} UTC)"
            for channel, state in states.items()
        }
        since = last_end_before(connection, DELIVER, context.started_at) if states else None
    report.waiting = sum(queued.values())
    blocked = {channel: reason for channel, reason in {**closed, **breakers}.items() if queued[channel]}
    report.not_live = {channel: not_live[channel] for channel in blocked.keys() & not_live.keys()}
    report.down |= {channel: reason for channel, reason in blocked.items() if channel not in not_live}
    return {name: breakers[name] for name, state in states.items() if since is None or state["tripped_at"] > since}
