"""What may be deleted of each kind of record. Nothing of an open order is, and nothing that is not settled."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Select, and_, delete, func, or_, select, update

from rules.retention import CutoffDays
from tasks.context import Context
from tasks.db.sql import in_list
from tasks.notices.deleted_words import HAS_WORDS_FILTER, NO_WORDS
from tasks.orders.told import NOTICES_WITH_STATE
from tasks.retention.customer_records import (
    delete_reasons,
    delete_with_outbox,
    empty_acts,
    find_acts,
    find_callbacks,
    find_links,
    find_mails,
    find_notes,
    find_reasons,
    find_refused_sign_ins,
    find_webhook_events,
)
from tasks.retention.open_orders import is_open
from tasks.runs.records import HELD
from tasks.tables import (
    AUDIT_ENTRIES,
    CALLBACK_EVENTS,
    CUSTOMER_CHOICES,
    CUSTOMER_MAILS,
    EVENTS,
    EXPECTED_DATES,
    NOTICES,
    OFFERS,
    ORDER_LINKS,
    ORDER_NOTES,
    OUTBOX,
    RUNS,
    WEBHOOK_EVENTS,
)


@dataclass(frozen=True, slots=True)
class Prunable:
    """One kind of record: which of them may go, and how they go."""

    name: str
    key: Column[Any]
    find: Callable[[Context, CutoffDays], Select[Any]]
    """Returns the query of the keys of all that may go."""
    prune: Callable[[Connection, Sequence[Any]], None]


def _find_notices(context: Context, cutoffs: CutoffDays) -> Select[Any]:
    return _settled_notices(context).where(OUTBOX.c.settled_at < context.start_of(cutoffs.notices))


def _find_words(context: Context, cutoffs: CutoffDays) -> Select[Any]:
    rows_kept = OUTBOX.c.settled_at >= context.start_of(cutoffs.notices)
    old = OUTBOX.c.settled_at < context.start_of(cutoffs.words)
    return _settled_notices(context).where(rows_kept, old, HAS_WORDS_FILTER)


def _settled_notices(context: Context) -> Select[Any]:
    ended = and_(OUTBOX.c.settled_at.is_not(None), ~OUTBOX.c.awaits_fallback, ~is_open(context, NOTICES.c.order_id))
    return select(NOTICES.c.id).select_from(NOTICES_WITH_STATE).where(ended)


def _find_events(context: Context, cutoffs: CutoffDays) -> Select[Any]:
    about_notice = select(NOTICES.c.id).where(NOTICES.c.id == EVENTS.c.subject, is_open(context, NOTICES.c.order_id))
    unsettled = select(OUTBOX.c.id).where(OUTBOX.c.id == EVENTS.c.subject, OUTBOX.c.settled_at.is_(None))
    kept = (is_open(context, EVENTS.c.subject), about_notice.exists(), unsettled.exists())
    old = EVENTS.c.at < context.start_of(cutoffs.events)
    return select(EVENTS.c.id).where(old, *(~reason for reason in kept))


def _find_offers(context: Context, cutoffs: CutoffDays) -> Select[Any]:
    expired = or_(OFFERS.c.expires_on.is_(None), OFFERS.c.expires_on < context.as_of)
    old = OFFERS.c.created_at < context.start_of(cutoffs.offers)
    return select(OFFERS.c.id).where(old, expired, ~is_open(context, OFFERS.c.order_id))


def _find_runs(context: Context, cutoffs: CutoffDays) -> Select[Any]:
    others = RUNS.alias()
    last = select(func.max(others.c.number)).group_by(others.c.flow, others.c.state)
    old = RUNS.c.started_at < context.start_of(cutoffs.runs)
    return select(RUNS.c.number).where(old, RUNS.c.state != HELD, RUNS.c.number.not_in(last))


def _find_expected_dates(context: Context, cutoffs: CutoffDays) -> Select[Any]:
    replaced = EXPECTED_DATES.c.ended_at < context.start_of(cutoffs.expected_dates)
    return select(EXPECTED_DATES.c.id).where(replaced, ~is_open(context, EXPECTED_DATES.c.order_id))


def _delete_words(connection: Connection, ids: Sequence[str]) -> None:
    connection.execute(update(NOTICES).where(in_list(connection, NOTICES.c.id, ids)).values(NO_WORDS))


def _delete_by(key: Column[Any]) -> Callable[[Connection, Sequence[Any]], None]:
    def delete_rows(connection: Connection, keys: Sequence[Any]) -> None:
        connection.execute(delete(key.table).where(in_list(connection, key, keys)))

    return delete_rows


PRUNABLE = (
    Prunable("notices", NOTICES.c.id, _find_notices, delete_with_outbox(NOTICES.c.id)),
    Prunable("words", NOTICES.c.id, _find_words, _delete_words),
    Prunable("mails", CUSTOMER_MAILS.c.id, find_mails, delete_with_outbox(CUSTOMER_MAILS.c.id)),
    Prunable("notes", ORDER_NOTES.c.id, find_notes, _delete_by(ORDER_NOTES.c.id)),
    Prunable("acts", AUDIT_ENTRIES.c.id, find_acts, empty_acts),
    Prunable("refused_sign_ins", AUDIT_ENTRIES.c.id, find_refused_sign_ins, _delete_by(AUDIT_ENTRIES.c.id)),
    Prunable("reasons", CUSTOMER_CHOICES.c.id, find_reasons, delete_reasons),
    Prunable("webhook_events", WEBHOOK_EVENTS.c.id, find_webhook_events, delete_with_outbox(WEBHOOK_EVENTS.c.id)),
    Prunable("callbacks", CALLBACK_EVENTS.c.number, find_callbacks, _delete_by(CALLBACK_EVENTS.c.number)),
    Prunable("links", ORDER_LINKS.c.id, find_links, _delete_by(ORDER_LINKS.c.id)),
    Prunable("events", EVENTS.c.id, _find_events, _delete_by(EVENTS.c.id)),
    Prunable("offers", OFFERS.c.id, _find_offers, _delete_by(OFFERS.c.id)),
    Prunable("runs", RUNS.c.number, _find_runs, _delete_by(RUNS.c.number)),
    Prunable("expected_dates", EXPECTED_DATES.c.id, _find_expected_dates, _delete_by(EXPECTED_DATES.c.id)),
)
