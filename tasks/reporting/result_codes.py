"""Load the discount codes that were given about orders, and how often the shop says that each was used."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from tasks.db.sql import in_list
from tasks.tables import OFFERS, REDEMPTIONS

SCALE = 10_000
"""Money is counted in ten-thousandths."""


@dataclass(frozen=True, slots=True)
class CodeUse:
    """One use of a code."""

    amount: int | None
    """What it took off, in ten-thousandths; None: the export does not say."""
    currency: str
    is_expired: bool


@dataclass(frozen=True, slots=True)
class GivenCode:
    """A code that was given about an order."""

    given_at: datetime
    value: int
    """The most that it costs, in ten-thousandths."""
    currency: str
    uses: tuple[CodeUse, ...]


def load_codes(connection: Connection, orders: Collection[str], zone: ZoneInfo) -> Mapping[str, list[GivenCode]]:
    """Return the codes of orders, by order id. A code is expired after its last day in the shop's zone."""
    columns = ("order_id", "code", "created_at", "value", "currency", "expires_on")
    of_orders = (in_list(connection, OFFERS.c.order_id, orders), OFFERS.c.code.is_not(None))
    query = select(*(OFFERS.c[name] for name in columns)).where(*of_orders).order_by(OFFERS.c.created_at, OFFERS.c.code)
    offers = connection.execute(query).all()
    uses = _load_uses(connection, {offer.code for offer in offers})
    found: dict[str, list[GivenCode]] = defaultdict(list)
    for offer in offers:
        its_uses = tuple(
            CodeUse(
                None if use.amount is None else int(use.amount * SCALE),
                use.currency or offer.currency,
                offer.expires_on is not None and use.redeemed_at.astimezone(zone).date() > offer.expires_on,
            )
            for use in uses.get(offer.code, ())
        )
        found[offer.order_id].append(GivenCode(offer.created_at, int(offer.value * SCALE), offer.currency, its_uses))
    return found


def _load_uses(connection: Connection, codes: Collection[str]) -> Mapping[str, list[Any]]:
    columns = (REDEMPTIONS.c[name] for name in ("code", "redeemed_at", "amount", "currency"))
    found: dict[str, list[Any]] = defaultdict(list)
    if codes:
        query = select(*columns).where(in_list(connection, REDEMPTIONS.c.code, codes))
        for row in connection.execute(query):
            found[row.code].append(row)
    return found
