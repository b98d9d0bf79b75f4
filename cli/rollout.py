"""Switch a shop from a trial to live: preview who would be notified, then notify them, skip them, or hold all."""

import asyncio
from datetime import date
from functools import partial

from app.clock import make_clock
from app.composition import App
from app.reports import run as showing
from app.run_tracking import track_run
from app.transports import missing_credentials, reaches_customers
from cli.run_day import merge_reports
from flows.deliver import check_day, run_deliver
from models.batches import Progress, no_progress
from models.errors import ForewarnError
from models.run_report import Report
from rules.going_live import RolloutFilter, RolloutPreview
from tasks.context import Context
from tasks.db.counters import count_orders_by_bucket
from tasks.db.sql import read_only
from tasks.going_live.rollout import (
    count_trial_notices,
    leave_delays_untold,
    plan_rollout,
    record_delays,
    set_live,
    set_supervision,
    withdraw_trial,
)
from tasks.guardrails.run_days import check_data_date

GO_LIVE = "go-live"
HELD_FOR_STAFF = "--hold-all: the notices wait for a person"


def preview_rollout(
    app: App, rollout_filter: RolloutFilter, as_of: date | None = None, *, progress: Progress = no_progress
) -> RolloutPreview:
    """Return who would be notified. Raises ForewarnError if no provider is set or one of its settings is missing."""
    providers = reaches_customers(app.settings)
    if not providers:
        raise ForewarnError(
            "no channel would reach customers: set FOREWARN_EMAIL to sendgrid or smtp, or FOREWARN_SMS=twilio, and no "
            "redirect or sandbox"
        )
    for kind in providers.values():
        if missing := missing_credentials(app.settings, kind, app.folder.shop.sender):
            raise ForewarnError(f"{kind} needs {' and '.join(missing)} in the environment")
    check_day(app, as_of)
    context = make_clock(app.folder.shop.zone, as_of).snapshot(app.context)
    rollout = plan_rollout(
        context, rollout_filter, batch=app.settings.batch_size, progress=lambda n: progress("orders evaluated", n)
    )
    with read_only(app.context.engine) as connection:
        return RolloutPreview(providers, rollout, count_trial_notices(connection))


async def run_go_live(
    app: App,
    preview: RolloutPreview,
    rollout_filter: RolloutFilter,
    who: str,
    *,
    hold_all: bool = False,
    as_of: date | None = None,
    progress: Progress = no_progress,
) -> Report:
    """Notify the customers of a preview, and set the channels live.

    With a limit or a list of addresses, only these orders are notified and the channels are not set live. With
    `hold_all`, all notices wait for a person, also those of later runs. If it is interrupted, it can be started again:
    no customer is notified twice. Raises ForewarnError on a day on which nothing may be sent.
    """
    time = make_clock(app.folder.shop.zone, as_of)
    await asyncio.to_thread(check_day, app, as_of)
    async with track_run(app, GO_LIVE, time) as (context, report):
        if as_of is None:
            await asyncio.to_thread(check_data_date, context)
        if hold_all:
            await asyncio.to_thread(_supervise, app, context, who)
        await asyncio.to_thread(withdraw_trial, context, who, preview.rollout.tell if rollout_filter.partial else None)
        if not rollout_filter.partial:
            await asyncio.to_thread(leave_delays_untold, context, who, preview.rollout.untold)
        count = partial(progress, "orders told")
        summary = await asyncio.to_thread(
            partial(record_delays, context, preview.rollout.tell, hold=hold_all, progress=count)
        )
        if not rollout_filter.partial:
            await asyncio.to_thread(set_live, context, list(preview.providers), who)
        showing.fill_evaluation(report, summary)
        await asyncio.to_thread(_count, app, report)
        report.plans = []
        if hold_all and summary.notified:
            report.held = {"supervision": HELD_FOR_STAFF}
    if report.held:
        return report
    sent = await run_deliver(app, as_of, only_run=context.run_id if rollout_filter.partial else None, progress=progress)
    return merge_reports(report, sent)


def _supervise(app: App, context: Context, who: str) -> None:
    with app.context.engine.begin() as connection:
        set_supervision(connection, context.started_at, who, on=True)


def _count(app: App, report: Report) -> None:
    with read_only(app.context.engine) as connection:
        showing.fill_orders(report, count_orders_by_bucket(connection), app.context.policy)
