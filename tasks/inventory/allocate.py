"""Share what there is among the open lines, a page of products a transaction; only what changed is written."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from sqlalchemy import Connection, case, select

from models.inventory import AllocationPart, Coverage, DateSource, ExpectedDate, ProductAvailability, StockStatus
from models.orders import LineKey
from rules.inventory.allocation import allocate, left_over, packed, ready
from rules.inventory.availability import available_to_promise
from rules.inventory.expected_dates import expected_date_for
from tasks.context import Context
from tasks.db.changes import compare, delete_rows
from tasks.db.sql import AdvisoryLock, id_range, insert, lock, read_only, upsert
from tasks.imports.guard import ensure_import_complete
from tasks.inventory.expected_dates import DateUpdate, save_expected_dates
from tasks.inventory.forecast_inputs import ForecastInputs, forecast_inputs
from tasks.inventory.supply import ProductSupply, load_supply
from tasks.tables import ALLOCATIONS, AVAILABILITIES, PRODUCTS

ALLOCATE = "allocate"
SHOWN = 200
WORST_SHOWN = (Coverage.NOTHING, Coverage.INBOUND, Coverage.STOCK, Coverage.PACKED)
PART = ("order_id", "line", "part")
PART_COLUMNS = [column.name for column in ALLOCATIONS.c if not column.primary_key]


@dataclass(slots=True)
class AllocationSummary:
    """What came of allocating; adds up over pages."""

    coverage: Counter[str] = field(default_factory=Counter)
    """Open lines by what covers them, the worst of it where there are several."""
    products: Counter[str] = field(default_factory=Counter)
    dates: Counter[str] = field(default_factory=Counter)

    def add(self, other: "AllocationSummary") -> None:
        """Take in another page."""
        for one in fields(self):
            getattr(self, one.name).update(getattr(other, one.name))


@dataclass(frozen=True, slots=True)
class ProductAllocation:
    """What was decided of one product; nothing is available, or not, of one that the shop keeps no stock of."""

    pieces: Mapping[LineKey, Sequence[AllocationPart]]
    believed: Sequence[DateUpdate]
    available: ProductAvailability | None
    waiting: int


def load_forecast_inputs(context: Context) -> ForecastInputs:
    """Learn what dates are reckoned with today."""
    with read_only(context.engine) as connection:
        return forecast_inputs(context, connection, context.as_of)


def allocate_page(context: Context, seen: ForecastInputs, after: str, batch: int) -> tuple[AllocationSummary, str]:
    """Share a page of products; return what came of it, and the last product's id: "" where there are no more.

    One process has the turn at a time, and reads within it: what is written follows from the facts as they are.
    """
    found = AllocationSummary()
    with context.engine.begin() as connection:
        lock(connection, AdvisoryLock.ALLOCATE)
        ensure_import_complete(connection)
        page, last = load_supply(context, connection, seen, after, batch)
        shared = {goods.product: allocate_product(context, goods, seen) for goods in page}
        if page:
            _save_parts(connection, shared, after, last)
            believed = [one for each in shared.values() for one in each.believed]
            found.dates = save_expected_dates(connection, believed, context, context.run_id)
            _save_availability(connection, [one for one in shared.values() if one.available], context)
    for each in shared.values():
        found.coverage.update(str(_worst(pieces)) for pieces in each.pieces.values())
        found.products.update([str(each.available.state)] if each.available else [])
    return found, last


def allocate_product(context: Context, goods: ProductSupply, seen: ForecastInputs) -> ProductAllocation:
    """Decide who gets what of a product, when it is expected, and what a new order would get."""
    policy, pieces = context.policy.allocation, dict[LineKey, list[AllocationPart]]()
    for wish in goods.wishes:
        # Of goods that the shop keeps no stock of, nobody knows where those come from that are not packed.
        if wish.demand.packed and (goods.stocked or not wish.demand.quantity):
            pieces[wish.demand.order, wish.demand.line] = [packed(wish.demand, seen.as_of, seen.journey)]
    if goods.stocked:
        demands = [wish.demand for wish in goods.wishes]
        for piece in allocate(demands, goods.supplies, goods.held_back, policy.high_priority, seen.journey):
            pieces.setdefault((piece.order, piece.line), []).append(piece)
    believed = []
    for wish in goods.wishes:
        key = wish.demand.order, wish.demand.line
        mine = pieces.get(key, [])
        expectation = expected_date_for(wish.awaited, mine, goods.coming, seen.journey, seen.as_of)
        believed.append(DateUpdate(key, wish.kept, expectation, ready(mine) and _leaves(expectation)))
    if not goods.stocked:
        return ProductAllocation(pieces, believed, None, 0)
    left = left_over(goods.supplies, [one for mine in pieces.values() for one in mine])
    free = available_to_promise(goods.product, left, goods.safety, goods.coming, seen.journey)
    waiting = {order for (order, _), mine in pieces.items() if not ready(mine)}
    return ProductAllocation(pieces, believed, free, len(waiting))


def _leaves(expectation: ExpectedDate | None) -> bool:
    """Say whether a line that lies in stock is expected to leave from there, and not when somebody says so."""
    return expectation is not None and expectation.source is DateSource.STOCK and expectation.expected_on is not None


def _worst(pieces: Sequence[AllocationPart]) -> Coverage:
    covers = {piece.cover for piece in pieces}
    return next(cover for cover in WORST_SHOWN if cover in covers)


def _save_parts(connection: Connection, shared: Mapping[str, ProductAllocation], after: str, last: str) -> None:
    """Write the pieces of a page of products that differ from the ledger's, and remove those that are no more."""
    standing = select(*(ALLOCATIONS.c[name] for name in (*PART, *PART_COLUMNS)))
    rows = connection.execute(standing.where(id_range(ALLOCATIONS.c.product_id, after, last)))
    before = {tuple(row[:3]): tuple(row[3:]) for row in rows}
    after_sharing = {key: row for product, each in shared.items() for key, row in _rows(product, each)}
    changes = compare(before, after_sharing)
    delete_rows(connection, ALLOCATIONS, changes.removed)
    # A line that had another product before has its row outside of this page, under the same key: not seen, replaced.
    columns = (*PART, *PART_COLUMNS)
    upsert(
        connection, ALLOCATIONS, [dict(zip(columns, key + row, strict=True)) for key, row in changes.to_write.items()]
    )


