"""Generate the sample shop's orders. One in ten is late, and all kinds of lateness occur."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple, TypeVar

from sources.sample.customers import BAD_MAIL, NO_ADDRESS, OPTED_OUT, REFERENCE_CUSTOMER
from sources.sample.goods import Dates, Goods

Option = TypeVar("Option")

FIRST_ORDER = 1001
REFERENCE_ORDER = 1041
"""The order that the documentation shows: a late line with a known date and a substitute, and one on time."""

ORDER_PERIOD_DAYS = 45

DAYS_LATE_RANGES = ((1, 3), (4, 7), (8, 14), (15, 24))
"""Days late, from and to. The late orders rotate through them."""

LATE_CUSTOMERS = {1: OPTED_OUT, 2: BAD_MAIL, 3: NO_ADDRESS}
"""The customers of the second, third and fourth late order."""

LINE_COUNTS = (1,) * 9 + (2,) * 6 + (3,) * 3 + (4,) * 2
QUANTITIES = (1,) * 7 + (2,) * 2 + (4,)
FEES = ("0.00", "4.90", "4.90", "6.90")
PROMISES = ("arrival", "arrival", "dispatch")
CARRIERS = (("Nordpost", "standard"), ("Nordpost", "express"), ("Kestrel Parcel", "standard"))
ON_THE_ROAD_DAYS = 2
"""Days that a parcel takes."""


class Line(NamedTuple):
    """One line: days from `as_of` of everything that happens to it."""

    sku: str
    promised: int
    expected: int | None = None
    dispatched: int | None = None
    delivered: int | None = None
    cancelled: int | None = None


def orders_rows(count: int, customers: int, goods: Goods, dates: Dates, rng: Random) -> Iterator[tuple[str, str]]:
    """Yield each order's row of orders.csv and its rows of order_lines.csv, oldest first."""
    late = 0
    for nth in range(count):
        group, place = divmod(nth, 10)
        if place == 0:
            is_reference = nth == REFERENCE_ORDER - FIRST_ORDER
            late = nth if is_reference else nth + int(rng.random() * 10)
        minute = int((nth + rng.random()) * ORDER_PERIOD_DAYS * 1440 / count)
        age = ORDER_PERIOD_DAYS - minute // 1440
        customer = int(rng.random() * customers)
        cancelled = None
        if nth == REFERENCE_ORDER - FIRST_ORDER:
            customer, lines = REFERENCE_CUSTOMER, _reference_lines(goods)
        elif nth == late:
            customer, lines = LATE_CUSTOMERS.get(group, customer), _late(group, age, goods, rng)
        else:
            cancelled, lines = _other(age, goods, rng)
        number, placed = FIRST_ORDER + nth, f"{dates.day[-age]} {minute // 60 % 24:02}:{minute % 60:02}:00"
        promise = PROMISES[nth % len(PROMISES)]
        yield (
            f"{number},C{customer + 1},{placed},{dates.moment[cancelled]},EUR,{FEES[nth % len(FEES)]}\n",
            "".join([_row(number, at, line, promise, goods, dates, rng) for at, line in enumerate(lines, start=1)]),
        )


def _reference_lines(goods: Goods) -> list[Line]:
    late, on_time = "LL-1201", "LL-1606"
    expected = goods.waiting[late] or 0
    return [Line(late, promised=expected - 10, expected=expected), Line(on_time, promised=5, expected=5)]


def _late(turn: int, age: int, goods: Goods, rng: Random) -> list[Line]:
    """Return the lines of a late order: the latest one first, perhaps a second late one, and others on time."""
    low, high = DAYS_LATE_RANGES[turn % len(DAYS_LATE_RANGES)]
    days = low + int(rng.random() * (high - low + 1))
    # A line cannot be promised before its order: a younger order has a known new date instead.
    unknown = turn // len(DAYS_LATE_RANGES) % 2 == 0 and age >= days + 2
    lines = [_late_line(days, age, goods, rng, unknown=unknown)]
    others = [_open_line(sku, rng) for sku in _in_stock(rng, goods)[1:]]
    if others and rng.random() < 0.5:
        second = _late_line(1 + int(rng.random() * days), age, goods, rng, unknown=unknown)
        if second.sku != lines[0].sku:
            others[0] = second
    return lines + others


