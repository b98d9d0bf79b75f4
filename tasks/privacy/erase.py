"""Erase one person from the ledger; what must be proved stays, without a name and an address."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, delete, func, insert, select, update

from models.enums import SkipReason, State
from models.errors import ForewarnError
from models.reasons import ReasonScope
from rules.contact.consent import CONSENT_FACTS
from rules.contact.keyed_hash import ERASED, erased_id, key_check
from tasks.context import Context
from tasks.db.events import record_events
from tasks.db.outbox import UNSENT_FILTER, skip_messages
from tasks.db.sql import AdvisoryLock, in_list, lock
from tasks.notices.deleted_words import NO_WORDS
from tasks.orders.due import lock_orders, touch_orders
from tasks.privacy.erased_addresses import hash_addresses
from tasks.privacy.free_texts import scrub_texts
from tasks.privacy.holdings import HOLDINGS
from tasks.privacy.person import Person, load_person
from tasks.tables import (
    CALLBACK_EVENTS,
    CUSTOMER_CHOICES,
    CUSTOMER_MAILS,
    CUSTOMER_SEARCH,
    CUSTOMERS,
    DELAY_REASONS,
    ERASED_CUSTOMERS,
    NOTICES,
    OPT_OUTS,
    ORDER_LINKS,
    ORDER_NOTES,
    ORDERS,
    OUTBOX,
    SHIPMENTS,
    WATCHES,
)

ERASURE = "erased"
"""The kind of the event of an erasure."""
NOBODY: dict[str, Any] = {
    "name": "",
    **dict.fromkeys(("email", "phone", "locale", "zone", "prefers")),
    "sms_consent": False,
    "marketing_consent": False,
    "opted_out": True,
    **dict.fromkeys(f"{fact}_{column}" for fact in CONSENT_FACTS for column in ("source", "at")),
}
"""The columns of a customer who was erased: nothing is sent to somebody who opted out."""
NO_RECIPIENT: dict[str, Any] = dict.fromkeys(("recipient", "street", "postcode", "city", "url"))
"""The columns of an order that name its recipient."""
NO_TRACKING: dict[str, Any] = dict.fromkeys(("tracking_number", "tracking_url"))
"""The columns of a parcel by which its carrier shows the recipient."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased, and what stays."""

    customer: str
    """The keyed hash that is the customer's id now."""
    person: Person
    """Whom to look for in files."""
    rows: dict[str, int]
    """How many rows of the person there are, by what they are."""
    stays: dict[str, str]
    """What of them stays, and why."""


def check_erasable(connection: Connection, person: Person) -> None:
    """Raise ForewarnError while a message to the person is being sent, or nobody knows whether it was."""
    open_states = OUTBOX.c.state.in_((State.SENDING, State.IN_DOUBT))
    waiting = select(OUTBOX.c.id).where(in_list(connection, OUTBOX.c.id, person.messages), open_states)
    if key := connection.execute(waiting.order_by(OUTBOX.c.id)).scalars().first():
        raise ForewarnError(
            f"message {key} to this customer is being sent, or in doubt: its provider is asked by its address. "
            "Wait for `forewarn deliver`, or settle it: `forewarn in-doubt list`; then erase again"
        )


def erase_person(context: Context, connection: Connection, customer: str, who: str) -> Erasure:
    """Erase a customer. Safe to repeat: what arrived since is erased as well. Raises ForewarnError as `check_erasable`.

    The connection is of a transaction that nothing else was written in.
    """
    lock(connection, AdvisoryLock.IMPORT)
    person = load_person(context, connection, customer)
    lock_orders(connection, set(person.orders))
    check_erasable(connection, person)
    rows = count_holdings(connection, person)
    key = customer if customer.startswith(ERASED) else erased_id(context.erasure_key, customer)

    _stop_messages(context, connection, person)
    scrub_texts(connection, person)
    hash_addresses(context, connection, person, key, who)
    _blank(connection, person)
    _rename(connection, customer, key)
    _mark(context, connection, key, who)
    touch_orders(connection, set(person.orders))
    left = count_holdings(connection, load_person(context, connection, key))
    return Erasure(key, person, rows, {one.title: one.stays for one in HOLDINGS if one.stays and one.title in left})


