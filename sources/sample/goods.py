"""Generate the sample shop's stock and its deliveries from vendors."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Self

MAX_OFFSET_DAYS = 90
PAST_DELIVERIES = 3
"""Past deliveries of each product in stock."""
DAYS_LATE = (0, 1, 0, 2, 0, 4, 1, 0, 6, 0, 2)
"""How many days late the past deliveries were, in rotation."""
REASONS = ("customs", "", "supplier late", "production", "high demand")
"""Why the expected deliveries are late, in rotation; of some it is not known."""
LARGE_ITEM_PRICE = 100
"""Euro; customers order one piece of a product from this price up."""


class Dates:
    """Dates as a shop system writes them, by days from `as_of`: -3 is three days before it, None an empty field."""

    def __init__(self, as_of: date) -> None:
        written = {
            offset: (as_of + timedelta(days=offset)).isoformat() for offset in range(-MAX_OFFSET_DAYS, MAX_OFFSET_DAYS)
        }
        self.day: dict[int | None, str] = {None: ""} | written
        self.moment: dict[int | None, str] = {None: ""} | {
            offset: f"{day} {9 + offset % 8:02}:{offset * 7 % 60:02}:00" for offset, day in written.items()
        }


@dataclass(frozen=True, slots=True)
class Goods:
    """Products by SKU: prices, vendors, those in stock, and those that wait for a delivery.

    `waiting` has the days until the delivery; None if the date is unknown. A `large` product is ordered once per line.
    """

    prices: Mapping[str, str]
    vendors: Mapping[str, str]
    in_stock: tuple[str, ...]
    waiting: Mapping[str, int | None]
    large: frozenset[str]

    @classmethod
    def read(cls, products: Path, waiting: Mapping[str, int | str]) -> Self:
        """Read the shop's products. Those not in `waiting` are in stock."""
        with products.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return cls(
            prices={row["sku"]: row["price"] for row in rows},
            vendors={row["sku"]: row["vendor_no"] for row in rows},
            in_stock=tuple(row["sku"] for row in rows if row["sku"] not in waiting),
            waiting={sku: days if isinstance(days, int) else None for sku, days in waiting.items()},
            large=frozenset(row["sku"] for row in rows if Decimal(row["price"]) >= LARGE_ITEM_PRICE),
        )


def stock_rows(goods: Goods, rng: Random) -> Iterator[str]:
    """Yield the rows of stock.csv. Some locations are empty, and at some all pieces are reserved."""
    for nth, sku in enumerate(goods.in_stock):
        berlin = 4 + int(rng.random() * 40)
        rotterdam = 0 if nth % 4 == 1 else 2 + int(rng.random() * 20)
        reserved = berlin if nth % 9 == 4 else int(rng.random() * berlin / 3)
        yield f"{sku},Berlin,{berlin},{reserved}\n{sku},Rotterdam,{rotterdam},0\n"
    for sku in goods.waiting:
        yield f"{sku},Berlin,0,0\n{sku},Rotterdam,0,0\n"


def deliveries_rows(goods: Goods, dates: Dates, rng: Random) -> Iterator[str]:
    """Yield the rows of deliveries.csv: the expected ones, and those received in three months, some of them late."""
    day = dates.day
    for nth, (sku, expected) in enumerate(goods.waiting.items()):
        promised = -4 - int(rng.random() * 8)
        # An unknown date is either missing or has passed.
        stated = (None, -2)[nth % 2] if expected is None else expected
        reason = REASONS[nth % len(REASONS)]
        yield f"D{501 + nth},{sku},{goods.vendors[sku]},{24 + nth % 4 * 12},{day[promised]},{day[stated]},,{reason}\n"
    for nth, sku in enumerate(goods.in_stock * PAST_DELIVERIES):
        received = -3 - nth * 7 % 80
        planned, received_at = day[received - DAYS_LATE[nth % len(DAYS_LATE)]], dates.moment[received]
        yield f"D{601 + nth},{sku},{goods.vendors[sku]},{12 + nth % 3 * 12},{planned},{planned},{received_at},\n"
