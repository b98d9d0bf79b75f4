"""Ask providers what became of messages that no callback told about: a callback may be lost, or have no way here."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, exists, or_, select, update

from channels.transport import LookupUnavailable, ReportLookup, TemporaryFailure
from models.callbacks import Callback
from models.enums import Channel, State
from models.policy.messaging import InDoubtPolicy
from tasks.callbacks.append import append_callbacks
from tasks.context import Context
from tasks.db.counters import get_counter, set_counter
from tasks.delivery.kinds import load_messages, message_of
from tasks.delivery.worker import DeliveryWorker
from tasks.tables import OUTBOX

MAX_REPORTS = 1000
"""Messages asked about in one run."""
ASK_EVERY = timedelta(minutes=10)
"""How often it is looked whether any are due: that reads the messages of a day."""
GIVE_UP_AFTER = timedelta(hours=20)
"""The age from which nothing is asked: a text waits at Twilio for ten hours at most."""
ASKED = "reports:asked"
"""The counter of the second since 1970 in which it was last looked."""
Answer = Callback | None | BaseException


def report_due_filter(now: datetime, channels: Iterable[Channel], policy: InDoubtPolicy) -> ColumnElement[bool]:
    """Return the SQL of a message that was sent long enough ago, and of which nothing was told."""
    return and_(
        OUTBOX.c.state == State.SENT,
        OUTBOX.c.settled_at > now - GIVE_UP_AFTER,
        OUTBOX.c.settled_at <= now - timedelta(minutes=policy.report_after_minutes),
        OUTBOX.c.channel.in_(sorted(channels)),
        OUTBOX.c.reference.is_not(None),
        OUTBOX.c.trial.is_(False),
        or_(OUTBOX.c.report_at.is_(None), OUTBOX.c.report_at <= now),
    )


def is_report_due(connection: Connection, now: datetime, channels: Iterable[Channel], policy: InDoubtPolicy) -> bool:
    """Return whether a provider is to be asked about a message now."""
    if not policy.report_after_minutes or not may_ask(connection, now):
        return False
    due = select(OUTBOX.c.id).where(report_due_filter(now, channels, policy))
    return bool(connection.execute(select(exists(due))).scalar_one())


def may_ask(connection: Connection, now: datetime) -> bool:
    """Return whether it is time to look for messages to ask about."""
    return now.timestamp() - get_counter(connection, ASKED) >= ASK_EVERY.total_seconds()


async def ask_for_reports(context: Context, worker: DeliveryWorker) -> int:
    """Ask about messages that are due, and append what the providers say as callbacks; return how many are new.

    A provider that cannot be asked now is asked again later; one that keeps no records is not.
    """
    asked = {channel: one for channel, one in worker.transports.items() if isinstance(one, ReportLookup)}
    if not asked or not context.policy.in_doubt.report_after_minutes:
        return 0
    now = worker.clock()
    rows = await asyncio.to_thread(_claim, context, asked, now)
    answers: dict[str, Answer] = {}
    for channel, transport in asked.items():
        of_channel = [row for row in rows if row.channel == channel]
        answers |= await _ask(transport, of_channel, worker.concurrency, context.link_key)
    return await asyncio.to_thread(_record, context, rows, answers, now)


def _claim(context: Context, channels: Iterable[Channel], now: datetime) -> list[Row[Any]]:
    """Return the messages to ask about, the oldest first; each is due again at twice its age."""
    with context.engine.begin() as connection:
        if not may_ask(connection, now):
            return []
        set_counter(connection, ASKED, int(now.timestamp()))
        due = select(OUTBOX.c.id, OUTBOX.c.settled_at).where(report_due_filter(now, channels, context.policy.in_doubt))
        oldest = due.order_by(OUTBOX.c.settled_at).limit(MAX_REPORTS).with_for_update(skip_locked=True)
        found = {row.id: row.settled_at for row in connection.execute(oldest)}
        _set_next(connection, {key: now + (now - settled_at) for key, settled_at in found.items()})
        return [row for row in load_messages(connection, list(found)) if row.address]


def _set_next(connection: Connection, moments: Mapping[str, datetime]) -> None:
    if moments:
        rows = [{"asked_id": key, "next_at": moment} for key, moment in sorted(moments.items())]
        connection.execute(_NEXT, rows)


_NEXT = (
    update(OUTBOX)
    .where(OUTBOX.c.id == bindparam("asked_id"))
    .values(report_at=bindparam("next_at", type_=OUTBOX.c.report_at.type))
)


async def _ask(
    transport: ReportLookup, rows: Sequence[Row[Any]], concurrency: int, link_key: bytes
) -> dict[str, Answer]:
    """Ask one provider: about one message first, then about `concurrency` at once, until it cannot be asked."""
    answers: dict[str, Answer] = {}
    while chunk := rows[len(answers) :][: concurrency if answers else 1]:
        asked = (transport.report(message_of(row, link_key), row.reference) for row in chunk)
        found = await asyncio.gather(*asked, return_exceptions=True)
        answers |= zip((row.id for row in chunk), found, strict=True)
        if failure := next((one for one in found if isinstance(one, TemporaryFailure | LookupUnavailable)), None):
            return dict.fromkeys((row.id for row in rows), failure) | answers
    return answers


def _record(context: Context, rows: Sequence[Row[Any]], answers: Mapping[str, Answer], now: datetime) -> int:
    later = {
        row.id: now + (failure.retry_after or ASK_EVERY)
        for row in rows
        if isinstance(failure := answers[row.id], TemporaryFailure)
    }
    told = [answer for answer in answers.values() if isinstance(answer, Callback)]
    if not told and not later:
        return 0
    with context.engine.begin() as connection:
        _set_next(connection, later)
        return append_callbacks(connection, told, now)
