"""The suppression list as staff see it: who is on it, who has an address, and how one comes off it."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select

from models.errors import ForewarnError
from rules.addresses import BadAddress, phone_number
from rules.masking import masked
from tasks.orders import CUSTOMERS
from tasks.outbox import SUPPRESSIONS, happened

SIGNIFICANT_DIGITS = 6
"""Last digits of a number by which customers who may have it are found; each is then read as texts read it."""
SEPARATORS = " -/.()"


def list_suppressions(connection: Connection) -> list[dict[str, Any]]:
    """Return the addresses that are not written to, the newest first, masked."""
    query = select(SUPPRESSIONS).order_by(SUPPRESSIONS.c.created_at.desc(), SUPPRESSIONS.c.address)
    return [{**dict(row), "address": masked(row["address"])} for row in connection.execute(query).mappings()]


def customers_with(connection: Connection, address: str, country: str) -> list[str]:
    """Return the ids of the customers who have an address or a number, however they write it."""
    if "@" in address:
        query = select(CUSTOMERS.c.id).where(func.lower(func.trim(CUSTOMERS.c.email)) == address)
        return list(connection.execute(query.order_by(CUSTOMERS.c.id)).scalars())
    digits: Any = CUSTOMERS.c.phone
    for separator in SEPARATORS:
        digits = func.replace(digits, separator, "")
    query = select(CUSTOMERS.c.id, CUSTOMERS.c.phone, CUSTOMERS.c.country)
    maybe = connection.execute(query.where(digits.endswith(address[-SIGNIFICANT_DIGITS:])).order_by(CUSTOMERS.c.id))
    return [key for key, phone, theirs in maybe if _read(phone, theirs or country) == address]


def _read(phone: str, country: str) -> str | None:
    try:
        return phone_number(phone, country)
    except BadAddress:
        return None


def unsuppress(connection: Connection, address: str, now: datetime, who: str, why: str) -> None:
    """Let an address be written to again; raises ForewarnError where it is not on the list."""
    gone = connection.execute(delete(SUPPRESSIONS).where(SUPPRESSIONS.c.address == address)).rowcount
    if not gone:
        raise ForewarnError(f"{masked(address)} is not on the list; `forewarn suppressions list` shows who is")
    happened(connection, [("unsuppressed", address, why)], now, who)
