"""Find one person: their customer, orders, messages and choices, and every address they have or had."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Column, Connection, select

from models.errors import ForewarnError
from rules.contact.addresses import BadAddress, email_address, phone_number, readable
from rules.contact.keyed_hash import erased_id, hashed_address
from tasks.context import Context
from tasks.db.sql import in_list
from tasks.notices.suppressions import customers_with
from tasks.tables import (
    CUSTOMER_CHOICES,
    CUSTOMER_MAILS,
    CUSTOMERS,
    ERASED_ADDRESSES,
    NOTICES,
    OPT_OUTS,
    ORDER_LINES,
    ORDERS,
    PURCHASE_LINES,
)


@dataclass(frozen=True, slots=True)
class Person:
    """The ids of all that belongs to one customer, and the texts that name them."""

    customer: str
    orders: tuple[str, ...]
    lines: tuple[str, ...]
    """As `ORDER/LINE`."""
    notices: tuple[str, ...]
    mails: tuple[str, ...]
    choices: tuple[str, ...]
    drop_shipped: tuple[str, ...]
    """Purchase requests that carry their address to a vendor."""
    addresses: frozenset[str]
    """Mail addresses and numbers in their normal form, with the hashes that stand for them."""
    contacts: frozenset[str]
    """Mail addresses and numbers however they are written. They are looked for everywhere."""
    words: frozenset[str]
    """Names, streets and other texts. They are looked for in what belongs to the person alone."""

    @property
    def messages(self) -> tuple[str, ...]:
        """Return the ids of what was or is to be sent to them."""
        return (*self.notices, *self.mails)

    @property
    def subjects(self) -> tuple[str, ...]:
        """Return the ids by which events name what belongs to the person."""
        own = (self.customer, *self.orders, *self.lines, *self.messages, *self.choices)
        return (*own, *sorted(self.addresses))


def find_customer(context: Context, connection: Connection, given: str) -> str:
    """Return the id of the customer with an id of the shop's system, or with a mail address or number.

    An erased customer is found by the id of before. Raises ForewarnError for nobody, or more than one.
    """
    ids = [given, *([erased_id(context.erasure_key, given)] if context.erasure_key else [])]
    for key in ids:
        if connection.execute(select(CUSTOMERS.c.id).where(CUSTOMERS.c.id == key)).first():
            return key
    found = customers_with(connection, _normal(given, context.shop.country), context.shop.country)
    if len(found) > 1:
        raise ForewarnError(f"customers {', '.join(found)} all have {given}: name one of them by the id")
    if not found:
        raise ForewarnError(f"no customer {given!r} is known, by id, mail address or number")
    return found[0]


def _normal(given: str, country: str) -> str:
    try:
        return email_address(given) if "@" in given else phone_number(given, country)
    except BadAddress:
        return given


def load_person(context: Context, connection: Connection, customer: str) -> Person:
    """Return what belongs to a customer."""
    row = connection.execute(select(CUSTOMERS).where(CUSTOMERS.c.id == customer)).one()
    orders = _ids(connection, ORDERS.c.id, ORDERS.c.customer_id, [customer])
    notices = _ids(connection, NOTICES.c.id, NOTICES.c.customer_id, [customer])
    mails = _ids(connection, CUSTOMER_MAILS.c.id, CUSTOMER_MAILS.c.customer_id, [customer])
    written = {row.email, row.phone, *(_addresses_of(connection, customer))} - {None}
    addresses = frozenset(_normal_forms(written, row.country or context.shop.country))
    hashes = {hashed_address(context.erasure_key, one) for one in addresses} if context.erasure_key else set()
    hashes.update(_ids(connection, ERASED_ADDRESSES.c.address, ERASED_ADDRESSES.c.customer_id, [customer]))
    return Person(
        customer=customer,
        orders=orders,
        lines=_lines(connection, orders),
        notices=notices,
        mails=mails,
        choices=_ids(connection, CUSTOMER_CHOICES.c.id, CUSTOMER_CHOICES.c.order_id, orders),
        drop_shipped=_drop_shipped(connection, orders),
        addresses=addresses | hashes,
        contacts=addresses | written,
        words=frozenset(_words(connection, row.name, orders, notices, mails)),
    )


def is_others_message(connection: Connection, message: str, customer: str) -> bool:
    """Return whether a message is one to another customer."""
    return any(
        connection.execute(select(table.c.id).where(table.c.id == message, table.c.customer_id != customer)).first()
        for table in (NOTICES, CUSTOMER_MAILS)
    )


def _ids(connection: Connection, key: Column[str], by: Column[str], values: Iterable[str]) -> tuple[str, ...]:
    return tuple(connection.execute(select(key).where(in_list(connection, by, list(values))).order_by(key)).scalars())


def _lines(connection: Connection, orders: Iterable[str]) -> tuple[str, ...]:
    query = select(ORDER_LINES.c.order_id, ORDER_LINES.c.number)
    rows = connection.execute(query.where(in_list(connection, ORDER_LINES.c.order_id, orders)))
    return tuple(sorted(f"{order}/{number}" for order, number in rows))


def _drop_shipped(connection: Connection, orders: Iterable[str]) -> tuple[str, ...]:
    of_orders = in_list(connection, PURCHASE_LINES.c.order_id, orders)
    query = select(PURCHASE_LINES.c.request_id).where(of_orders, PURCHASE_LINES.c.drop_shipped).distinct()
    return tuple(sorted(connection.execute(query).scalars()))


def _addresses_of(connection: Connection, customer: str) -> set[str | None]:
    """Return the addresses that messages went to, and those the customer opted out with."""
    queries = (
        select(table.c.address).where(table.c.customer_id == customer) for table in (NOTICES, CUSTOMER_MAILS, OPT_OUTS)
    )
    found = {address for query in queries for address in connection.execute(query).scalars()}
    return {*found, customer if "@" in customer else None} - {"", None}


def _normal_forms(written: Iterable[str], country: str) -> set[str]:
    number = partial(phone_number, country=country)
    forms = (readable(email_address if "@" in one else number, one) for one in written)
    return {form for form in forms if form}


def _words(
    connection: Connection, name: str, orders: Iterable[str], notices: Iterable[str], mails: Iterable[str]
) -> set[str]:
    address = (ORDERS.c.recipient, ORDERS.c.street, ORDERS.c.url)
    rows = [
        *connection.execute(select(*address).where(in_list(connection, ORDERS.c.id, orders))),
        *connection.execute(select(NOTICES.c.to_name).where(in_list(connection, NOTICES.c.id, notices))),
        *connection.execute(select(CUSTOMER_MAILS.c.to_name).where(in_list(connection, CUSTOMER_MAILS.c.id, mails))),
    ]
    return {value for row in rows for value in row if value} | ({name} if name else set())
