"""Record the addresses of customers who want no messages. An opt-out applies to every customer with the address."""

from collections.abc import Iterator, Sequence
from functools import partial

from sqlalchemy import Connection, delete

from rules.contact.addresses import email_address, phone_number, readable
from sources.contract import CustomerRow
from sources.deduplicate import RowKey
from tasks.db.sql import in_list, insert
from tasks.tables import OPT_OUTS


def save_opt_outs(connection: Connection, customers: Sequence[CustomerRow], updated: set[RowKey], country: str) -> None:
    """Record the addresses of imported customers who opted out, and delete those that `updated` customers had before.

    `country` is the shop's: phone numbers of customers without a country belong to it.
    """
    if updated:
        of_updated = in_list(connection, OPT_OUTS.c.customer_id, {key[0] for key in updated})
        connection.execute(delete(OPT_OUTS).where(of_updated))
    rows = [
        {"customer_id": customer.id, "address": address}
        for customer in customers
        if customer.opted_out
        for address in _addresses(customer, country)
    ]
    if rows:
        connection.execute(insert(connection, OPT_OUTS).on_conflict_do_nothing(), rows)


def _addresses(customer: CustomerRow, country: str) -> Iterator[str]:
    number = partial(phone_number, country=customer.country or country)
    yield from filter(None, (readable(email_address, customer.email), readable(number, customer.phone)))
