"""Keep how a customer wants an order sent: their own word goes before the shop's facts and any reckoning."""

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
from tasks.tables import CUSTOMER_ANSWERS, ORDER_LINES, ORDERS, SHIPPING_PLANS


def set_shipping_preference(context: Context, order: str, value: ShippingPreference | None, who: str) -> str | None:
    """Write down how a customer wants an open order sent, and choose anew; return the choice's sentence.

    None takes the word back. There is no sentence where no line has to wait for another. Raises ForewarnError for an
    order that is not known, or not open.
    """
    with context.engine.begin() as connection:
        lock(connection, AdvisoryLock.ALLOCATE)
        _check(context, connection, order)
        _answer(connection, context, order, value, who)
        record_events(connection, [(PREFERENCE, order, value or "taken back")], context.started_at, who)
        mark_due(connection, {order}, context.as_of)
        mine = SHIPPING_PLANS.c.order_id == order
        connection.execute(delete(SHIPPING_PLANS).where(mine))
        plan_orders(load_day_inputs(context, context.as_of), connection, context, [order], mine)
        return connection.execute(select(SHIPPING_PLANS.c.why).where(mine)).scalar()


def _check(context: Context, connection: Connection, order: str) -> None:
    if connection.execute(select(ORDERS.c.id).where(ORDERS.c.id == order)).first() is None:
        raise ForewarnError(f"no order {order!r} is known: `forewarn import` takes new orders in")
    lines = select(ORDER_LINES.c.number).join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id)
    if (
        connection.execute(
            lines.where(ORDER_LINES.c.order_id == order, unsent_filter(context.end_of(context.as_of))).limit(1)
        ).first()
        is None
    ):
        raise ForewarnError(f"order {order!r} has no line that is still to be sent")


def _answer(connection: Connection, context: Context, order: str, value: ShippingPreference | None, who: str) -> None:
    if value is None:
        connection.execute(
            delete(CUSTOMER_ANSWERS).where(CUSTOMER_ANSWERS.c.order_id == order, CUSTOMER_ANSWERS.c.kind == PREFERENCE)
        )
        return
    said = {"value": str(value), "who": who, "at": context.started_at}
    new = insert(connection, CUSTOMER_ANSWERS).values(
        id=f"{order}/{PREFERENCE}", order_id=order, kind=PREFERENCE, **said
    )
    connection.execute(new.on_conflict_do_update(index_elements=["order_id", "kind"], set_=said))
