"""Tell the shop's webhook what customers chose, as a part of a deliver run."""

import asyncio

from app.clock import Clock
from app.composition import App
from app.prefect_tasks import run_task
from app.webhook import open_webhook, webhook_problem
from channels.webhook import PARALLEL
from models.run_report import Report
from models.webhooks import WEBHOOK
from tasks.context import Context
from tasks.customers.webhook_delivery import WebhookWorker, is_webhook_due, send_webhook_events
from tasks.db.sql import read_only


async def deliver_webhook_events(app: App, context: Context, time: Clock, report: Report) -> None:
    """Send the webhook events that are due, if a webhook is set, and report how they ended."""
    if not await asyncio.to_thread(_is_due, app, time):
        return
    async with open_webhook(app.settings) as transport:
        if transport is None:
            report.down[WEBHOOK] = webhook_problem(app.settings)
            return
        worker = WebhookWorker(app.lease_holder, transport, min(app.settings.concurrency, PARALLEL), time.now)
        report.webhooks = (await run_task(send_webhook_events, context, worker)).by_outcome


def _is_due(app: App, time: Clock) -> bool:
    if not app.context.has_webhook:
        return False
    with read_only(app.context.engine) as connection:
        return is_webhook_due(connection, time.now())
