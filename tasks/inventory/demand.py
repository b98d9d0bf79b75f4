"""Read the open lines that need goods, a page of products at a time, with what each source states of their dates."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, select

from models.enums import Promise
from models.inventory import DateSource, LineDemand
from models.orders import NoticeLine
from rules.inventory.line_inputs import DateInputs
from tasks.context import Context
from tasks.db.sql import id_range
from tasks.inventory.forecast_inputs import ForecastInputs
from tasks.inventory.stored_dates import DATE_COLUMNS, StoredDate, stored_date
from tasks.inventory.vendor_responses import AcceptedSupply, load_accepted_supply
from tasks.orders.filters import CURRENT_DATE_FILTER, not_packed_filter
from tasks.orders.order_rows import PROMISED_COLUMNS, promised_day
from tasks.orders.owed_pieces import unsent_pieces_clause, wanted_pieces_clause
from tasks.orders.told import load_told_lines
from tasks.tables import CUSTOMERS, EXPECTED_DATES, ORDER_LINES, ORDERS, WATCHES

STATED_SOURCES = (DateSource.STAFF, DateSource.CARRIER, DateSource.VENDOR, DateSource.SHOP)


@dataclass(frozen=True, slots=True)
class OpenLine:
    """An open line: what it needs, what its date is computed from, and its expected date in the ledger."""

    demand: LineDemand
    date_inputs: DateInputs
    stored: StoredDate | None


def load_open_lines(
    context: Context,
    connection: Connection,
    inputs: ForecastInputs,
    products: Mapping[str, Row[Any]],
    after: str,
    last: str,
) -> Iterator[tuple[str, OpenLine]]:
    """Yield the open lines of the products that follow `after` up to `last`, each with its product's id."""
    accepted = load_accepted_supply(connection, inputs, products, after, last)
    rows = connection.execute(_lines(context, inputs.as_of, after, last)).all()
    told = load_told_lines(connection, {row.id for row in rows if row.told_revision})
    for row in rows:
        product, told_lines = products[row.product_id], told.get(row.id, ())
        yield row.product_id, _open_line(context, row, product, accepted.get((row.id, row.number)), told_lines)


def _lines(context: Context, as_of: date, after: str, last: str) -> Any:
    names = ("number", "product_id", "expected_on", "expected_source", "time_critical")
    end = context.end_of(as_of)
    return (
        select(ORDERS.c.id, ORDERS.c.priority, *PROMISED_COLUMNS, *(ORDER_LINES.c[name] for name in names))
        .add_columns(unsent_pieces_clause(end).label("unsent"), wanted_pieces_clause(end).label("wanted"))
        .add_columns(_first_forecast(as_of), *DATE_COLUMNS, WATCHES.c.revision.label("told_revision"))
        .select_from(
            ORDER_LINES.join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id)
            .outerjoin(CUSTOMERS, CUSTOMERS.c.id == ORDERS.c.customer_id)
            .outerjoin(EXPECTED_DATES, CURRENT_DATE_FILTER)
            .outerjoin(WATCHES, and_(WATCHES.c.order_id == ORDERS.c.id, EXPECTED_DATES.c.in_stock))
        )
        .where(id_range(ORDER_LINES.c.product_id, after, last), not_packed_filter(context, as_of))
    )


def _first_forecast(as_of: date) -> ColumnElement[date | None]:
    """Return the SQL of the lead-time forecast that a line had before a stated date that has passed since."""
    earlier = EXPECTED_DATES.alias()
    of_line = and_(earlier.c.order_id == ORDER_LINES.c.order_id, earlier.c.line == ORDER_LINES.c.number)
    day = select(func.max(earlier.c.expected_on)).where(of_line, earlier.c.source == DateSource.FORECAST)
    has_passed = and_(EXPECTED_DATES.c.source.in_(STATED_SOURCES), EXPECTED_DATES.c.expected_on < as_of)
    return case((has_passed, day.correlate(ORDER_LINES).scalar_subquery())).label("first_forecast")


def _open_line(
    context: Context,
    row: Row[Any],
    product: Row[Any],
    accepted: AcceptedSupply | None,
    told_lines: Sequence[NoticeLine],
) -> OpenLine:
    promised_on = promised_day(context, row)
    stored = stored_date(row)
    stated_on = context.expected_day(row.expected_on, row.placed_at)
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
        told_in_stock=any(told.number == row.number and told.ready for told in told_lines),
    )
    date_inputs = DateInputs(
        promise=Promise(row.promise),
        promised_on=promised_on,
        quantity=row.unsent,
        country=row.country or "",
        stated={DateSource(row.expected_source or DateSource.SHOP): stated_on} if stated_on else {},
        vendor_response=accepted.inbound if accepted else None,
        accepted=accepted.quantity if accepted else 0,
        drop_shipped=bool(product.drop_shipped),
        stocked=bool(product.stocked),
        lead_days=product.lead_days,
        vendor_country=product.country,
        first_forecast=row.first_forecast,
        previous=stored.expected if stored else None,
    )
    return OpenLine(demand, date_inputs, stored)
