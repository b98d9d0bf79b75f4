"""TODO."""

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
from tasks.tables import NOTICES, OFFERS, WATCHES

HANDLING_DATE_COLUMNS = ("order", "line", "product", "promised_on", "days_late", "new_date")


PAGE = 500


def export_handling_dates(context: Context, file: Path, as_of: date) -> int:
    """Write as CSV which order lines want another handling date, an unknown one empty; return how many."""
    written = 0
    with read_only(context.engine) as connection, open_csv(file, HANDLING_DATE_COLUMNS) as write:
        for written, row in enumerate(_rows(context, connection, as_of), 1):  # noqa: B007 - the last number is the count
            write(row)
    return written


def _rows(context: Context, connection: Connection, as_of: date) -> Iterator[tuple[object, ...]]:
    buckets = [one.name for one in context.policy.bucket if RemedyKind.HANDLING_DATE in one.remedies]
    for page in _pages(connection, buckets):
        for watched in get_orders(context, connection, page):
            delay = delay_of(watched.order, as_of, context.policy, context.calendar)
            if delay is None or delay.bucket not in buckets:
                continue
            for one in delay.late:
                line = one.line
                yield delay.order.id, line.number, line.product.id, line.promised_on, one.days, one.expected_on


def _pages(connection: Connection, buckets: list[str]) -> Iterator[list[str]]:
    after = ""
    query = select(WATCHES.c.order_id).where(WATCHES.c.bucket.in_(buckets)).order_by(WATCHES.c.order_id).limit(PAGE)
    while page := list(connection.execute(query.where(WATCHES.c.order_id > after)).scalars()):
        yield page
        after = page[-1]


OFFER_COLUMNS = ("order", "kind", "line", "code", "percent", "amount", "currency", "value", "expires_on", "products")


def _first_communicated() -> ScalarSelect[Any]:
    """Return when the first notice was owed that told of an offer, or still may; NULL where none will.

    A discount drawn for a dropped run is said again, with the same code, when its order is told after all.
    """
    says = or_(OFFERS.c.code.is_not(None), NOTICES.c.revision == OFFERS.c.revision)
    return (
        select(func.min(NOTICES.c.created_at))
        .where(NOTICES.c.order_id == OFFERS.c.order_id, NOTICES.c.state != State.SKIPPED, says)
        .where(NOTICES.c.created_at >= OFFERS.c.created_at)
        .scalar_subquery()
    )


def export_offers(context: Context, file: Path, since: date | None = None) -> int:
    """Write the offers that customers hear of as CSV in the shape a shop system imports, newest last; return how many.

    What was dropped or skipped before it left is not among them; `since` counts from the notice that tells of it.
    """
    said = _first_communicated()
    query = select(OFFERS).where(said.is_not(None)).order_by(OFFERS.c.created_at, OFFERS.c.id)
    if since is not None:
        query = query.where(said >= context.start_of(since))
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
