"""Recognise addresses of erased customers in what arrives later, and keep their hashes alone."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, select

from rules.contact.addresses import email_address, phone_number, readable
from rules.contact.keyed_hash import HASHED, hashed_address
from tasks.db.sql import in_list
from tasks.notices.suppressions import customers_with
from tasks.tables import ERASED_ADDRESSES


def kept_forms(connection: Connection, key: bytes, addresses: Iterable[str], country: str) -> Mapping[str, str]:
    """Return by address what of it may be kept: its hash where only customers had it who were erased.

    `key` is the erasure key. `country` is the shop's: numbers without a country code belong to it.
    """
    given = {one for one in addresses if one}
    if not key or not given:
        return {one: one for one in given}
    normal = {one: _normal(one, country) for one in given}
    hashes = {form: hashed_address(key, form) for form in normal.values() if not form.startswith(HASHED)}
    known = select(ERASED_ADDRESSES.c.address).where(in_list(connection, ERASED_ADDRESSES.c.address, hashes.values()))
    erased = set(connection.execute(known).scalars())
    hidden = {
        form: hashed
        for form, hashed in hashes.items()
        if hashed in erased and not customers_with(connection, form, country)  # who came back is a customer again
    }
    return {one: hidden.get(form, one) for one, form in normal.items()}


def _normal(address: str, country: str) -> str:
    if "@" in address:
        return readable(email_address, address) or address
    return readable(lambda number: phone_number(number, country), address) or address
