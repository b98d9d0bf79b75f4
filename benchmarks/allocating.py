"""Allocate supply to a million open lines, one product after another, without a database."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from benchmarks.fresh import Spent, Watch
from models.inventory import Coverage, LineDemand, SupplyLot
from models.policy.policy import CalendarPolicy
from models.policy.supply import AllocationPolicy
from models.quantities import Quantity
from rules.inventory.allocation import allocate
from rules.inventory.transit import TransitTimes

TODAY = date(2025, 6, 16)
PLACED = datetime(2025, 6, 1, 10, tzinfo=UTC)
LINES_PER_PRODUCT = 10
COUNTRIES = ("DE", "AT", "FR", "US")
SAFETY_STOCK = 2
HIGH_PRIORITY = 10
Goods = tuple[list[LineDemand], list[SupplyLot]]


def allocate_all(lines: int) -> Spent:
    """Allocate so many open lines of a tenth as many products; only the allocation is timed."""
    transit, watch = TransitTimes(AllocationPolicy(transit={"DE": 1, "US": 5}), CalendarPolicy()), Watch()
    allocated: Quantity = 0
    for page in _pages(lines // LINES_PER_PRODUCT):
        with watch:
            parts_by_product = [allocate(*goods, SAFETY_STOCK, HIGH_PRIORITY, transit) for goods in page]
        allocated += sum(part.quantity for parts in parts_by_product for part in parts)
    needed = sum(_quantity(nth) for nth in range(LINES_PER_PRODUCT)) * (lines // LINES_PER_PRODUCT)
    assert allocated == needed, f"{allocated} of {needed} pieces are in a part"
    return watch.spent(lines)


def _pages(products: int, size: int = 500) -> Iterator[list[Goods]]:
    for first in range(0, products, size):
        yield [_goods(product) for product in range(first, min(first + size, products))]


def _goods(product: int) -> Goods:
    """Return a product's lines, two in three of which its stock covers, and its two deliveries the rest."""
    demands = [
        LineDemand(
            order=f"{product}-{nth}",
            line="1",
            quantity=_quantity(nth),
            promised_on=TODAY + timedelta(days=(product + nth * 7) % 20),
            placed_at=PLACED + timedelta(minutes=nth * 37 % 60),
            priority=HIGH_PRIORITY if nth == product % 50 else 0,
            time_critical=nth % 7 == 3,
            country=COUNTRIES[(product + nth) % len(COUNTRIES)],
        )
        for nth in range(LINES_PER_PRODUCT)
    ]
    stock = [SupplyLot(Coverage.STOCK, place, 4 + product % 4, TODAY) for place in ("Berlin", "Rotterdam")]
    days = (TODAY + timedelta(days=3 + product % 30), None if product % 5 == 0 else TODAY + timedelta(days=40))
    inbound = [SupplyLot(Coverage.INBOUND, "Berlin", 4, day, f"D{product}-{n}") for n, day in enumerate(days)]
    return demands, stock + inbound


def _quantity(nth: int) -> int:
    return 1 + nth % 3
