"""Work off what providers told, as a part of a deliver run."""

import asyncio
from collections import Counter

from app.clock import Clock
from app.prefect_tasks import run_task
from models.run_report import Report
from tasks.callbacks.apply import apply_callbacks, is_callback_due
from tasks.context import Context
from tasks.db.sql import read_only


async def work_off_callbacks(context: Context, time: Clock, who: str, report: Report) -> None:
    """Work off the callbacks that are due, and add to the report how many had each effect."""
    if await asyncio.to_thread(_is_due, context, time):
        report.callbacks = dict(Counter(report.callbacks) + await run_task(apply_callbacks, context, time.now, who))


def _is_due(context: Context, time: Clock) -> bool:
    with read_only(context.engine) as connection:
        return is_callback_due(connection, time.now())
