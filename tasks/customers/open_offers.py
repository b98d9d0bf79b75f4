"""What an order's customer has been offered, and can still take."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from models.customers import DiscountOption
from models.enums import RemedyKind, State
from tasks.orders.choices import DISCOUNT_COLUMNS
from tasks.orders.told import NOTICES_WITH_STATE
from tasks.tables import NOTICES, OFFERS, OUTBOX

NOT_OFFERED = (State.HELD, State.SKIPPED)
"""States of a notice whose offer its customer does not have: it waits for staff, or was never sent."""


def load_offered_substitutes(connection: Connection, order: str) -> Mapping[str, Sequence[str]]:
    """Return by line number the products that the last notice with substitutes offered, the most similar first."""
    query = (
        select(OFFERS.c.line, OFFERS.c.products, OFFERS.c.revision)
        .where(OFFERS.c.order_id == order, OFFERS.c.kind == RemedyKind.SUBSTITUTE, _offered_filter())
        .order_by(OFFERS.c.revision.desc())
    )
    rows = connection.execute(query).all()
    return {row.line: row.products for row in rows if row.revision == rows[0].revision}


def load_open_discount(
    connection: Connection, order: str, taken: Collection[str], as_of: date
) -> DiscountOption | None:
    """Return the newest discount of an order that is valid on a day and was not `taken` yet; None where there is none.

    Also one that the law kept out of the mail: see `Plan.show_offer`.
    """
    query = (
        select(OFFERS.c.id, *(OFFERS.c[name] for name in DISCOUNT_COLUMNS))
        .where(OFFERS.c.order_id == order, OFFERS.c.code.is_not(None), OFFERS.c.expires_on >= as_of)
        .where(OFFERS.c.id.not_in(taken), _offered_filter())
        .order_by(OFFERS.c.created_at.desc(), OFFERS.c.id)
        .limit(1)
    )
    row = connection.execute(query).first()
    return None if row is None else DiscountOption(*row)


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
    return notice.correlate(OFFERS).exists()
