"""Past orders of a shop whose carrier is known: each day an order arrives by a chance that is written here."""

from datetime import date, timedelta

import numpy as np

from models.early_warning import OpenOrder, PastOrder
from models.enums import Promise

START = date(2025, 1, 1)
CHANCES = {"near": 0.30, "far": 0.16}
"""By region: the chance that an order which the carrier has arrives on a day."""
WITHIN_DAYS = 8
LATE_DAYS = 4


def day(n: int) -> date:
    return START + timedelta(days=int(n))


def past_orders(count: int, days: int, seed: int = 5) -> list[PastOrder]:
    """Return orders over some days, shipped the day after they were placed, to a near region and a far one."""
    dice = np.random.default_rng(seed)
    orders = []
    for n in range(count):
        placed, region = n * days // count, ("near", "far")[n % 2]
        arrived = placed + 1 + int(dice.geometric(CHANCES[region]))
        orders.append(
            PastOrder(
                order_id=f"o{n}",
                placed_on=day(placed),
                promised_on=day(placed + WITHIN_DAYS),
                shipped_on=day(placed + 1),
                region=region,
                country="DE",
                vendor=f"v{n % 3}",
                ended_on=day(arrived),
            )
        )
    return orders


def truth(order: OpenOrder, as_of: date) -> float:
    """Return the chance that an order which has not arrived before a morning ends late."""
    days = (order.promised_on + timedelta(days=LATE_DAYS) - as_of).days
    return (1 - CHANCES[order.region or ""]) ** days


def out_on(past: list[PastOrder], as_of: date) -> list[PastOrder]:
    """Return the orders that were out on a morning, as the shop knows them now."""
    return [
        each
        for each in past
        if each.placed_on < as_of <= each.promised_on and (each.ended_on is None or each.ended_on >= as_of)
    ]


def to_ship(order: PastOrder) -> PastOrder:
    """Return an order as one whose promise is to ship: it is kept on the day on which the other arrived."""
    return PastOrder(
        order_id=order.order_id,
        placed_on=order.placed_on,
        promised_on=order.promised_on,
        promise=Promise.SHIP,
        region=order.region,
        ended_on=order.ended_on,
    )
