"""Every table of the ledger: whether it holds anything of a person, and by which ids its rows are found."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, or_

from models.reasons import ReasonScope
from tasks.db.sql import in_list
from tasks.privacy.person import Person
from tasks.tables import (
    ALLOCATIONS,
    AUDIT_ENTRIES,
    AVAILABILITIES,
    CALLBACK_EVENTS,
    CHANNEL_STATES,
    CLOCK_WATCHES,
    CONSENTS,
    COUNTERS,
    CUSTOMER_ANSWERS,
    CUSTOMER_CHOICES,
    CUSTOMER_MAILS,
    CUSTOMER_SEARCH,
    CUSTOMERS,
    DAY_NUMBERS,
    DELAY_REASONS,
    ERASED_ADDRESSES,
    ERASED_CUSTOMERS,
    EVENTS,
    EXPECTED_DATES,
    INBOUNDS,
    INCOMPLETE_IMPORTS,
    LEARNT_MODELS,
    LEDGER_OWNERS,
    LIVE_CHANNELS,
    MARKETING_OPT_OUTS,
    NOTICES,
    OFFERS,
    OPT_OUTS,
    ORDER_FORECASTS,
    ORDER_INSTRUCTIONS,
    ORDER_LINES,
    ORDER_LINKS,
    ORDER_NOTES,
    ORDERS,
    OUTBOX,
    POST_MESSAGES,
    POST_PICTURES,
    POSTS,
    PRODUCT_WORDS,
    PRODUCTS,
    PURCHASE_LINES,
    PURCHASE_REQUESTS,
    REDEMPTIONS,
    RESULT_NUMBERS,
    RUNS,
    SHIPMENTS,
    SHIPPING_PLANS,
    SHOP_VERSIONS,
    STAFF_KEYS,
    STAFF_LINKS,
    STAFF_PERSONS,
    STAFF_SESSIONS,
    STAFF_TRIES,
    STOCK_LEVELS,
    STOCKS,
    SUPPRESSIONS,
    VENDORS,
    WATCHES,
    WEBHOOK_EVENTS,
)

Ids = Callable[[Person], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Holding:
    """A table with rows of a person."""

    title: str
    """What its rows are, for people."""
    table: Table
    by: tuple[tuple[Column[Any], Ids], ...]
    """Each column by which rows are found, with the values that a person has in it."""
    hidden: tuple[str, ...] = ()
    """Columns that say nothing about the person, and must not leave the ledger."""
    stays: str = ""
    """What of it stays after the person was erased, and why; empty: nothing."""
    only: ColumnElement[bool] | None = None

    def of(self, connection: Connection, person: Person) -> ColumnElement[bool]:
        """Return the SQL of a person's rows."""
        found = or_(*(in_list(connection, column, ids(person)) for column, ids in self.by))
        return found if self.only is None else and_(self.only, found)


def _customer(person: Person) -> Sequence[str]:
    return (person.customer,)


def _orders(person: Person) -> Sequence[str]:
    return person.orders


def _addresses(person: Person) -> Sequence[str]:
    return sorted(person.addresses)


def _of_orders(title: str, table: Table, stays: str) -> Holding:
    return Holding(title, table, ((table.c.order_id, _orders),), stays=stays)


