"""Work off what providers told, as a part of a deliver run, and ask about what they did not tell."""

import asyncio
from collections import Counter
from datetime import datetime

from app.clock import Clock
from app.prefect_tasks import run_task
from channels.transport import ReportLookup
from models.run_report import Report
from tasks.callbacks.apply import apply_callbacks, is_callback_due
from tasks.callbacks.ask import ask_for_reports, may_ask
from tasks.context import Context
from tasks.db.sql import read_only
from tasks.delivery.worker import DeliveryWorker


async def work_off_callbacks(context: Context, time: Clock, who: str, report: Report) -> None:
    """Work off the callbacks that are due, and add to the report how many had each effect."""
    if await asyncio.to_thread(_is_due, context, time):
        report.callbacks = dict(Counter(report.callbacks) + await run_task(apply_callbacks, context, time.now, who))


async def ask_about_the_rest(context: Context, worker: DeliveryWorker) -> None:
    """Ask providers about messages that no callback told about; what they say is worked off as a callback."""
    is_asked = any(isinstance(transport, ReportLookup) for transport in worker.transports.values())
    if is_asked and await asyncio.to_thread(_may_ask, context, worker.clock()):
        await run_task(ask_for_reports, context, worker)


def _may_ask(context: Context, now: datetime) -> bool:
    if not context.policy.in_doubt.report_after_minutes:
        return False
    with read_only(context.engine) as connection:
        return may_ask(connection, now)


def _is_due(context: Context, time: Clock) -> bool:
    with read_only(context.engine) as connection:
        return is_callback_due(connection, time.now())