def _rows(product: str, shared: ProductAllocation) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    for (order, line), pieces in shared.pieces.items():
        for part, one in enumerate(pieces, 1):
            row = (product, one.quantity, str(one.cover), one.place, one.inbound, one.ships_on, one.arrives_on)
            yield (order, line, part), row


def _save_availability(connection: Connection, shared: Sequence[ProductAllocation], context: Context) -> None:
    """Write what is available anew, be it as it was: a notice holds from when it was last found to be true."""
    new, old = insert(connection, AVAILABILITIES).excluded, AVAILABILITIES.c
    same, back = old.state == new.state, new.state == StockStatus.IN_STOCK
    upsert(
        connection,
        AVAILABILITIES,
        [_available_row(one.available, one.waiting, context) for one in shared if one.available is not None],
        since=case((same, old.since), else_=new.since),
        waited=case((same, old.waited), (back, old.waiting), else_=0),
    )


def _available_row(one: ProductAvailability, waiting: int, context: Context) -> dict[str, Any]:
    said = {name: value for name, value in asdict(one).items() if name != "product"}
    counted = {"product_id": one.product, "waiting": waiting, "waited": 0}
    return said | counted | {"since": context.started_at, "set_at": context.started_at}


def short_products(context: Context) -> list[dict[str, Any]]:
    """Return the products that open orders wait for, those that most wait for first."""
    names = ("product_id", "state", "waiting", "expected_on", "latest_on")
    query = (
        select(PRODUCTS.c.name, *(AVAILABILITIES.c[name] for name in names))
        .join(PRODUCTS, PRODUCTS.c.id == AVAILABILITIES.c.product_id)
        .where(AVAILABILITIES.c.waiting > 0)
        .order_by(AVAILABILITIES.c.waiting.desc(), AVAILABILITIES.c.product_id)
        .limit(SHOWN)
    )
    with read_only(context.engine) as connection:
        return [dict(row) for row in connection.execute(query).mappings()]
