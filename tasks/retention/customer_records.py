"""What may be deleted of customers' choices: the mails that answer them, what the webhook was told, and old links.

A choice itself stays as long as its order is in the ledger: without it, lines that were cancelled would be owed again.
"""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, delete, select, update

from rules.retention import CutoffDays
from tasks.context import Context
from tasks.db.settled_counts import uncount_settled
from tasks.db.sql import in_list
from tasks.retention.open_orders import is_open
from tasks.tables import (
    AUDIT_ENTRIES,
    CALLBACK_EVENTS,
    CUSTOMER_CHOICES,
    CUSTOMER_MAILS,
    NOTICES,
    ORDER_LINKS,
    ORDER_NOTES,
    OUTBOX,
    WEBHOOK_EVENTS,
)

REFUSED = "sign_in_refused"
"""The only kind of entry that the database lets be deleted from the audit log."""


def find_mails(context: Context, cutoffs: CutoffDays) -> Select[Any]:
    """Return the query of mails whose words, names and addresses are kept no longer."""
    settled = OUTBOX.c.settled_at < context.start_of(cutoffs.words)
    query = select(CUSTOMER_MAILS.c.id).join(OUTBOX, OUTBOX.c.id == CUSTOMER_MAILS.c.id)
    return query.where(settled, ~is_open(context, CUSTOMER_MAILS.c.order_id))


def find_webhook_events(context: Context, cutoffs: CutoffDays) -> Select[Any]:
    """Return the query of webhook events that were settled before the events that are kept."""
    settled = OUTBOX.c.settled_at < context.start_of(cutoffs.events)
    return select(WEBHOOK_EVENTS.c.id).join(OUTBOX, OUTBOX.c.id == WEBHOOK_EVENTS.c.id).where(settled)


def find_callbacks(context: Context, cutoffs: CutoffDays) -> Select[Any]:
    """Return the query of what providers told, with addresses and texts, that is kept no longer than words are."""
    old = CALLBACK_EVENTS.c.received_at < context.start_of(cutoffs.words)
    return select(CALLBACK_EVENTS.c.number).where(old, CALLBACK_EVENTS.c.handled_at.is_not(None))


def find_links(context: Context, cutoffs: CutoffDays) -> Select[Any]:
    """Return the query of links that have expired, and that no message, mail or choice in the ledger names."""
    expired = ORDER_LINKS.c.expires_at < context.start_of(cutoffs.notices)
    return select(ORDER_LINKS.c.id).where(expired, *(~_names_link(table.c) for table in _WITH_LINK))


_WITH_LINK = (NOTICES, CUSTOMER_MAILS, CUSTOMER_CHOICES)


def _names_link(columns: Any) -> ColumnElement[bool]:
    # By the order first, which has an index.
    same = (columns.order_id == ORDER_LINKS.c.order_id, columns.link_id == ORDER_LINKS.c.id)
    return select(columns.id).where(*same).exists()


def find_reasons(context: Context, cutoffs: CutoffDays) -> Select[Any]:
    """Return the query of choices with a reason in the customer's own words that is kept no longer."""
    old = CUSTOMER_CHOICES.c.made_at < context.start_of(cutoffs.words)
    has_words = CUSTOMER_CHOICES.c.why != ""
    return select(CUSTOMER_CHOICES.c.id).where(old, has_words, ~is_open(context, CUSTOMER_CHOICES.c.order_id))


def find_notes(context: Context, cutoffs: CutoffDays) -> Select[Any]:
    """Return the query of notes of staff whose words are kept no longer."""
    old = ORDER_NOTES.c.written_at < context.start_of(cutoffs.words)
    return select(ORDER_NOTES.c.id).where(old, ~is_open(context, ORDER_NOTES.c.order_id))


def find_acts(context: Context, cutoffs: CutoffDays) -> Select[Any]:
    """Return the query of acts on the desk about orders whose reasons are kept no longer: they may name people."""
    acts = AUDIT_ENTRIES.c
    old = (acts.subject_kind == "order", acts.why != "", acts.at < context.start_of(cutoffs.words))
    return select(acts.id).where(*old, ~is_open(context, acts.subject))


def find_refused_sign_ins(context: Context, cutoffs: CutoffDays) -> Select[Any]:
    """Return the query of refused sign-ins that are kept no longer: anybody can make as many as the throttle lets."""
    acts = AUDIT_ENTRIES.c
    return select(acts.id).where(acts.kind == REFUSED, acts.at < context.start_of(cutoffs.words))


def empty_acts(connection: Connection, ids: Sequence[int]) -> None:
    """Empty the reasons of acts, and keep the acts."""
    connection.execute(update(AUDIT_ENTRIES).where(in_list(connection, AUDIT_ENTRIES.c.id, ids)).values(why=""))


def delete_reasons(connection: Connection, ids: Sequence[str]) -> None:
    """Delete the reasons of choices, and keep the choices."""
    connection.execute(update(CUSTOMER_CHOICES).where(in_list(connection, CUSTOMER_CHOICES.c.id, ids)).values(why=""))


def delete_with_outbox(key: Column[Any]) -> Callable[[Connection, Sequence[Any]], None]:
    """Return the function that deletes messages of a table, with their rows in the outbox."""

    def delete_rows(connection: Connection, ids: Sequence[Any]) -> None:
        messages = in_list(connection, OUTBOX.c.id, ids)
        uncount_settled(connection, messages)
        connection.execute(delete(OUTBOX).where(messages))
        connection.execute(delete(key.table).where(in_list(connection, key, ids)))

    return delete_rows
