"""Notices that are due: true ones leave as they are, the others are written again from the facts as they are now."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Date, Row, Select, and_, bindparam, or_, select

from models.enums import Channel, SkipReason, State
from models.messages import DeliveryOutcome
from models.tables.column_types import UtcTime
from rules.contact.contact import contact_by
from rules.delays.delays import open_lines
from tasks.context import Context
from tasks.db.sql import in_list
from tasks.notices.restate import TRIAL_COLUMNS, WORDS, confirm_notices, rewrite_told, store_confirmed, store_rewritten
from tasks.notices.suppressions import suppressed_addresses
from tasks.orders.due import lock_orders, mark_due, touch_orders
from tasks.orders.order_rows import WatchedOrder
from tasks.orders.queries import get_orders
from tasks.tables import NOTICES, OPT_OUTS, OUTBOX, SUPPRESSIONS, WATCHES

NOTICE_COLUMNS = [
    *(NOTICES.c[name] for name in ("order_id", "revision", "days", "address", "link_id", *WORDS, *TRIAL_COLUMNS)),
    OUTBOX.c.queued_at,
]
RECHECK_REASONS = (
    SkipReason.CHANGED,
    SkipReason.TOO_OLD,
    SkipReason.SUPPRESSED,
    SkipReason.NO_CONSENT,
    SkipReason.NO_ADDRESS,
    SkipReason.BAD_ADDRESS,
    SkipReason.NO_HOUR,
    SkipReason.NOT_MOBILE,
)
"""Skip reasons after which the order is evaluated again: there is news, but with other words or by another channel."""
NEW_WORDS = "its words were changed while it waited: it leaves in the new ones"
HOURS_OVER = "it is outside its hours: it waits for the next"


def select_notices(queue_columns: Sequence[Column[Any]], only_run: str | None) -> Select[Any]:
    """Return the SELECT of notices with `is_true`: whether they may leave as they are, by the ledger alone."""
    query = select(*queue_columns, *NOTICE_COLUMNS, true_filter().label("is_true")).select_from(
        OUTBOX.join(NOTICES, NOTICES.c.id == OUTBOX.c.id).outerjoin(WATCHES, WATCHES.c.order_id == NOTICES.c.order_id)
    )
    return query if only_run is None else query.where(NOTICES.c.run_id == only_run)


def true_filter() -> ColumnElement[bool]:
    """Return the SQL of a notice that states the facts as they are, on its day, to an address that may get it now.

    Its parameters are the day `as_of`, the moment `now`, and `oldest`, when it must have been queued at the earliest.
    """
    suppressed = select(SUPPRESSIONS.c.address).where(SUPPRESSIONS.c.address == NOTICES.c.address)
    opted_out = select(OPT_OUTS.c.address).where(OPT_OUTS.c.address == NOTICES.c.address)
    return and_(
        WATCHES.c.version == NOTICES.c.facts_version,
        NOTICES.c.holds_through >= bindparam("as_of", type_=Date),
        or_(OUTBOX.c.valid_until.is_(None), OUTBOX.c.valid_until > bindparam("now", type_=UtcTime)),
        OUTBOX.c.queued_at >= bindparam("oldest", type_=UtcTime),
        ~suppressed.exists(),
        ~opted_out.exists(),
    )


def oldest(context: Context, now: datetime) -> datetime:
    """Return when a notice must have been queued at the earliest, to be sent now."""
    return now - timedelta(hours=context.policy.sending.max_age_hours)


def prepare_notices(
    context: Context, connection: Connection, rows: Sequence[Row[Any]], as_of: date, now: datetime
) -> tuple[list[Row[Any]], list[DeliveryOutcome]]:
    """Return the notices that may leave now, and the outcomes of those that must not: skipped, or queued for later.

    A notice that is not true by the ledger alone is written again: it may leave when its words are the same. With other
    words it leaves where another channel has told the same already, because no run would write it again.
    """
    doubtful = [row for row in rows if not row.is_true]
    if not doubtful:
        return list(rows), []
    context = context.with_run(context.run_id, as_of, now)
    loaded = get_orders(context, connection, sorted({row.order_id for row in doubtful}))
    orders = {watched.order.id: watched for watched in loaded}
    addresses = {row.address for row in doubtful if row.address}
    suppressed = suppressed_addresses(connection, addresses, context.erasure_key)
    outcomes = {row.id: _refused(context, row, orders.get(row.order_id), suppressed) for row in doubtful}
    open_notices = [row._asdict() for row in doubtful if outcomes[row.id] is None]
    confirmed = confirm_notices(context, connection, open_notices, orders)
    store_confirmed(connection, confirmed.values())
    changed = [notice for notice in open_notices if notice["id"] not in confirmed]
    rewritten = rewrite_told(context, connection, changed, orders)
    store_rewritten(connection, rewritten.values())
    for key in (notice["id"] for notice in changed):
        state, reason = (State.QUEUED, NEW_WORDS) if key in rewritten else (State.SKIPPED, SkipReason.CHANGED)
        outcomes[key] = DeliveryOutcome(key, state, reason)
    stopped = {key: outcome for key, outcome in outcomes.items() if outcome is not None}
    return [row for row in rows if row.id not in stopped], list(stopped.values())


def _refused(
    context: Context, notice: Row[Any], watched: WatchedOrder | None, suppressed: Mapping[str, SkipReason]
) -> DeliveryOutcome | None:
    """Return why a notice must not leave now, whatever its words say; None where it may."""
    reason = _skip_reason(context, notice, watched, suppressed)
    if reason is not None or watched is None:
        return DeliveryOutcome(notice.id, State.SKIPPED, reason or SkipReason.CANCELLED)
    shop, channel = context.shop, Channel(notice.channel)
    contact = contact_by(watched.order.customer, channel, context.policy, context.started_at, shop.country, shop.zone)
    if contact.skip is not None or contact.address != notice.address:
        return DeliveryOutcome(notice.id, State.SKIPPED, contact.skip or SkipReason.CHANGED)
    now, not_before = context.started_at, contact.not_before
    may_arrive_now = not_before is None or not_before <= now
    if may_arrive_now and (notice.valid_until is None or notice.valid_until > now):
        return None
    hours: dict[str, Any] = {"not_before": not_before, "valid_until": contact.valid_until, "new_hours": True}
    return DeliveryOutcome(notice.id, State.QUEUED, HOURS_OVER, **hours)


def _skip_reason(
    context: Context, notice: Row[Any], watched: WatchedOrder | None, suppressed: Mapping[str, SkipReason]
) -> SkipReason | None:
    if watched is None:
        return SkipReason.CANCELLED
    order, as_of = watched.order, context.as_of
    if not open_lines(order, as_of):
        all_cancelled = all(line.cancelled_on is not None or not line.ordered for line in order.lines)
        return SkipReason.CANCELLED if order.cancelled_on or (order.lines and all_cancelled) else SkipReason.SHIPPED
    if order.customer.opted_out:
        return SkipReason.OPTED_OUT
    if notice.address in suppressed:
        return suppressed[notice.address]
    if order.told is not None and order.told.revision > notice.revision:
        return SkipReason.SUPERSEDED
    return SkipReason.TOO_OLD if notice.queued_at < oldest(context, context.started_at) else None


def recheck_orders(connection: Connection, recorded: Sequence[DeliveryOutcome], as_of: date) -> None:
    """Make the orders of skipped notices due, and move the version of those whose notice was rejected or is in doubt.

    What their customers know has changed, so that no run may write what it decided before.
    """
    changed = {outcome.id for outcome in recorded if _is_news(outcome)}
    failed = {outcome.id for outcome in recorded if outcome.state in (State.REJECTED, State.BOUNCED, State.IN_DOUBT)}
    if changed or failed:
        query = select(NOTICES.c.id, NOTICES.c.order_id).where(in_list(connection, NOTICES.c.id, changed | failed))
        order_of = dict(connection.execute(query).all())
        due = {order for key, order in order_of.items() if key in changed}
        lock_orders(connection, set(order_of.values()))
        mark_due(connection, due, as_of)
        touch_orders(connection, set(order_of.values()) - due)


def _is_news(outcome: DeliveryOutcome) -> bool:
    return outcome.state is State.SKIPPED and outcome.reason in RECHECK_REASONS
