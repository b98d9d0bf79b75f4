"""Set, clear and list the reasons of delays that staff give; a message that has not left is checked again."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, select, tuple_

from models.errors import ForewarnError
from models.reasons import OTHER, SCOPE_NAMES, DelayReason, ReasonScope
from rules.delays.reasons import ReasonKey
from tasks.context import Context
from tasks.db.events import record_events
from tasks.db.sql import upsert
from tasks.orders.due import recheck_unsent
from tasks.tables import ALLOCATIONS, DELAY_REASONS, INBOUNDS, ORDER_LINES, PRODUCTS, VENDORS

SET, CLEARED = "reason_set", "reason_cleared"
IDS = {
    ReasonScope.LINE: ORDER_LINES.c.order_id + "/" + ORDER_LINES.c.number,
    ReasonScope.INBOUND: INBOUNDS.c.id,
    ReasonScope.PRODUCT: PRODUCTS.c.id,
    ReasonScope.VENDOR: VENDORS.c.id,
}


def set_reason(context: Context, key: ReasonKey, reason: DelayReason, who: str) -> int:
    """Give the reason why something is late; return how many orders with unsent messages are checked again.

    Raises ForewarnError for an unknown subject or code.
    """
    with context.engine.begin() as connection:
        return save_reason(context, connection, key, reason, who)


def save_reason(context: Context, connection: Connection, key: ReasonKey, reason: DelayReason, who: str) -> int:
    """Do what `set_reason` does, in the caller's transaction."""
    scope, subject = key
    _check_code(context, reason)
    if connection.execute(select(IDS[scope]).where(_is_subject(scope, subject)).limit(1)).first() is None:
        raise ForewarnError(f"no {SCOPE_NAMES[scope]} {subject!r} is known here")
    values = {"code": reason.code, "texts": dict(reason.texts), "who": who, "set_at": context.started_at}
    upsert(connection, DELAY_REASONS, [{"scope": scope.value, "subject": subject} | values])
    record_events(connection, [(SET, subject, f"{scope}: {reason.code}")], context.started_at, who)
    return recheck_unsent(connection, _orders_of(key))


def clear_reason(context: Context, key: ReasonKey, who: str) -> int:
    """Clear a reason that staff gave; return how many orders with unsent messages are checked again.

    Raises ForewarnError where they gave none.
    """
    with context.engine.begin() as connection:
        return delete_reason(context, connection, key, who)


def delete_reason(context: Context, connection: Connection, key: ReasonKey, who: str) -> int:
    """Do what `clear_reason` does, in the caller's transaction."""
    scope, subject = key
    which = and_(DELAY_REASONS.c.scope == scope, DELAY_REASONS.c.subject == subject)
    if not connection.execute(delete(DELAY_REASONS).where(which)).rowcount:
        raise ForewarnError(f"staff gave no reason for {SCOPE_NAMES[scope]} {subject!r}, so there is none to clear")
    record_events(connection, [(CLEARED, subject, str(scope))], context.started_at, who)
    return recheck_unsent(connection, _orders_of(key))


def load_reason(connection: Connection, key: ReasonKey) -> DelayReason | None:
    """Return the reason that staff gave; None where they gave none."""
    scope, subject = key
    query = select(DELAY_REASONS.c.code, DELAY_REASONS.c.texts)
    row = connection.execute(query.where(DELAY_REASONS.c.scope == scope, DELAY_REASONS.c.subject == subject)).first()
    return None if row is None else DelayReason(row.code, row.texts, scope)


def list_reasons(connection: Connection) -> list[dict[str, Any]]:
    """Return the reasons that staff gave, newest first."""
    columns = (DELAY_REASONS.c[name] for name in ("scope", "subject", "code", "texts", "who", "set_at"))
    query = select(*columns).order_by(DELAY_REASONS.c.set_at.desc(), DELAY_REASONS.c.scope, DELAY_REASONS.c.subject)
    return [dict(row) for row in connection.execute(query).mappings()]


def _check_code(context: Context, reason: DelayReason) -> None:
    words, locale = context.renderer.reasons, context.shop.locale
    if reason.code not in words.codes:
        raise ForewarnError(f"no reason has the code {reason.code!r}; known codes: {', '.join(words.codes)}")
    if reason.code == OTHER and not words.clause(reason, locale):
        raise ForewarnError(f"the reason `other` has no words: give a text in {locale!r}, the shop's language")


def _is_subject(scope: ReasonScope, subject: str) -> ColumnElement[bool]:
    if scope is not ReasonScope.LINE:
        return IDS[scope] == subject
    # An order's id may contain the mark that separates it from the line.
    ends = [at for at, letter in enumerate(subject) if letter == "/"]
    pairs = [(subject[:at], subject[at + 1 :]) for at in ends]
    return tuple_(ORDER_LINES.c.order_id, ORDER_LINES.c.number).in_(pairs)


def _orders_of(key: ReasonKey) -> Select[tuple[str]]:
    """Return the SELECT of the orders whose lines may be late for the reason of a subject."""
    scope, subject = key
    waiting = select(ALLOCATIONS.c.order_id)
    lines = select(ORDER_LINES.c.order_id)
    match scope:
        case ReasonScope.LINE:
            return lines.where(_is_subject(scope, subject))
        case ReasonScope.INBOUND:
            return waiting.where(ALLOCATIONS.c.inbound_id == subject)
        case ReasonScope.PRODUCT:
            return lines.where(ORDER_LINES.c.product_id == subject)
        case ReasonScope.VENDOR:
            products = select(PRODUCTS.c.id).where(PRODUCTS.c.vendor_id == subject)
            deliveries = select(INBOUNDS.c.id).where(INBOUNDS.c.vendor_id == subject)
            from_vendor = waiting.where(ALLOCATIONS.c.inbound_id.in_(deliveries))
            of_vendor = lines.where(ORDER_LINES.c.product_id.in_(products))
            return select(from_vendor.union(of_vendor).subquery().c.order_id)
