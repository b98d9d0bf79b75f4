"""Take a person's name and addresses out of texts that people and providers wrote: events, reasons, counts of runs."""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Text, and_, cast, func, or_, select, update

from rules.contact.scrub import scrub
from tasks.db.sql import in_list
from tasks.privacy.person import Person
from tasks.tables import (
    AUDIT_ENTRIES,
    CALLBACK_EVENTS,
    EVENTS,
    EXPECTED_DATES,
    NOTICES,
    OUTBOX,
    RUNS,
    SHIPPING_PLANS,
    SUPPRESSIONS,
)


def scrub_texts(connection: Connection, person: Person) -> None:
    """Scrub the texts of the person's own rows, and the person's addresses from everybody's."""
    own: tuple[tuple[Column[Any], ColumnElement[bool]], ...] = (
        (NOTICES.c.why, NOTICES.c.customer_id == person.customer),
        (OUTBOX.c.reason, in_list(connection, OUTBOX.c.id, person.messages)),
        (EXPECTED_DATES.c.why, in_list(connection, EXPECTED_DATES.c.order_id, person.orders)),
        (SHIPPING_PLANS.c.why, in_list(connection, SHIPPING_PLANS.c.order_id, person.orders)),
        (EVENTS.c.why, in_list(connection, EVENTS.c.subject, person.subjects)),
        (SUPPRESSIONS.c.reason, in_list(connection, SUPPRESSIONS.c.address, person.addresses)),
    )
    for column, of_person in own:
        _scrub_column(connection, column, of_person, person.contacts, person.words)
    for column in (EVENTS.c.why, OUTBOX.c.reason, RUNS.c.counts):
        _scrub_column(connection, column, _contains(column, person.contacts), person.contacts)
    _empty_reasons_of_acts(connection, person)


def _empty_reasons_of_acts(connection: Connection, person: Person) -> None:
    """Empty the reasons of acts on the person's orders, messages and texts, and of all that name an address.

    The log keeps who did what: only its reasons can be emptied, and none can be changed.
    """
    acts, callbacks = AUDIT_ENTRIES.c, CALLBACK_EVENTS.c
    texts = select(cast(callbacks.number, Text)).where(
        in_list(connection, callbacks.message_id, person.messages)
        | in_list(connection, callbacks.address, person.contacts | person.addresses)
    )
    own = or_(
        and_(acts.subject_kind == "order", in_list(connection, acts.subject, person.orders)),
        and_(acts.subject_kind == "message", in_list(connection, acts.subject, person.messages)),
        and_(acts.subject_kind == "reply", acts.subject.in_(texts)),
        _contains(acts.why, person.contacts),
    )
    connection.execute(update(AUDIT_ENTRIES).where(own, acts.why != "").values(why=""))


def _contains(column: Column[Any], contacts: Iterable[str]) -> ColumnElement[bool]:
    text = func.lower(cast(column, Text))
    return or_(False, *(text.contains(one.lower(), autoescape=True) for one in sorted(contacts)))  # noqa: FBT003 - SQL


def _scrub_column(
    connection: Connection,
    column: Column[Any],
    which: ColumnElement[bool],
    contacts: Iterable[str],
    words: Iterable[str] = (),
) -> None:
    (key,) = column.table.primary_key
    rows = connection.execute(select(key, column).where(which, column.is_not(None))).all()
    for row_key, value in rows:
        is_text = isinstance(value, str)
        text = value if is_text else json.dumps(value, ensure_ascii=False)
        scrubbed = scrub(text, contacts, words)
        if scrubbed != text:
            new = scrubbed if is_text else json.loads(scrubbed)
            connection.execute(update(column.table).where(key == row_key).values({column: new}))
