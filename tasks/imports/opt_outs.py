"""Addresses of customers who want no messages: an opt-out holds for the address, whichever customer has it too."""

from collections.abc import Iterator, Sequence
from functools import partial

from sqlalchemy import Connection, delete

from rules.contact.addresses import email_address, phone_number, readable
from sources.contract import CustomerRow
from sources.deduplicate import RowKey
from tasks.db.sql import in_list, insert
from tasks.tables import OPT_OUTS


def save_opt_outs(connection: Connection, customers: Sequence[CustomerRow], updated: set[RowKey], country: str) -> None:
    """Record the addresses of imported customers who opted out; forget those of `updated` ones that are not theirs.

    `country` is the shop's, for numbers of customers who have none.
    """
    if updated:
        theirs = in_list(connection, OPT_OUTS.c.customer_id, {key[0] for key in updated})
        connection.execute(delete(OPT_OUTS).where(theirs))
    rows = [
        {"customer_id": one.id, "address": address}
        for one in customers
        if one.opted_out
        for address in _addresses(one, country)
    ]
    if rows:
        connection.execute(insert(connection, OPT_OUTS).on_conflict_do_nothing(), rows)


def _addresses(customer: CustomerRow, country: str) -> Iterator[str]:
    number = partial(phone_number, country=customer.country or country)
    yield from filter(None, (readable(email_address, customer.email), readable(number, customer.phone)))
