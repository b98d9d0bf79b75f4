"""Record a customer's shipping preference; it overrides the shop's data and the policy."""

from sqlalchemy import Connection, delete, select

from models.errors import ForewarnError
from models.shipments import ShippingPreference
from tasks.context import Context
from tasks.db.events import record_events
from tasks.db.sql import AdvisoryLock, insert, lock
from tasks.orders.due import mark_due
from tasks.orders.filters import unsent_filter
from tasks.shipments.plan import plan_orders
from tasks.shipments.ready_lines import PREFERENCE, load_day_inputs
from tasks.tables import CUSTOMER_ANSWERS, EVENTS, ORDER_LINES, ORDERS, SHIPPING_PLANS

CLEARED = "cleared"
"""What the event of a preference that was cleared says."""


def set_shipping_preference(
    context: Context, order: str, preference: ShippingPreference | None, who: str
) -> str | None:
    """Record how a customer wants an open order sent, and plan it again; None clears the preference.

    Return the sentence of the new plan; None where no line has to wait for another. Raises ForewarnError for an order
    that is unknown or not open.
    """
    with context.engine.begin() as connection:
        return save_preference(context, connection, order, preference, who)


def save_preference(
    context: Context, connection: Connection, order: str, preference: ShippingPreference | None, who: str
) -> str | None:
    """Do what `set_shipping_preference` does, in the caller's transaction."""
    lock(connection, AdvisoryLock.ALLOCATE)
    _check_open(context, connection, order)
    store_preference(context, connection, order, preference, who)
    return connection.execute(select(SHIPPING_PLANS.c.why).where(SHIPPING_PLANS.c.order_id == order)).scalar()


def shipping_preference(connection: Connection, order: str) -> ShippingPreference | None:
    """Return how the customer of an order wants it sent; None where the policy decides."""
    query = select(CUSTOMER_ANSWERS.c.value).where(
        CUSTOMER_ANSWERS.c.order_id == order, CUSTOMER_ANSWERS.c.kind == PREFERENCE
    )
    value = connection.execute(query).scalar()
    return None if value is None else ShippingPreference(value)


def store_preference(
    context: Context, connection: Connection, order: str, preference: ShippingPreference | None, who: str
) -> None:
    """Store a preference with its event, and plan the order again. The caller has locked allocation."""
    _save_preference(connection, context, order, preference, who)
    record_events(connection, [(PREFERENCE, order, preference or CLEARED)], context.started_at, who)
    mark_due(connection, {order}, context.as_of)
    plan_of_order = SHIPPING_PLANS.c.order_id == order
    connection.execute(delete(SHIPPING_PLANS).where(plan_of_order))
    plan_orders(load_day_inputs(context, context.as_of), connection, context, [order], plan_of_order)


def restore_preference(context: Context, connection: Connection, order: str, who: str, restored_by: str) -> None:
    """Store the preference that an order had before `who` changed it; one that was changed since stays.

    The caller has locked allocation.
    """
    query = select(CUSTOMER_ANSWERS.c.who).where(CUSTOMER_ANSWERS.c.order_id == order)
    if connection.execute(query.where(CUSTOMER_ANSWERS.c.kind == PREFERENCE)).scalar() != who:
        return
    of_order = select(EVENTS.c.why).where(EVENTS.c.subject == order, EVENTS.c.kind == PREFERENCE)
    earlier = list(connection.execute(of_order.order_by(EVENTS.c.id.desc()).offset(1).limit(1)).scalars())
    before = None if earlier in ([], [CLEARED]) else ShippingPreference(earlier[0])
    store_preference(context, connection, order, before, restored_by)


def _check_open(context: Context, connection: Connection, order: str) -> None:
    if connection.execute(select(ORDERS.c.id).where(ORDERS.c.id == order)).first() is None:
        raise ForewarnError(f"no order {order!r} is known: `forewarn import` imports new orders")
    lines = select(ORDER_LINES.c.number).join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id)
    unsent = lines.where(ORDER_LINES.c.order_id == order, unsent_filter(context.end_of(context.as_of)))
    if connection.execute(unsent.limit(1)).first() is None:
        raise ForewarnError(f"order {order!r} has no line that is still to be sent")


def _save_preference(
    connection: Connection, context: Context, order: str, preference: ShippingPreference | None, who: str
) -> None:
    if preference is None:
        connection.execute(
            delete(CUSTOMER_ANSWERS).where(CUSTOMER_ANSWERS.c.order_id == order, CUSTOMER_ANSWERS.c.kind == PREFERENCE)
        )
        return
    answer = {"value": str(preference), "who": who, "at": context.started_at}
    new = insert(connection, CUSTOMER_ANSWERS).values(
        id=f"{order}/{PREFERENCE}", order_id=order, kind=PREFERENCE, **answer
    )
    connection.execute(new.on_conflict_do_update(index_elements=["order_id", "kind"], set_=answer))
