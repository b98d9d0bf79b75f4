"""Export offers and handling dates as CSV, for the shop's system to import."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, ScalarSelect, func, or_, select

from models.enums import RemedyKind, State
from rules.delays.delays import delay_of
from tasks.context import Context
from tasks.csv_files import open_csv
from tasks.db.sql import read_only
from tasks.orders.queries import get_orders
from tasks.orders.told import NOTICES_WITH_STATE
from tasks.tables import NOTICES, OFFERS, OUTBOX, WATCHES

HANDLING_DATE_COLUMNS = ("order", "line", "product", "promised_on", "days_late", "new_date")


PAGE = 500


def export_handling_dates(context: Context, file: Path, as_of: date) -> int:
    """Write as CSV the order lines that need another handling date, an unknown one empty; return how many."""
    written = 0
    with read_only(context.engine) as connection, open_csv(file, HANDLING_DATE_COLUMNS) as write:
        for written, row in enumerate(_rows(context, connection, as_of), 1):  # noqa: B007 - the last number is the count
            write(row)
    return written


def _rows(context: Context, connection: Connection, as_of: date) -> Iterator[tuple[object, ...]]:
    buckets = [bucket.name for bucket in context.policy.bucket if RemedyKind.HANDLING_DATE in bucket.remedies]
    for page in _pages(connection, buckets):
        for watched in get_orders(context, connection, page):
            delay = delay_of(watched.order, as_of, context.policy, context.calendar)
            if delay is None or delay.bucket not in buckets:
                continue
            for late in delay.late:
                line = late.line
                yield delay.order.id, line.number, line.product.id, line.promised_on, late.days, late.expected_on


def _pages(connection: Connection, buckets: list[str]) -> Iterator[list[str]]:
    after = ""
    query = select(WATCHES.c.order_id).where(WATCHES.c.bucket.in_(buckets)).order_by(WATCHES.c.order_id).limit(PAGE)
    while page := list(connection.execute(query.where(WATCHES.c.order_id > after)).scalars()):
        yield page
        after = page[-1]


OFFER_COLUMNS = ("order", "kind", "line", "code", "percent", "amount", "currency", "value", "expires_on", "products")


def _first_communicated() -> ScalarSelect[Any]:
    """Return the SQL of when the first notice with an offer was recorded; NULL where its notices are all skipped.

    A discount of a dropped run is offered again, with the same code, by the next notice about its order.
    """
    has_offer = or_(OFFERS.c.code.is_not(None), NOTICES.c.revision == OFFERS.c.revision)
    return (
        select(func.min(NOTICES.c.created_at))
        .select_from(NOTICES_WITH_STATE)
        .where(NOTICES.c.order_id == OFFERS.c.order_id, OUTBOX.c.state != State.SKIPPED, has_offer)
        .where(NOTICES.c.created_at >= OFFERS.c.created_at)
        .scalar_subquery()
    )


def export_offers(context: Context, file: Path, since: date | None = None) -> int:
    """Write the offers that were communicated as CSV, the newest last; return how many.

    Offers whose notices were all skipped are left out; `since` is the first day of the notices.
    """
    communicated_at = _first_communicated()
    query = select(OFFERS).where(communicated_at.is_not(None)).order_by(OFFERS.c.created_at, OFFERS.c.id)
    if since is not None:
        query = query.where(communicated_at >= context.start_of(since))
    written = 0
    with read_only(context.engine) as connection, open_csv(file, OFFER_COLUMNS) as write:
        for offer in connection.execute(query, execution_options={"yield_per": 1000}):
            write(
                (
                    offer.order_id,
                    offer.kind,
                    offer.line,
                    offer.code,
                    offer.percent,
                    offer.amount,
                    offer.currency,
                    offer.value,
                    offer.expires_on,
                    " ".join(offer.products),
                )
            )
            written += 1
    return written
