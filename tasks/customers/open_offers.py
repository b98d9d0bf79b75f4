"""What an order's customer has been offered, and can still take."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from sqlalchemy import ColumnElement, Connection, and_, bindparam, or_, select

from models.customers import DiscountOption
from models.enums import RemedyKind, State
from tasks.orders.choices import DISCOUNT_COLUMNS
from tasks.orders.told import NOTICES_WITH_STATE
from tasks.tables import NOTICES, OFFERS, OUTBOX

NOT_OFFERED = (State.HELD, State.SKIPPED)
"""States of a notice whose offer its customer does not have: it waits for staff, or was never sent."""


def load_offered_substitutes(connection: Connection, order: str) -> Mapping[str, Sequence[str]]:
    """Return by line number the products that the last notice with substitutes offered, the most similar first."""
    rows = connection.execute(SUBSTITUTES, {"order": order}).all()
    return {row.line: row.products for row in rows if row.revision == rows[0].revision}


def load_open_discount(
    connection: Connection, order: str, taken: Collection[str], as_of: date
) -> DiscountOption | None:
    """Return the newest discount of an order that is valid on a day and was not `taken` yet; None where there is none.

    Also one that the law kept out of the mail: see `Plan.show_offer`.
    """
    rows = connection.execute(DISCOUNTS, {"order": order})
    valid = (row for row in rows if row.expires_on >= as_of and row.id not in taken)
    return next((DiscountOption(*row) for row in valid), None)


def _offered_filter() -> ColumnElement[bool]:
    """Return the SQL of an offer whose notice has left, or is about to.

    A discount of a dropped run is offered again, with the same code, by a later notice about its order.
    """
    of_offer = or_(OFFERS.c.code.is_not(None), NOTICES.c.revision == OFFERS.c.revision)
    notice = (
        select(NOTICES.c.id)
        .select_from(NOTICES_WITH_STATE)
        .where(NOTICES.c.order_id == OFFERS.c.order_id, OUTBOX.c.state.not_in(NOT_OFFERED))
        .where(and_(of_offer, NOTICES.c.created_at >= OFFERS.c.created_at))
    )
    return and_(OFFERS.c.order_id == bindparam("order"), notice.correlate(OFFERS).exists())


# Put together once: for the few rows of one order, that takes longer than to read them.
SUBSTITUTES = (
    select(OFFERS.c.line, OFFERS.c.products, OFFERS.c.revision)
    .where(_offered_filter(), OFFERS.c.kind == RemedyKind.SUBSTITUTE)
    .order_by(OFFERS.c.revision.desc())
)
DISCOUNTS = (
    select(OFFERS.c.id, *(OFFERS.c[name] for name in DISCOUNT_COLUMNS))
    .where(_offered_filter(), OFFERS.c.code.is_not(None), OFFERS.c.expires_on.is_not(None))
    .order_by(OFFERS.c.created_at.desc(), OFFERS.c.id)
)