def count_holdings(connection: Connection, person: Person) -> dict[str, int]:
    """Return how many rows of each kind a person has; kinds without one are left out."""
    queries = {
        one.title: select(func.count()).select_from(one.table).where(one.of(connection, person)) for one in HOLDINGS
    }
    counts = {title: connection.execute(query).scalar_one() for title, query in queries.items()}
    return {title: n for title, n in counts.items() if n}


def _stop_messages(context: Context, connection: Connection, person: Person) -> None:
    now, mine = context.started_at, in_list(connection, OUTBOX.c.id, person.messages)
    skip_messages(connection, UNSENT_FILTER & mine, SkipReason.OPTED_OUT, now)
    connection.execute(update(OUTBOX).where(mine, OUTBOX.c.awaits_fallback).values(awaits_fallback=False))
    links = (ORDER_LINKS.c.customer_id == person.customer, ORDER_LINKS.c.revoked_at.is_(None))
    connection.execute(update(ORDER_LINKS).where(*links).values(revoked_at=now, revoked_by=ERASURE))


def _blank(connection: Connection, person: Person) -> None:
    """Empty every column that names the person or has their own words."""
    mail = {"address": "", "to_name": "", "subject": "", "text": "", "html": ""}
    callback = {"address": "", "payload": {}}
    by_message = in_list(connection, CALLBACK_EVENTS.c.message_id, person.messages)
    by_address = in_list(connection, CALLBACK_EVENTS.c.address, person.contacts | person.addresses)
    for change in (
        update(CUSTOMERS).where(CUSTOMERS.c.id == person.customer).values(NOBODY),
        update(ORDERS).where(ORDERS.c.customer_id == person.customer).values(NO_RECIPIENT),
        update(SHIPMENTS).where(in_list(connection, SHIPMENTS.c.order_id, person.orders)).values(NO_TRACKING),
        update(NOTICES).where(NOTICES.c.customer_id == person.customer).values(NO_WORDS),
        update(CUSTOMER_MAILS).where(CUSTOMER_MAILS.c.customer_id == person.customer).values(mail),
        update(ORDER_NOTES).where(in_list(connection, ORDER_NOTES.c.order_id, person.orders)).values(text=""),
        update(CUSTOMER_CHOICES).where(in_list(connection, CUSTOMER_CHOICES.c.id, person.choices)).values(why=""),
        update(CALLBACK_EVENTS).where(by_message | by_address).values(callback),
        delete(DELAY_REASONS).where(
            DELAY_REASONS.c.scope == ReasonScope.LINE, in_list(connection, DELAY_REASONS.c.subject, person.lines)
        ),
        delete(OPT_OUTS).where(OPT_OUTS.c.customer_id == person.customer),
        delete(CUSTOMER_SEARCH).where(CUSTOMER_SEARCH.c.customer_id == person.customer),
    ):
        connection.execute(change)


def _rename(connection: Connection, customer: str, key: str) -> None:
    """Replace the customer's id, which may be a mail address, by its keyed hash."""
    columns: tuple[Column[Any], ...] = (
        CUSTOMERS.c.id,
        ORDERS.c.customer_id,
        NOTICES.c.customer_id,
        CUSTOMER_MAILS.c.customer_id,
        ORDER_LINKS.c.customer_id,
        WATCHES.c.baseline_to,
    )
    if key != customer:
        for column in columns:
            connection.execute(update(column.table).where(column == customer).values({column: key}))


def _mark(context: Context, connection: Connection, key: str, who: str) -> None:
    if not connection.execute(select(ERASED_CUSTOMERS).where(ERASED_CUSTOMERS.c.customer_id == key)).first():
        row = {"customer_id": key, "key_check": key_check(context.erasure_key), "erased_by": who}
        connection.execute(insert(ERASED_CUSTOMERS).values(row | {"erased_at": context.started_at}))
    record_events(connection, [(ERASURE, key, "")], context.started_at, who)
