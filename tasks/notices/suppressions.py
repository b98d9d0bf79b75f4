"""The suppression list: addresses to which nothing is sent."""

from collections.abc import Mapping, Set
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select

from models.enums import SkipReason
from models.errors import ForewarnError
from rules.contact.addresses import BadAddress, phone_number
from rules.contact.masking import mask_address
from tasks.db.events import record_events
from tasks.db.sql import in_list, insert
from tasks.tables import CUSTOMERS, OPT_OUTS, SUPPRESSIONS

SIGNIFICANT_DIGITS = 6
"""Last digits of a number by which candidates are found; each is then compared in its normal form."""
SEPARATORS = " -/.()"


def list_suppressions(connection: Connection) -> list[dict[str, Any]]:
    """Return the suppressed addresses, masked, the newest first."""
    query = select(SUPPRESSIONS).order_by(SUPPRESSIONS.c.created_at.desc(), SUPPRESSIONS.c.address)
    return [{**dict(row), "address": mask_address(row["address"])} for row in connection.execute(query).mappings()]


def customers_with(connection: Connection, address: str, country: str) -> list[str]:
    """Return the ids of the customers who have this address or number, however their record spells it."""
    if "@" in address:
        query = select(CUSTOMERS.c.id).where(func.lower(func.trim(CUSTOMERS.c.email)) == address)
        return list(connection.execute(query.order_by(CUSTOMERS.c.id)).scalars())
    digits: Any = CUSTOMERS.c.phone
    for separator in SEPARATORS:
        digits = func.replace(digits, separator, "")
    query = select(CUSTOMERS.c.id, CUSTOMERS.c.phone, CUSTOMERS.c.country)
    candidates = connection.execute(
        query.where(digits.endswith(address[-SIGNIFICANT_DIGITS:])).order_by(CUSTOMERS.c.id)
    )
    return [key for key, phone, own_country in candidates if _parse_phone(phone, own_country or country) == address]


def _parse_phone(phone: str, country: str) -> str | None:
    try:
        return phone_number(phone, country)
    except BadAddress:
        return None


def unsuppress(connection: Connection, address: str, now: datetime, who: str, why: str) -> None:
    """Remove an address from the list; raises ForewarnError where it is not on it."""
    removed = connection.execute(delete(SUPPRESSIONS).where(SUPPRESSIONS.c.address == address)).rowcount
    if not removed:
        raise ForewarnError(f"{mask_address(address)} is not on the list; `forewarn suppressions list` shows who is")
    record_events(connection, [("unsuppressed", address, why)], now, who)


def suppressed_addresses(connection: Connection, addresses: Set[str]) -> dict[str, SkipReason]:
    """Return those of the addresses to which nothing may be sent, each with the reason.

    An address is suppressed, or any customer who has it has opted out.
    """
    if not addresses:
        return {}
    suppressed = select(SUPPRESSIONS.c.address).where(in_list(connection, SUPPRESSIONS.c.address, addresses))
    opted_out = select(OPT_OUTS.c.address).where(in_list(connection, OPT_OUTS.c.address, addresses))
    return dict.fromkeys(connection.execute(suppressed).scalars(), SkipReason.SUPPRESSED) | dict.fromkeys(
        connection.execute(opted_out).scalars(), SkipReason.OPTED_OUT
    )


def suppress(connection: Connection, addresses: Mapping[str, str], now: datetime, who: str) -> None:
    """Put addresses on the list, each with its reason."""
    if addresses:
        rows = [
            {"address": address, "reason": reason, "who": who, "created_at": now}
            for address, reason in sorted(addresses.items())
        ]
        connection.execute(insert(connection, SUPPRESSIONS).on_conflict_do_nothing(), rows)
