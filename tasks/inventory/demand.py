"""Read the open lines that want goods, a page of products at a time, with all that is said and believed of each."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, select

from models.enums import Promise
from models.inventory import DateSource, ExpectedDate, LineDemand
from models.orders import LineKey, NoticeLine
from models.quantities import Quantity
from rules.inventory.inbound_dates import InboundDate
from rules.inventory.line_inputs import DateInputs
from tasks.context import Context
from tasks.db.sql import id_range
from tasks.inventory.forecast_inputs import ForecastInputs
from tasks.orders.filters import CURRENT_DATE_FILTER, not_packed_filter
from tasks.orders.order_rows import PROMISED_COLUMNS, promised_day
from tasks.orders.owed_pieces import unsent_pieces_clause, wanted_pieces_clause
from tasks.tables import (
    CUSTOMERS,
    EXPECTED_DATES,
    ORDER_LINES,
    ORDERS,
    PURCHASE_LINES,
    PURCHASE_REQUESTS,
    VENDORS,
    WATCHES,
)

_SAID = ("source", "expected_on", "why", "earliest_on", "latest_on", "probability", "basis")
WORDS = (DateSource.STAFF, DateSource.CARRIER, DateSource.VENDOR, DateSource.SHOP)
DATE_COLUMNS = [
    EXPECTED_DATES.c.id.label("row"),
    EXPECTED_DATES.c.in_stock,
    *(EXPECTED_DATES.c[name].label(f"kept_{name}") for name in _SAID),
]
"""The columns that `kept` reads."""


@dataclass(frozen=True, slots=True)
class StoredDate:
    """What the ledger believes of a line, and in which row."""

    id: int
    expectation: ExpectedDate
    in_stock: bool


@dataclass(frozen=True, slots=True)
class OpenLine:
    """An open line: what it wants, what is said about it, and what the ledger believes of it so far."""

    demand: LineDemand
    awaited: DateInputs
    kept: StoredDate | None


def load_open_lines(
    context: Context,
    connection: Connection,
    seen: ForecastInputs,
    products: Mapping[str, Row[Any]],
    after: str,
    last: str,
) -> Iterator[tuple[str, OpenLine]]:
    """Yield the open lines of a page of products, each with its product."""
    answers = _vendor_responses(connection, seen, products, after, last)
    for row in connection.execute(_lines(context, seen.as_of, after, last)):
        yield (
            row.product_id,
            _open_line(context, row, products[row.product_id], answers.get((row.id, row.number), (None, 0))),
        )


def _vendor_responses(
    connection: Connection, seen: ForecastInputs, products: Mapping[str, Row[Any]], after: str, last: str
) -> dict[LineKey, tuple[InboundDate, Quantity]]:
    """Return when what vendors accepted to supply for lines comes, and how many; of several answers the last counts.

    What was accepted of a product that the line does not have any more says nothing of the one it has now.
    """
    query = (
        select(
            ORDER_LINES.c.order_id,
            ORDER_LINES.c.number,
            ORDER_LINES.c.product_id,
            PURCHASE_REQUESTS.c.vendor_id,
            VENDORS.c.country,
        )
        .add_columns(func.max(PURCHASE_LINES.c.promised_on), func.sum(PURCHASE_LINES.c.quantity))
        .select_from(
            ORDER_LINES.join(
                PURCHASE_LINES,
                and_(
                    PURCHASE_LINES.c.order_id == ORDER_LINES.c.order_id, PURCHASE_LINES.c.line == ORDER_LINES.c.number
                ),
            )
            .join(PURCHASE_REQUESTS, PURCHASE_REQUESTS.c.id == PURCHASE_LINES.c.request_id)
            .outerjoin(VENDORS, VENDORS.c.id == PURCHASE_REQUESTS.c.vendor_id)
        )
        .where(
            id_range(ORDER_LINES.c.product_id, after, last),
            PURCHASE_LINES.c.product_id == ORDER_LINES.c.product_id,
            PURCHASE_LINES.c.response == "accepted",
            PURCHASE_LINES.c.promised_on.is_not(None),
        )
        .group_by(
            ORDER_LINES.c.order_id,
            ORDER_LINES.c.number,
            ORDER_LINES.c.product_id,
            PURCHASE_REQUESTS.c.vendor_id,
            VENDORS.c.country,
        )
    )
    found: dict[LineKey, list[tuple[date, InboundDate, Quantity]]] = defaultdict(list)
    for order, line, product, vendor, country, promised_on, quantity in connection.execute(query):
        name, direct = seen.vendors.get(vendor, vendor), bool(products[product].drop_shipped)
        found[order, line].append(
            (promised_on, seen.inflow.coming(name, country, promised_on, direct=direct), quantity)
        )
    return {
        key: (max(answers, key=lambda one: one[0])[1], sum(quantity for _, _, quantity in answers))
        for key, answers in found.items()
    }


def _lines(context: Context, as_of: date, after: str, last: str) -> Any:
    names = ("number", "product_id", "expected_on", "expected_source", "time_critical")
    over = context.end_of(as_of)
    return (
        select(ORDERS.c.id, ORDERS.c.priority, *PROMISED_COLUMNS, *(ORDER_LINES.c[name] for name in names))
        .add_columns(unsent_pieces_clause(over).label("unsent"), wanted_pieces_clause(over).label("wanted"))
        .add_columns(_foreseen(as_of), *DATE_COLUMNS, WATCHES.c.told_lines)
        .select_from(
            ORDER_LINES.join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id)
            .outerjoin(CUSTOMERS, CUSTOMERS.c.id == ORDERS.c.customer_id)
            .outerjoin(EXPECTED_DATES, CURRENT_DATE_FILTER)
            .outerjoin(WATCHES, and_(WATCHES.c.order_id == ORDERS.c.id, EXPECTED_DATES.c.in_stock))
        )
        .where(id_range(ORDER_LINES.c.product_id, after, last), not_packed_filter(context, as_of))
    )


def _foreseen(as_of: date) -> ColumnElement[date | None]:
    """Return the SQL of the day that the vendor's lead time gave a line before a word was believed that has lapsed."""
    earlier = EXPECTED_DATES.alias()
    mine = and_(earlier.c.order_id == ORDER_LINES.c.order_id, earlier.c.line == ORDER_LINES.c.number)
    day = select(func.max(earlier.c.expected_on)).where(mine, earlier.c.source == DateSource.FORECAST)
    lapsed = and_(EXPECTED_DATES.c.source.in_(WORDS), EXPECTED_DATES.c.expected_on < as_of)
    return case((lapsed, day.correlate(ORDER_LINES).scalar_subquery())).label("foreseen")


