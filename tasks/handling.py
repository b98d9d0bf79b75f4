"""The short delays that nobody is told of: the shop moves the handling date that it shows."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from sqlalchemy import Connection, select

from models.values import RemedyKind
from rules.delays import delay_of
from tasks.csvs import sheet
from tasks.db import reading
from tasks.desk import Desk
from tasks.orders import WATCHES, named

COLUMNS = ("order", "line", "product", "promised_on", "days_late", "new_date")
PAGE = 500


def export_handling_dates(desk: Desk, file: Path, as_of: date) -> int:
    """Write as CSV which order lines want another handling date, an unknown one empty; return how many."""
    written = 0
    with reading(desk.engine) as connection, sheet(file, COLUMNS) as write:
        for written, row in enumerate(_rows(desk, connection, as_of), 1):  # noqa: B007 - the last number is the count
            write(row)
    return written


def _rows(desk: Desk, connection: Connection, as_of: date) -> Iterator[tuple[object, ...]]:
    buckets = [one.name for one in desk.policy.bucket if RemedyKind.HANDLING_DATE in one.remedies]
    for page in _pages(connection, buckets):
        for watched in named(desk, connection, page):
            delay = delay_of(watched.order, as_of, desk.policy, desk.calendar)
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