def _late_line(days: int, age: int, goods: Goods, rng: Random, *, unknown: bool) -> Line:
    if unknown:
        awaited = [sku for sku, due in goods.waiting.items() if due is None]
        passed_date = None if rng.random() < 0.5 else -1 - int(rng.random() * (days - 1))
        return Line(_choose(awaited, rng), promised=-days, expected=passed_date)
    # The promise is at least one day after the order.
    known = [(sku, due) for sku, due in goods.waiting.items() if due is not None and due - days > -age]
    sku, due = _choose(known, rng)
    return Line(sku, promised=due - days, expected=due)


def _other(age: int, goods: Goods, rng: Random) -> tuple[int | None, list[Line]]:
    """Return when an order that is not late was cancelled, or None, and its lines."""
    skus = _in_stock(rng, goods)
    fate = rng.random()
    if fate < 0.66 or age < 5:
        return None, [_open_line(sku, rng) for sku in skus]
    if fate < 0.80:
        shipped = -1 - int(rng.random() * min(age - 2, 6))
        due = 1 + int(rng.random() * 6)
        return None, [Line(sku, due, expected=due, dispatched=shipped) for sku in skus]
    if fate < 0.95:
        delivered = -1 - int(rng.random() * (age - 4))
        due = delivered + int(rng.random() * 5)
        return None, [Line(sku, due, expected=due, dispatched=delivered - 2, delivered=delivered) for sku in skus]
    # These orders would be late if they were not cancelled.
    return -1 - int(rng.random() * (age - 2)), [Line(sku, promised=-2) for sku in skus]


def _open_line(sku: str, rng: Random) -> Line:
    due = 1 + int(rng.random() * 20)
    if rng.random() < 0.02:
        return Line(sku, due, cancelled=0)
    return Line(sku, due, expected=due if due % 2 else None)


def _in_stock(rng: Random, goods: Goods) -> list[str]:
    count = _choose(LINE_COUNTS, rng)
    first = int(rng.random() * len(goods.in_stock))
    # 17 and the 50 products in stock have no common factor, so an order never has one of them twice.
    return [goods.in_stock[(first + 17 * nth) % len(goods.in_stock)] for nth in range(count)]


def _row(order: int, number: int, line: Line, promise: str, goods: Goods, dates: Dates, rng: Random) -> str:
    sku, promised, expected, dispatched, delivered, cancelled = line
    quantity = 1 if sku in goods.large else _choose(QUANTITIES, rng)
    day, moment = dates.day, dates.moment
    return (
        f"{order},{number},{sku},{quantity},{goods.prices[sku]},{promise},{day[promised]},{day[expected]},"
        f"{moment[dispatched]},{moment[delivered]},{moment[cancelled]},"
        f"{day[promised - ON_THE_ROAD_DAYS] if promise == 'arrival' else ''},{_tracking(order, line, dates)}\n"
    )


def _tracking(order: int, line: Line, dates: Dates) -> str:
    """Return carrier, service and last scan of a line that left; one in five was never scanned."""
    if line.dispatched is None:
        return ",,,"
    carrier, service = CARRIERS[order % len(CARRIERS)]
    if order % 5 == 0:
        return f"{carrier},{service},,"
    if line.delivered is not None:
        return f"{carrier},{service},{dates.moment[line.delivered]},delivered"
    return f"{carrier},{service},{dates.moment[min(line.dispatched + 1, -1)]},in_transit"


def _choose(options: Sequence[Option], rng: Random) -> Option:
    return options[int(rng.random() * len(options))]
