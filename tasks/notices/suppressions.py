"""The suppression list: addresses to which nothing is sent."""

from collections.abc import Mapping, Set
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select

from models.enums import SkipReason
from models.errors import ForewarnError
from rules.contact.addresses import BadAddress, phone_number
from rules.contact.keyed_hash import HASHED, address_forms, hashed_address
from rules.contact.masking import mask_address
from tasks.db.events import record_events
from tasks.db.sql import in_list, insert
from tasks.notices.consent import give_back_by_staff, withdraw_by_staff
from tasks.tables import CUSTOMERS, OPT_OUTS, SUPPRESSIONS

SIGNIFICANT_DIGITS = 6
"""Last digits of a number by which candidates are found; each is then compared in its normal form."""
SEPARATORS = " -/.()"
OF_ERASED = "of an erased customer"
"""What stands for an address of which the ledger has the hash alone."""


def list_suppressions(connection: Connection) -> list[dict[str, Any]]:
    """Return the suppressed addresses, masked, the newest first."""
    query = select(SUPPRESSIONS).order_by(SUPPRESSIONS.c.created_at.desc(), SUPPRESSIONS.c.address)
    return [{**dict(row), "address": mask_stored(row["address"])} for row in connection.execute(query).mappings()]


def mask_stored(address: str) -> str:
    """Return an address of the records masked, or that it was an erased customer's."""
    return OF_ERASED if address.startswith(HASHED) else mask_address(address)


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


def unsuppress(
    connection: Connection, address: str, now: datetime, who: str, why: str, erasure_key: bytes = b""
) -> None:
    """Remove an address, and the hash that stands for it, from the list; raises ForewarnError where none is on it."""
    on_list = SUPPRESSIONS.c.address.in_(address_forms(erasure_key, address))
    removed = list(connection.execute(delete(SUPPRESSIONS).where(on_list).returning(SUPPRESSIONS.c.address)).scalars())
    if not removed:
        raise ForewarnError(f"{mask_address(address)} is not on the list; `forewarn suppressions list` shows who is")
    for form in removed:
        give_back_by_staff(connection, form, now, who)
    record_events(connection, [("unsuppressed", form, why) for form in sorted(removed)], now, who)


def suppress_by_staff(connection: Connection, address: str, why: str, now: datetime, who: str) -> None:
    """Put an address on the list because staff say so, and record that its owner wants no messages."""
    suppress(connection, {address: why}, now, who)
    withdraw_by_staff(connection, address, now, who)


def suppressed_addresses(
    connection: Connection, addresses: Set[str], erasure_key: bytes = b""
) -> dict[str, SkipReason]:
    """Return those of the addresses to which nothing may be sent, each with the reason.

    An address is suppressed, or any customer who has it has opted out. An address that the ledger has as a hash alone,
    because its customer was erased, is found with the erasure key.
    """
    if not addresses:
        return {}
    if erasure_key:
        hashes = {hashed_address(erasure_key, address): address for address in addresses}
        found = suppressed_addresses(connection, {*addresses, *hashes})
        return {hashes.get(address, address): reason for address, reason in found.items()}
    suppressed = select(SUPPRESSIONS.c.address).where(in_list(connection, SUPPRESSIONS.c.address, addresses))
    opted_out = select(OPT_OUTS.c.address).where(in_list(connection, OPT_OUTS.c.address, addresses))
    return dict.fromkeys(connection.execute(suppressed).scalars(), SkipReason.SUPPRESSED) | dict.fromkeys(
        connection.execute(opted_out).scalars(), SkipReason.OPTED_OUT
    )


def suppressed_by_hash(connection: Connection, addresses: Set[str], erasure_key: bytes) -> set[str]:
    """Return those of the addresses that the ledger has as a suppressed hash alone; an opt-out is none."""
    if not addresses or not erasure_key:
        return set()
    hashes = {hashed_address(erasure_key, address): address for address in addresses}
    found = select(SUPPRESSIONS.c.address).where(
        in_list(connection, SUPPRESSIONS.c.address, hashes), SUPPRESSIONS.c.reason != SkipReason.OPTED_OUT
    )
    return {hashes[key] for key in connection.execute(found).scalars()}


def suppress(connection: Connection, addresses: Mapping[str, str], now: datetime, who: str) -> None:
    """Put addresses on the list, each with its reason.

    One that staff muted is on the list for the new reason from now on: undoing the mute does not take it off.
    """
    if addresses:
        rows = [
            {"address": address, "reason": reason, "who": who, "created_at": now, "mute_id": None}
            for address, reason in sorted(addresses.items())
        ]
        new = insert(connection, SUPPRESSIONS)
        values = {name: new.excluded[name] for name in ("reason", "who", "created_at", "mute_id")}
        muted = SUPPRESSIONS.c.mute_id.is_not(None)
        connection.execute(new.on_conflict_do_update(index_elements=["address"], set_=values, where=muted), rows)


def mute(connection: Connection, addresses: Mapping[str, str], mute_id: str, now: datetime, who: str) -> list[str]:
    """Put addresses on the list, each with its reason, by an act that `unmute` can undo; return those that are new.

    The consents of their owner stay as they are: an address that is on the list already stays on it for its own reason.
    """
    new = insert(connection, SUPPRESSIONS).on_conflict_do_nothing().returning(SUPPRESSIONS.c.address)
    rows = [
        {"address": address, "reason": reason, "who": who, "created_at": now, "mute_id": mute_id}
        for address, reason in sorted(addresses.items())
    ]
    taken = [address for row in rows for address in connection.execute(new, row).scalars()]
    record_events(connection, [("muted", address, addresses[address]) for address in taken], now, who)
    return taken


def unmute(connection: Connection, mute_id: str, now: datetime, who: str, why: str) -> list[str]:
    """Take the addresses off the list that one mute put on it and nothing else since; return them."""
    removed = delete(SUPPRESSIONS).where(SUPPRESSIONS.c.mute_id == mute_id).returning(SUPPRESSIONS.c.address)
    addresses = sorted(connection.execute(removed).scalars())
    record_events(connection, [("unsuppressed", address, why) for address in addresses], now, who)
    return addresses
