"""Work off callbacks in the order in which they came: settle messages, suppressions, marketing and channels."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, exists, or_, select, update

from channels.email import sendgrid_events
from channels.sms import twilio_callbacks
from models.callbacks import CallbackSource, DeliveryReport, Effect, Standing
from models.enums import State
from rules.callbacks.settle import settle
from rules.contact.keyed_hash import HASHED
from tasks.callbacks.breakers import ChannelReports, judge_channels
from tasks.callbacks.messages import CallbackMessage, counted_again, load_callback_messages, write_messages
from tasks.callbacks.people import answer_text, settle_marketing
from tasks.context import Context
from tasks.db.sql import AdvisoryLock, insert, lock
from tasks.notices.suppressions import suppress
from tasks.tables import CALLBACK_EVENTS, EVENTS

BATCH = 500
RETRY = timedelta(seconds=10)
"""How long a callback waits whose message is being sent."""
LATE = timedelta(hours=25)
"""The age from which staff are told of a signature: providers try for a day, and it may be an old one sent again."""
REPORTS = {
    CallbackSource.TWILIO_STATUS: twilio_callbacks.report_of,
    CallbackSource.TWILIO_RECORDS: twilio_callbacks.report_of,
    CallbackSource.SENDGRID: sendgrid_events.report_of,
    CallbackSource.SENDGRID_RECORDS: sendgrid_events.report_of,
}


def callback_due_filter(now: datetime) -> ColumnElement[bool]:
    """Return the SQL of a callback that is to be worked off now; `ix_callback_event_open` finds it."""
    is_due = or_(CALLBACK_EVENTS.c.retry_at.is_(None), CALLBACK_EVENTS.c.retry_at <= now)
    return and_(CALLBACK_EVENTS.c.handled_at.is_(None), is_due)


def is_callback_due(connection: Connection, now: datetime) -> bool:
    """Return whether a callback is to be worked off now."""
    return bool(connection.execute(select(exists().where(callback_due_filter(now)))).scalar_one())


def apply_callbacks(context: Context, clock: Callable[[], datetime], who: str) -> Counter[str]:
    """Work off the callbacks that are due; return how many had each effect. Safe to repeat."""
    counts: Counter[str] = Counter()
    more = True
    while more:
        now = clock()
        with context.engine.begin() as connection:
            # One process at a time: the order of the callbacks is theirs alone then.
            lock(connection, AdvisoryLock.CALLBACKS)
            batch = _apply_batch(context, connection, now, who)
        if batch.channels:
            # By itself: a turn of delivery locks the channel first, and the orders after it.
            with context.engine.begin() as connection:
                judge_channels(context, connection, batch.channels, now, who)
        counts += batch.counts
        more = batch.size == BATCH
    return counts


@dataclass(slots=True)
class _Batch:
    """What a batch of callbacks changes."""

    messages: dict[str, CallbackMessage]
    size: int
    counts: Counter[str] = field(default_factory=Counter)
    handled: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    suppressed: dict[str, str] = field(default_factory=dict)
    channels: ChannelReports = field(default_factory=ChannelReports)


def _apply_batch(context: Context, connection: Connection, now: datetime, who: str) -> _Batch:
    query = select(CALLBACK_EVENTS).where(callback_due_filter(now)).order_by(CALLBACK_EVENTS.c.number).limit(BATCH)
    rows = connection.execute(query).all()
    ids = {row.message_id for row in rows if row.message_id}
    with counted_again(connection, ids, now):
        batch = _Batch(load_callback_messages(connection, ids), len(rows))
        for row in rows:
            _apply(context, connection, batch, row, now, who)
        suppress(connection, batch.suppressed, now, who)
        write_messages(context, connection, batch.messages.values())
    if batch.events:
        connection.execute(insert(connection, EVENTS), batch.events)
    if batch.handled:
        connection.execute(_HANDLED, batch.handled)
    return batch


_HANDLED = (
    update(CALLBACK_EVENTS)
    .where(CALLBACK_EVENTS.c.number == bindparam("changed_number"))
    .values(
        **{
            name: bindparam(f"new_{name}", type_=CALLBACK_EVENTS.c[name].type)
            for name in ("handled_at", "retry_at", "effect", "for_staff")
        }
    )
)


def _apply(context: Context, connection: Connection, batch: _Batch, row: Row[Any], now: datetime, who: str) -> None:
    is_late = row.signed_at is not None and row.received_at - row.signed_at > LATE
    if row.source == CallbackSource.TWILIO_INBOUND:
        effect, for_staff = answer_text(context, connection, row, now, who)
    else:
        report = REPORTS[CallbackSource(row.source)](row.kind, row.payload)
        message = batch.messages.get(row.message_id)
        settled = None if message is None else _settle_message(batch, message, row, report, now, who)
        if settled is None and message is not None:
            batch.handled.append(_waiting(row, now + RETRY))
            return
        effect, for_staff = settled or (Effect.UNKNOWN, False)
        if report.stops_marketing or report.resumes_marketing:
            effect = settle_marketing(context, connection, row, report, now, is_known=message is not None)
        for_staff = for_staff or (report.for_staff and effect is not Effect.UNKNOWN)
    batch.counts[effect] += 1
    batch.handled.append(_handled(row, now, effect, for_staff=for_staff or is_late))


def _handled(row: Row[Any], now: datetime, effect: Effect, *, for_staff: bool) -> dict[str, Any]:
    values = {"new_handled_at": now, "new_retry_at": None, "new_effect": str(effect), "new_for_staff": for_staff}
    return {"changed_number": row.number, **values}


def _waiting(row: Row[Any], until: datetime) -> dict[str, Any]:
    values = {"new_handled_at": None, "new_retry_at": until, "new_effect": None, "new_for_staff": False}
    return {"changed_number": row.number, **values}


def _settle_message(
    batch: _Batch, message: CallbackMessage, row: Row[Any], report: DeliveryReport, now: datetime, who: str
) -> tuple[Effect, bool] | None:
    """Change a message by a report; return the effect, and whether staff must know. None: it is looked at again."""
    settled = settle(_standing(message, row.reference), report)
    if settled.waits:
        return None
    effect = settled.effect
    if settled.state is not None and message.is_ours:
        _move(message, row, report, settled.state, now)
        batch.channels.add(message, report, effect)
    if effect is not Effect.NOTHING:
        batch.events.append(_event(row, effect, report, who))
    address = message.address or (row.address if row.address.startswith(HASHED) else "")
    if report.suppress and address and not message.trial and not _is_foreign(message, row):
        batch.suppressed[address] = report.reason
    is_lost = effect is Effect.BOUNCED and (message.is_mail or not message.is_ours)
    return effect, is_lost or effect is Effect.CONFLICT


def _standing(message: CallbackMessage, reference: str) -> Standing:
    is_other = bool(reference and message.reference) and not _is_same_reference(reference, message.reference or "")
    is_requeued = message.state == State.QUEUED and bool(message.reference) and not is_other
    return Standing(message.state, message.attempts, not is_other, is_requeued)


def _is_same_reference(one: str, other: str) -> bool:
    # SendGrid's records have the id with a suffix of their own.
    return one.partition(".")[0] == other.partition(".")[0]


def _move(message: CallbackMessage, row: Row[Any], report: DeliveryReport, state: str, now: datetime) -> None:
    if message.state == State.IN_DOUBT and _is_foreign(message, row):
        message.trial = True  # it went to a test address
    message.reference = message.reference or row.reference or None
    message.reason = report.reason or None
    if report.retry_after is not None and state == State.QUEUED:
        message.not_before = now + report.retry_after
    message.move(state, now)


def _is_foreign(message: CallbackMessage, row: Row[Any]) -> bool:
    """Return whether the provider had another address than the message's: that of a test."""
    return bool(row.address and message.address) and row.address.lower() != (message.address or "").lower()


def _event(row: Row[Any], effect: Effect, report: DeliveryReport, who: str) -> dict[str, Any]:
    # The provider's clock says when it happened, if it is believable.
    is_believable = row.happened_at is not None and row.received_at - 2 * LATE < row.happened_at <= row.received_at
    at = row.happened_at if is_believable else row.received_at
    kind = "callback_conflict" if effect is Effect.CONFLICT else str(effect)
    why = report.reason or f"{row.source} says {row.kind}"
    return {"at": at, "kind": kind, "subject": row.message_id, "who": who, "why": why}