HOLDINGS = (
    Holding(
        "customer", CUSTOMERS, ((CUSTOMERS.c.id, _customer),),
        stays="the country, which says whose law holds; the keyed hash of the id",
    ),
    Holding("search keys", CUSTOMER_SEARCH, ((CUSTOMER_SEARCH.c.customer_id, _customer),)),
    Holding("opted out addresses", OPT_OUTS, ((OPT_OUTS.c.customer_id, _customer),)),
    Holding(
        "orders", ORDERS, ((ORDERS.c.customer_id, _customer),),
        stays="number, dates, currency, country: the shop must prove what it promised",
    ),
    _of_orders("order lines", ORDER_LINES, "products, quantities, prices and dates"),
    _of_orders("parcels", SHIPMENTS, "pieces, dates and carrier, without tracking number"),
    _of_orders("forecasts", ORDER_FORECASTS, "how likely it was late, as said each morning, and whether it was"),
    _of_orders("checks of orders", WATCHES, "when the order is checked again"),
    _of_orders("deadlines", CLOCK_WATCHES, "the legal deadlines of the order"),
    _of_orders("allocations", ALLOCATIONS, "what covers each line"),
    _of_orders("expected dates", EXPECTED_DATES, "dates with their source"),
    _of_orders("shipping plans", SHIPPING_PLANS, "how the order is sent"),
    _of_orders("preferences", CUSTOMER_ANSWERS, "how the order is to be sent"),
    _of_orders("wishes of staff", ORDER_INSTRUCTIONS, "that it was held or time-critical, since when and by whom"),
    _of_orders("notes of staff", ORDER_NOTES, "that one was written, when and by whom, without its words"),
    Holding(
        "acts of staff", AUDIT_ENTRIES, ((AUDIT_ENTRIES.c.subject, _orders),), ("form_id",),
        stays="what was done, when and by whom, without the reason", only=AUDIT_ENTRIES.c.subject_kind == "order",
    ),
    _of_orders("offers", OFFERS, "codes, amounts and dates: they count against the budget"),
    _of_orders("redeemed codes", REDEMPTIONS, "which code was used, when and for how much: results count it"),
    _of_orders("choices", CUSTOMER_CHOICES, "what was chosen, when, and the refund, without the free text"),
    _of_orders("requests to vendors", PURCHASE_LINES, "products and quantities; the address was never stored"),
    Holding(
        "notices", NOTICES, ((NOTICES.c.customer_id, _customer),),
        stays="that it was given, when, which dates it told and how it ended, without words, name and address",
    ),
    Holding(
        "mails", CUSTOMER_MAILS, ((CUSTOMER_MAILS.c.customer_id, _customer),),
        stays="that an answer was confirmed, and when, without words, name and address",
    ),
    Holding(
        "deliveries", OUTBOX, ((OUTBOX.c.id, lambda person: person.messages),),
        stays="state, times and the provider's id",
    ),
    Holding(
        "links to order pages", ORDER_LINKS, ((ORDER_LINKS.c.customer_id, _customer),), ("token_hash",),
        stays="that it was made and revoked; it opens nothing",
    ),
    Holding(
        "what the shop's systems were told", WEBHOOK_EVENTS,
        ((WEBHOOK_EVENTS.c.choice_id, lambda person: person.choices),),
        stays="what was chosen; it never had a name or an address",
    ),
    Holding(
        "what providers told", CALLBACK_EVENTS,
        ((CALLBACK_EVENTS.c.message_id, lambda person: person.messages), (CALLBACK_EVENTS.c.address, _addresses)),
        stays="what became of the message, and when, without address and payload",
    ),
    Holding(
        "suppressed addresses", SUPPRESSIONS, ((SUPPRESSIONS.c.address, _addresses),),
        stays="the keyed hash of the address, so that it is still not written to",
    ),
    Holding(
        "consents", CONSENTS, ((CONSENTS.c.address, _addresses),),
        stays="the keyed hash of the address, with source and time",
    ),
    Holding(
        "stopped marketing", MARKETING_OPT_OUTS, ((MARKETING_OPT_OUTS.c.address, _addresses),),
        stays="the keyed hash of the address",
    ),
    Holding(
        "reasons said by staff", DELAY_REASONS, ((DELAY_REASONS.c.subject, lambda person: person.lines),),
        only=DELAY_REASONS.c.scope == ReasonScope.LINE,
    ),
    Holding(
        "events", EVENTS, ((EVENTS.c.subject, lambda person: person.subjects),),
        stays="what was done, when and by whom, without names and addresses",
    ),
    Holding(
        "addresses of before", ERASED_ADDRESSES, ((ERASED_ADDRESSES.c.customer_id, _customer),),
        stays="the keyed hash of each, so that what providers tell later is kept without it",
    ),
    Holding(
        "erasure", ERASED_CUSTOMERS, ((ERASED_CUSTOMERS.c.customer_id, _customer),),
        stays="the keyed hash of the id, when and by whom",
    ),
)  # fmt: skip
WITHOUT_PERSONS = (
    PRODUCTS,
    PRODUCT_WORDS,
    VENDORS,
    STOCKS,
    INBOUNDS,
    INCOMPLETE_IMPORTS,
    POSTS,
    POST_MESSAGES,
    POST_PICTURES,
    AVAILABILITIES,
    STOCK_LEVELS,
    PURCHASE_REQUESTS,
    RUNS,
    COUNTERS,
    DAY_NUMBERS,
    RESULT_NUMBERS,
    CHANNEL_STATES,
    LEARNT_MODELS,
    LIVE_CHANNELS,
    LEDGER_OWNERS,
    STAFF_PERSONS,
    STAFF_SESSIONS,
    STAFF_LINKS,
    STAFF_TRIES,
    STAFF_KEYS,
    SHOP_VERSIONS,
)
"""Tables that hold nothing about customers."""
