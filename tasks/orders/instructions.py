"""What staff ask for about one order: hold it, so that nothing about it leaves, or mark it as time-critical."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, or_, select, update

from models.errors import ForewarnError
from tasks.db.sql import in_list, insert, lock_ordered
from tasks.orders.due import lock_orders, mark_due, touch_orders
from tasks.tables import CUSTOMER_MAILS, NOTICES, ORDER_INSTRUCTIONS, ORDERS, OUTBOX


@dataclass(frozen=True, slots=True)
class Instructions:
    """What staff ask for about an order."""

    held_at: datetime | None = None
    held_by: str | None = None
    critical_at: datetime | None = None
    critical_by: str | None = None


def load_instructions(connection: Connection, order: str) -> Instructions:
    """Return what staff ask for about an order."""
    columns = [ORDER_INSTRUCTIONS.c[name] for name in ("held_at", "held_by", "critical_at", "critical_by")]
    row = connection.execute(select(*columns).where(ORDER_INSTRUCTIONS.c.order_id == order)).first()
    return Instructions() if row is None else Instructions(*row)


def is_held(connection: Connection, order: str) -> bool:
    """Return whether staff hold an order now."""
    return load_instructions(connection, order).held_at is not None


def held_orders() -> Select[tuple[str]]:
    """Return the query of the orders that staff hold now."""
    return select(ORDER_INSTRUCTIONS.c.order_id).where(ORDER_INSTRUCTIONS.c.held_at.is_not(None))


def hold_order(connection: Connection, order: str, now: datetime, who: str) -> int:
    """Hold an order: no notice about it is decided, and none that waits leaves; return how many messages wait.

    A message that is being sent at this moment leaves; it waits for the end of its claim to be certain. Raises
    ForewarnError where the order is unknown, or held already.
    """
    # The outbox before the watches, as delivery locks them.
    _park(connection, order, on_hold=True)
    _check_known(connection, order)
    before = load_instructions(connection, order)
    if before.held_at is not None:
        raise ForewarnError(f"{before.held_by} holds this order already.")
    _save(connection, order, held_at=now, held_by=who)
    # No run may record what it decided before; what one has recorded since the first statement is parked as well.
    touch_orders(connection, {order})
    _park(connection, order, on_hold=True)
    return len(waiting_messages(connection, order))


def lock_unheld(connection: Connection, order: str) -> None:
    """Lock an order about which staff queue a message, so that nobody holds it meanwhile; raises ForewarnError."""
    lock_orders(connection, {order})
    now = load_instructions(connection, order)
    if now.held_at is not None:
        raise ForewarnError(f"{now.held_by} holds this order. Release it first.")


def release_order(connection: Connection, order: str, as_of: date) -> int:
    """Let messages about an order leave again, and evaluate it; return how many wait. Raises ForewarnError."""
    _park(connection, order, on_hold=False)
    if load_instructions(connection, order).held_at is None:
        raise ForewarnError("This order is not held any more.")
    _save(connection, order, held_at=None, held_by=None)
    mark_due(connection, {order}, as_of)
    return len(waiting_messages(connection, order))


def mark_critical(connection: Connection, order: str, now: datetime, who: str, as_of: date) -> None:
    """Mark an order as time-critical, and evaluate it; raises ForewarnError where it is unknown, or marked already."""
    _check_known(connection, order)
    before = load_instructions(connection, order)
    if before.critical_at is not None:
        raise ForewarnError(f"{before.critical_by} marked this order as time-critical already.")
    _save(connection, order, critical_at=now, critical_by=who)
    mark_due(connection, {order}, as_of)


def unmark_critical(connection: Connection, order: str, as_of: date) -> None:
    """Treat an order as any other again; raises ForewarnError where it is not time-critical."""
    if load_instructions(connection, order).critical_at is None:
        raise ForewarnError("This order is not marked as time-critical any more.")
    _save(connection, order, critical_at=None, critical_by=None)
    mark_due(connection, {order}, as_of)


def waiting_messages(connection: Connection, order: str) -> list[str]:
    """Return the ids of the messages of an order that a hold stops and that have not left."""
    unsent = OUTBOX.c.state.in_(("held", "queued"))
    return list(connection.execute(select(OUTBOX.c.id).where(_of_order(order), _OPEN, unsent)).scalars())


def park_failed(connection: Connection, notices: Sequence[str]) -> None:
    """Have failed notices of held orders wait for their release; one that was released meanwhile stays as it is."""
    held = (
        select(ORDER_INSTRUCTIONS.c.order_id)
        .join(NOTICES, NOTICES.c.order_id == ORDER_INSTRUCTIONS.c.order_id)
        .where(NOTICES.c.id == OUTBOX.c.id, ORDER_INSTRUCTIONS.c.held_at.is_not(None))
    )
    if notices:
        which = and_(in_list(connection, OUTBOX.c.id, notices), held.exists())
        connection.execute(update(OUTBOX).where(which).values(on_hold=True))


_OPEN = or_(OUTBOX.c.settled_at.is_(None), OUTBOX.c.awaits_fallback)


def _of_order(order: str) -> ColumnElement[bool]:
    """Return the SQL of the messages that a hold stops: notices, and what staff asked for; never an answer."""
    notices = select(NOTICES.c.id).where(NOTICES.c.order_id == order)
    asked = and_(CUSTOMER_MAILS.c.order_id == order, CUSTOMER_MAILS.c.asked_by.is_not(None))
    return OUTBOX.c.id.in_(notices.union_all(select(CUSTOMER_MAILS.c.id).where(asked)))


def _park(connection: Connection, order: str, *, on_hold: bool) -> None:
    """Set on the messages of an order whether they wait; also on those under way, which may come back to the queue."""
    which = and_(_of_order(order), _OPEN, ~OUTBOX.c.on_hold) if on_hold else and_(_of_order(order), OUTBOX.c.on_hold)
    connection.execute(update(OUTBOX).where(lock_ordered(connection, OUTBOX.c.id, which)).values(on_hold=on_hold))


def _save(connection: Connection, order: str, **values: Any) -> None:
    new = insert(connection, ORDER_INSTRUCTIONS).values(order_id=order, **values)
    connection.execute(new.on_conflict_do_update(index_elements=["order_id"], set_=values))
    row = ORDER_INSTRUCTIONS.c
    nothing = and_(row.order_id == order, row.held_at.is_(None), row.critical_at.is_(None))
    connection.execute(delete(ORDER_INSTRUCTIONS).where(nothing))


def _check_known(connection: Connection, order: str) -> None:
    if connection.execute(select(ORDERS.c.id).where(ORDERS.c.id == order)).first() is None:
        raise ForewarnError(f"No order {order} is known here.")
