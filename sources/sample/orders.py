"""The sample shop's orders: one in ten is late, in every way an order can be."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple, TypeVar

from sources.sample.customers import BAD_MAIL, NO_ADDRESS, OPTED_OUT, SHOWN
from sources.sample.goods import Dates, Goods

Option = TypeVar("Option")

FIRST_ORDER = 1001
SHOWN_ORDER = 1041
"""The order that trials look at: a late line whose date is known and that has a substitute, beside one on time."""

SPAN = 45
"""Days over which the orders came in."""

LATE = ((1, 3), (4, 7), (8, 14), (15, 24))
"""Days late, from and to; the late orders take turns."""

LATE_CUSTOMERS = {1: OPTED_OUT, 2: BAD_MAIL, 3: NO_ADDRESS}
"""Who awaits the second, third and fourth late order."""

HOW_MANY_LINES = (1,) * 9 + (2,) * 6 + (3,) * 3 + (4,) * 2
QUANTITIES = (1,) * 7 + (2,) * 2 + (4,)
FEES = ("0.00", "4.90", "4.90", "6.90")
PROMISES = ("arrival", "arrival", "dispatch")


class Line(NamedTuple):
    """What happens to one line; days are counted from `as_of`."""

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
        ten, place = divmod(nth, 10)
        if place == 0:
            shown = nth == SHOWN_ORDER - FIRST_ORDER
            late = nth if shown else nth + int(rng.random() * 10)
        minute = int((nth + rng.random()) * SPAN * 1440 / count)
        age = SPAN - minute // 1440
        customer = int(rng.random() * customers)
        cancelled = None
        if nth == SHOWN_ORDER - FIRST_ORDER:
            customer, lines = SHOWN, _shown(goods)
        elif nth == late:
            customer, lines = LATE_CUSTOMERS.get(ten, customer), _late(ten, age, goods, rng)
        else:
            cancelled, lines = _other(age, goods, rng)
        number, placed = FIRST_ORDER + nth, f"{dates.day[-age]} {minute // 60 % 24:02}:{minute % 60:02}:00"
        promise = PROMISES[nth % len(PROMISES)]
        yield (
            f"{number},C{customer + 1},{placed},{dates.moment[cancelled]},EUR,{FEES[nth % len(FEES)]}\n",
            "".join([_row(number, at, line, promise, goods, dates, rng) for at, line in enumerate(lines, start=1)]),
        )


def _shown(goods: Goods) -> list[Line]:
    late, on_time = "LL-1201", "LL-1606"
    expected = goods.waiting[late] or 0
    return [Line(late, promised=expected - 10, expected=expected), Line(on_time, promised=5, expected=5)]


def _late(turn: int, age: int, goods: Goods, rng: Random) -> list[Line]:
    """Return the lines of a late order: the first the latest, perhaps a second, and others on time."""
    low, high = LATE[turn % len(LATE)]
    days = low + int(rng.random() * (high - low + 1))
    # What was ordered less than so many days ago cannot have been promised as early; its new date is known then.
    unknown = turn // len(LATE) % 2 == 0 and age >= days + 2
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
        passed = None if rng.random() < 0.5 else -1 - int(rng.random() * (days - 1))
        return Line(_one_of(awaited, rng), promised=-days, expected=passed)
    # Promised a day after the order at the earliest.
    known = [(sku, due) for sku, due in goods.waiting.items() if due is not None and due - days > -age]
    sku, due = _one_of(known, rng)
    return Line(sku, promised=due - days, expected=due)


def _other(age: int, goods: Goods, rng: Random) -> tuple[int | None, list[Line]]:
    """Return when an order that is not late was cancelled, if it was, and its lines."""
    skus = _in_stock(rng, goods)
    story = rng.random()
    if story < 0.66 or age < 5:
        return None, [_open_line(sku, rng) for sku in skus]
    if story < 0.80:
        left = -1 - int(rng.random() * min(age - 2, 6))
        due = 1 + int(rng.random() * 6)
        return None, [Line(sku, due, expected=due, dispatched=left) for sku in skus]
    if story < 0.95:
        came = -1 - int(rng.random() * (age - 4))
        due = came + int(rng.random() * 5)
        return None, [Line(sku, due, expected=due, dispatched=came - 2, delivered=came) for sku in skus]
    # Cancelled orders would be late by now, had they not been.
    return -1 - int(rng.random() * (age - 2)), [Line(sku, promised=-2) for sku in skus]


def _open_line(sku: str, rng: Random) -> Line:
    due = 1 + int(rng.random() * 20)
    if rng.random() < 0.02:
        return Line(sku, due, cancelled=0)
    return Line(sku, due, expected=due if due % 2 else None)


def _in_stock(rng: Random, goods: Goods) -> list[str]:
    how_many = _one_of(HOW_MANY_LINES, rng)
    first = int(rng.random() * len(goods.in_stock))
    # 17 shares no factor with the 50 products in stock, so that an order never has one twice.
    return [goods.in_stock[(first + 17 * nth) % len(goods.in_stock)] for nth in range(how_many)]


def _row(order: int, number: int, line: Line, promise: str, goods: Goods, dates: Dates, rng: Random) -> str:
    sku, promised, expected, dispatched, delivered, cancelled = line
    quantity = 1 if sku in goods.large else _one_of(QUANTITIES, rng)
    day, moment = dates.day, dates.moment
    return (
        f"{order},{number},{sku},{quantity},{goods.prices[sku]},{promise},{day[promised]},{day[expected]},"
        f"{moment[dispatched]},{moment[delivered]},{moment[cancelled]}\n"
    )


def _one_of(options: Sequence[Option], rng: Random) -> Option:
    return options[int(rng.random() * len(options))]
