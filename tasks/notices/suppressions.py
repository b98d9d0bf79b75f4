"""The suppression list as staff see it: who is on it, who has an address, and how one comes off it."""

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
"""Last digits of a number by which customers who may have it are found; each is then read as texts read it."""
SEPARATORS = " -/.()"


def list_suppressions(connection: Connection) -> list[dict[str, Any]]:
    """Return the addresses that are not written to, the newest first, masked."""
    query = select(SUPPRESSIONS).order_by(SUPPRESSIONS.c.created_at.desc(), SUPPRESSIONS.c.address)
    return [{**dict(row), "address": mask_address(row["address"])} for row in connection.execute(query).mappings()]


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
    return [key for key, phone, theirs in maybe if _parse_phone(phone, theirs or country) == address]


def _parse_phone(phone: str, country: str) -> str | None:
    try:
        return phone_number(phone, country)
    except BadAddress:
        return None


def unsuppress(connection: Connection, address: str, now: datetime, who: str, why: str) -> None:
    """Let an address be written to again; raises ForewarnError where it is not on the list."""
    gone = connection.execute(delete(SUPPRESSIONS).where(SUPPRESSIONS.c.address == address)).rowcount
    if not gone:
        raise ForewarnError(f"{mask_address(address)} is not on the list; `forewarn suppressions list` shows who is")
    record_events(connection, [("unsuppressed", address, why)], now, who)


def suppressed_addresses(connection: Connection, addresses: Set[str]) -> dict[str, SkipReason]:
    """Return those addresses that must not be written to, each with its reason.

    An address is suppressed, or a customer who has it opted out: whichever customer it is about to be used for.
    """
    if not addresses:
        return {}
    suppressed = select(SUPPRESSIONS.c.address).where(in_list(connection, SUPPRESSIONS.c.address, addresses))
    opted_out = select(OPT_OUTS.c.address).where(in_list(connection, OPT_OUTS.c.address, addresses))
    return dict.fromkeys(connection.execute(suppressed).scalars(), SkipReason.SUPPRESSED) | dict.fromkeys(
        connection.execute(opted_out).scalars(), SkipReason.OPTED_OUT
    )


def suppress(connection: Connection, addresses: Mapping[str, str], now: datetime, who: str) -> None:
    """Never write to these addresses again; each comes with its reason."""
    if addresses:
        rows = [
            {"address": address, "reason": reason, "who": who, "created_at": now}
            for address, reason in sorted(addresses.items())
        ]
        connection.execute(insert(connection, SUPPRESSIONS).on_conflict_do_nothing(), rows)
