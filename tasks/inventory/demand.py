"""Read the open lines that want goods, a page of products at a time, with all that is said and believed of each."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, select

from models.enums import Promise
from models.inventory import DateSource, Demand, Expectation
from models.orders import ToldLine
from models.quantities import Quantity
from rules.inventory.inbound_dates import Coming
from rules.inventory.line_inputs import Awaited
from tasks.context import Desk
from tasks.db.sql import within
from tasks.inventory.forecast_inputs import Outlook
from tasks.orders.filters import CURRENT, unsent
from tasks.orders.owed_pieces import unsent_pieces, wanted_pieces
from tasks.orders.queries import PROMISED, promised
from tasks.tables import CUSTOMERS, EXPECTATIONS, LINES, ORDERS, PURCHASED, REQUESTS, VENDORS, WATCHES

_SAID = ("source", "expected_on", "why", "earliest_on", "latest_on", "chance", "basis")
WORDS = (DateSource.STAFF, DateSource.CARRIER, DateSource.VENDOR, DateSource.SHOP)
KEPT = [
    EXPECTATIONS.c.id.label("row"),
    EXPECTATIONS.c.ready,
    *(EXPECTATIONS.c[name].label(f"kept_{name}") for name in _SAID),
]
"""The columns that `kept` reads."""
Key = tuple[str, str]
"""An order and its line."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the ledger believes of a line, and in which row."""

    id: int
    expectation: Expectation
    ready: bool


@dataclass(frozen=True, slots=True)
class Wish:
    """An open line: what it wants, what is said about it, and what the ledger believes of it so far."""

    demand: Demand
    awaited: Awaited
    kept: Kept | None


def wishes(
    desk: Desk, connection: Connection, seen: Outlook, products: Mapping[str, Row[Any]], after: str, last: str
) -> Iterator[tuple[str, Wish]]:
    """Yield the open lines of a page of products, each with its product."""
    answers = _answers(connection, seen, products, after, last)
    for row in connection.execute(_lines(desk, seen.as_of, after, last)):
        yield row.product_id, _wish(desk, row, products[row.product_id], answers.get((row.id, row.number), (None, 0)))


def _answers(
    connection: Connection, seen: Outlook, products: Mapping[str, Row[Any]], after: str, last: str
) -> dict[Key, tuple[Coming, Quantity]]:
    """Return when what vendors accepted to supply for lines comes, and how many; of several answers the last counts.

    What was accepted of a product that the line does not have any more says nothing of the one it has now.
    """
    query = (
        select(LINES.c.order_id, LINES.c.number, LINES.c.product_id, REQUESTS.c.vendor_id, VENDORS.c.country)
        .add_columns(func.max(PURCHASED.c.promised_on), func.sum(PURCHASED.c.quantity))
        .select_from(
            LINES.join(PURCHASED, and_(PURCHASED.c.order_id == LINES.c.order_id, PURCHASED.c.line == LINES.c.number))
            .join(REQUESTS, REQUESTS.c.id == PURCHASED.c.request_id)
            .outerjoin(VENDORS, VENDORS.c.id == REQUESTS.c.vendor_id)
        )
        .where(
            within(LINES.c.product_id, after, last),
            PURCHASED.c.product_id == LINES.c.product_id,
            PURCHASED.c.answer == "accepted",
            PURCHASED.c.promised_on.is_not(None),
        )
        .group_by(LINES.c.order_id, LINES.c.number, LINES.c.product_id, REQUESTS.c.vendor_id, VENDORS.c.country)
    )
    found: dict[Key, list[tuple[date, Coming, Quantity]]] = defaultdict(list)
    for order, line, product, vendor, country, promised_on, quantity in connection.execute(query):
        name, direct = seen.vendors.get(vendor, vendor), bool(products[product].drop_shipped)
        found[order, line].append(
            (promised_on, seen.inflow.coming(name, country, promised_on, direct=direct), quantity)
        )
    return {
        key: (max(answers, key=lambda one: one[0])[1], sum(quantity for _, _, quantity in answers))
        for key, answers in found.items()
    }


def _lines(desk: Desk, as_of: date, after: str, last: str) -> Any:
    names = ("number", "product_id", "expected_on", "expected_source", "time_critical")
    over = desk.end_of(as_of)
    return (
        select(ORDERS.c.id, ORDERS.c.priority, *PROMISED, *(LINES.c[name] for name in names))
        .add_columns(unsent_pieces(over).label("unsent"), wanted_pieces(over).label("wanted"))
        .add_columns(_foreseen(as_of), *KEPT, WATCHES.c.told_lines)
        .select_from(
            LINES.join(ORDERS, ORDERS.c.id == LINES.c.order_id)
            .outerjoin(CUSTOMERS, CUSTOMERS.c.id == ORDERS.c.customer_id)
            .outerjoin(EXPECTATIONS, CURRENT)
            .outerjoin(WATCHES, and_(WATCHES.c.order_id == ORDERS.c.id, EXPECTATIONS.c.ready))
        )
        .where(within(LINES.c.product_id, after, last), unsent(desk, as_of))
    )


def _foreseen(as_of: date) -> ColumnElement[date | None]:
    """Return the SQL of the day that the vendor's lead time gave a line before a word was believed that has lapsed."""
    earlier = EXPECTATIONS.alias()
    mine = and_(earlier.c.order_id == LINES.c.order_id, earlier.c.line == LINES.c.number)
    day = select(func.max(earlier.c.expected_on)).where(mine, earlier.c.source == DateSource.FORECAST)
    lapsed = and_(EXPECTATIONS.c.source.in_(WORDS), EXPECTATIONS.c.expected_on < as_of)
    return case((lapsed, day.correlate(LINES).scalar_subquery())).label("foreseen")


def _wish(desk: Desk, row: Row[Any], product: Row[Any], answered: tuple[Coming | None, Quantity]) -> Wish:
    promised_on = promised(desk, row)
    before = kept(row)
    expected_on = desk.expected_day(row.expected_on, row.placed_at)
    demand = Demand(
        order=row.id,
        line=row.number,
        quantity=row.wanted,
        packed=row.unsent - row.wanted,
        promised_on=promised_on,
        placed_at=row.placed_at,
        priority=row.priority,
        time_critical=row.time_critical,
        country=row.country or "",
        told_ready=any(one.number == row.number and one.ready for one in map(ToldLine.from_data, row.told_lines or ())),
    )
    awaited = Awaited(
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
    return Wish(demand, awaited, before)


def kept(row: Row[Any]) -> Kept | None:
    """Return what the ledger believes of a line; None where it has nothing."""
    if row.row is None:
        return None
    said = {name: getattr(row, f"kept_{name}") for name in _SAID}
    return Kept(row.row, Expectation(**said | {"source": DateSource(said["source"])}), bool(row.ready))
