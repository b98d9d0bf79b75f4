"""Keep how a customer wants an order sent: their own word goes before the shop's facts and any reckoning."""

from sqlalchemy import Connection, delete, select

from models.errors import ForewarnError
from models.shipments import Wish
from tasks.context import Desk
from tasks.db.events import happened
from tasks.db.sql import Turn, alone, insert
from tasks.orders.due import look_again
from tasks.orders.filters import still_unsent
from tasks.runs.records import Now
from tasks.shipments.plan import choose
from tasks.shipments.ready_lines import WISH, today
from tasks.tables import ANSWERS, CHOICES, LINES, ORDERS


def wish(desk: Desk, now: Now, order: str, value: Wish | None, who: str) -> str | None:
    """Write down how a customer wants an open order sent, and choose anew; return the choice's sentence.

    None takes the word back. There is no sentence where no line has to wait for another. Raises ForewarnError for an
    order that is not known, or not open.
    """
    with desk.engine.begin() as connection:
        alone(connection, Turn.ALLOCATE)
        _check(desk, connection, now, order)
        _answer(connection, now, order, value, who)
        happened(connection, [(WISH, order, value or "taken back")], now.moment, who)
        look_again(connection, {order}, now.as_of)
        mine = CHOICES.c.order_id == order
        connection.execute(delete(CHOICES).where(mine))
        choose(today(desk, now.as_of), connection, now, [order], mine)
        return connection.execute(select(CHOICES.c.why).where(mine)).scalar()


def _check(desk: Desk, connection: Connection, now: Now, order: str) -> None:
    if connection.execute(select(ORDERS.c.id).where(ORDERS.c.id == order)).first() is None:
        raise ForewarnError(f"no order {order!r} is known: `forewarn import` takes new orders in")
    lines = select(LINES.c.number).join(ORDERS, ORDERS.c.id == LINES.c.order_id)
    if (
        connection.execute(
            lines.where(LINES.c.order_id == order, still_unsent(desk.end_of(now.as_of))).limit(1)
        ).first()
        is None
    ):
        raise ForewarnError(f"order {order!r} has no line that is still to be sent")


def _answer(connection: Connection, now: Now, order: str, value: Wish | None, who: str) -> None:
    if value is None:
        connection.execute(delete(ANSWERS).where(ANSWERS.c.order_id == order, ANSWERS.c.kind == WISH))
        return
    said = {"value": str(value), "who": who, "at": now.moment}
    new = insert(connection, ANSWERS).values(id=f"{order}/{WISH}", order_id=order, kind=WISH, **said)
    connection.execute(new.on_conflict_do_update(index_elements=["order_id", "kind"], set_=said))
