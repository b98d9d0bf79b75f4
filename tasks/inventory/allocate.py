"""Allocate supply to open lines, a page of products in each transaction; only rows that differ are written."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from models.inventory import AllocationPart, Coverage, DateSource, ExpectedDate, ProductAvailability
from models.orders import LineKey
from rules.inventory.allocation import allocate, is_all_in_stock, packed_part, unallocated_lots
from rules.inventory.availability import available_to_promise
from rules.inventory.expected_dates import expected_date_for
from tasks.context import Context
from tasks.db.changes import compare, delete_rows
from tasks.db.sql import AdvisoryLock, id_range, lock, upsert
from tasks.imports.guard import ensure_import_complete
from tasks.inventory.availability import save_availability
from tasks.inventory.expected_dates import DateUpdate, save_expected_dates
from tasks.inventory.forecast_inputs import ForecastInputs
from tasks.inventory.supply import ProductSupply, load_supply
from tasks.tables import ALLOCATIONS

ALLOCATE = "allocate"
WORST_FIRST = (Coverage.UNCOVERED, Coverage.INBOUND, Coverage.STOCK, Coverage.PACKED)
PART_KEY = ("order_id", "line", "part")
PART_COLUMNS = tuple(column.name for column in ALLOCATIONS.c if not column.primary_key)


@dataclass(slots=True)
class AllocationSummary:
    """Counts of what allocation did; pages are added up."""

    coverage: Counter[str] = field(default_factory=Counter)
    """Open lines by their coverage; a line in several parts counts by the worst of them."""
    products: Counter[str] = field(default_factory=Counter)
    """Products by StockStatus."""
    dates: Counter[str] = field(default_factory=Counter)
    """Expected dates by DateChange."""

    def add(self, page: "AllocationSummary") -> None:
        """Add the counts of another page."""
        self.coverage.update(page.coverage)
        self.products.update(page.products)
        self.dates.update(page.dates)


@dataclass(frozen=True, slots=True)
class ProductAllocation:
    """What was decided for one product."""

    parts: Mapping[LineKey, Sequence[AllocationPart]]
    date_updates: Sequence[DateUpdate]
    available: ProductAvailability | None
    """None for a product that the shop keeps no stock of."""
    waiting_orders: int


def allocate_page(context: Context, inputs: ForecastInputs, after: str, limit: int) -> tuple[AllocationSummary, str]:
    """Allocate the next page of products; return its counts and the id of its last product, empty after the last page.

    One process allocates at a time. It reads within the lock, so that what it writes follows from the current data.
    Raises ImportIncomplete while an import is incomplete.
    """
    with context.engine.begin() as connection:
        lock(connection, AdvisoryLock.ALLOCATE)
        ensure_import_complete(connection)
        supplies, last = load_supply(context, connection, inputs, after, limit)
        allocations = {supply.product: allocate_product(context, supply, inputs) for supply in supplies}
        summary = _summary(allocations.values())
        if supplies:
            _save_parts(connection, allocations, after, last)
            updates = [update for allocation in allocations.values() for update in allocation.date_updates]
            summary.dates = save_expected_dates(connection, updates, context, context.run_id)
            save_availability(
                connection,
                [
                    (allocation.available, allocation.waiting_orders)
                    for allocation in allocations.values()
                    if allocation.available
                ],
                context.started_at,
            )
    return summary, last


def allocate_product(context: Context, supply: ProductSupply, inputs: ForecastInputs) -> ProductAllocation:
    """Allocate one product: what each line gets, when it is expected, and what a new order would get."""
    parts = _parts_by_line(context, supply, inputs)
    date_updates = []
    for open_line in supply.open_lines:
        key = open_line.demand.order, open_line.demand.line
        line_parts = parts.get(key, [])
        expected = expected_date_for(
            open_line.date_inputs, line_parts, supply.inbound_dates, inputs.transit, inputs.as_of
        )
        in_stock = is_all_in_stock(line_parts) and _ships_from_stock(expected)
        date_updates.append(DateUpdate(key, open_line.stored, expected, in_stock))
    if not supply.stocked:
        return ProductAllocation(parts, date_updates, None, 0)
    unallocated = unallocated_lots(supply.lots, [part for line_parts in parts.values() for part in line_parts])
    available = available_to_promise(
        supply.product, unallocated, supply.safety_stock, supply.inbound_dates, inputs.transit
    )
    waiting = {order for (order, _), line_parts in parts.items() if not is_all_in_stock(line_parts)}
    return ProductAllocation(parts, date_updates, available, len(waiting))


def _parts_by_line(
    context: Context, supply: ProductSupply, inputs: ForecastInputs
) -> dict[LineKey, list[AllocationPart]]:
    policy, parts = context.policy.allocation, dict[LineKey, list[AllocationPart]]()
    demands = [open_line.demand for open_line in supply.open_lines]
    for demand in demands:
        # Without stock data only packed lines have a date: nothing tells where the other pieces come from.
        if demand.packed and (supply.stocked or not demand.quantity):
            parts[demand.order, demand.line] = [packed_part(demand, inputs.as_of, inputs.transit)]
    if supply.stocked:
        for part in allocate(demands, supply.lots, supply.shop_safety_stock, policy.high_priority, inputs.transit):
            parts.setdefault((part.order, part.line), []).append(part)
    return parts


def _ships_from_stock(expected: ExpectedDate | None) -> bool:
    """Say whether the date of a line in stock is that of its stock, and not one that somebody stated."""
    return expected is not None and expected.source is DateSource.STOCK and expected.expected_on is not None


def _summary(allocations: Iterable[ProductAllocation]) -> AllocationSummary:
    summary = AllocationSummary()
    for allocation in allocations:
        summary.coverage.update(str(_worst_coverage(parts)) for parts in allocation.parts.values())
        summary.products.update([str(allocation.available.state)] if allocation.available else [])
    return summary


def _worst_coverage(parts: Sequence[AllocationPart]) -> Coverage:
    covers = {part.cover for part in parts}
    return next(cover for cover in WORST_FIRST if cover in covers)


def _save_parts(connection: Connection, allocations: Mapping[str, ProductAllocation], after: str, last: str) -> None:
    """Write the parts of a page of products that differ from the ledger's, and delete those that no longer are."""
    columns = [ALLOCATIONS.c[name] for name in (*PART_KEY, *PART_COLUMNS)]
    rows = connection.execute(select(*columns).where(id_range(ALLOCATIONS.c.product_id, after, last)))
    stored = {tuple(row[: len(PART_KEY)]): tuple(row[len(PART_KEY) :]) for row in rows}
    wanted = {key: row for product, allocation in allocations.items() for key, row in _part_rows(product, allocation)}
    changes = compare(stored, wanted)
    delete_rows(connection, ALLOCATIONS, changes.removed)
    # An upsert, because a line whose product changed has its old parts outside of this page, under the same key.
    names = (*PART_KEY, *PART_COLUMNS)
    upsert(
        connection, ALLOCATIONS, [dict(zip(names, (*key, *row), strict=True)) for key, row in changes.to_write.items()]
    )


def _part_rows(product: str, allocation: ProductAllocation) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """Yield each part as its key and its other columns, in the order of PART_KEY and PART_COLUMNS."""
    for (order, line), parts in allocation.parts.items():
        for number, part in enumerate(parts, 1):
            row = (product, part.quantity, str(part.cover), part.place, part.inbound, part.ships_on, part.arrives_on)
            yield (order, line, number), row