def _open_line(
    context: Context, row: Row[Any], product: Row[Any], answered: tuple[InboundDate | None, Quantity]
) -> OpenLine:
    promised_on = promised_day(context, row)
    before = stored_date(row)
    expected_on = context.expected_day(row.expected_on, row.placed_at)
    demand = LineDemand(
        order=row.id,
        line=row.number,
        quantity=row.wanted,
        packed=row.unsent - row.wanted,
        promised_on=promised_on,
        placed_at=row.placed_at,
        priority=row.priority,
        time_critical=row.time_critical,
        country=row.country or "",
        told_ready=any(
            one.number == row.number and one.ready for one in map(NoticeLine.from_data, row.told_lines or ())
        ),
    )
    awaited = DateInputs(
        promise=Promise(row.promise),
        promised_on=promised_on,
        quantity=row.unsent,
        country=row.country or "",
        said={DateSource(row.expected_source or DateSource.SHOP): expected_on} if expected_on else {},
        answer=answered[0],
        accepted=answered[1],
        drop_shipped=bool(product.drop_shipped),
        stocked=bool(product.stocked),
        lead_days=product.lead_days,
        vendor_country=product.country,
        foreseen=row.foreseen,
        standing=before.expectation if before else None,
    )
    return OpenLine(demand, awaited, before)


def stored_date(row: Row[Any]) -> StoredDate | None:
    """Return what the ledger believes of a line; None where it has nothing."""
    if row.row is None:
        return None
    said = {name: getattr(row, f"kept_{name}") for name in _SAID}
    return StoredDate(row.row, ExpectedDate(**said | {"source": DateSource(said["source"])}), bool(row.in_stock))
