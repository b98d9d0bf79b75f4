"""Send a failed notice by the customer's next channel, once; count the customers without another channel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, select, update

from models.decisions import Contact
from models.enums import Channel, SkipReason, State
from models.orders import NoticeLine
from rules.contact.contact import contact_by, without_suppressed
from rules.delays.delays import still_true
from tasks.context import Context
from tasks.db.events import record_events
from tasks.db.outbox import insert_messages
from tasks.db.sql import in_list, insert, read_only
from tasks.notices.decide import decide_orders
from tasks.notices.notice_rows import NoticeRow, links_of, notice_row, states_of, words_of
from tasks.notices.rendering import first_rendered
from tasks.notices.restate import as_recorded, last_day_of
from tasks.notices.suppressions import suppressed_addresses
from tasks.offers.budget import DiscountBudget
from tasks.offers.substitute_stock import SubstituteStock
from tasks.orders.due import lock_orders, mark_due, move_versions
from tasks.orders.instructions import park_failed
from tasks.orders.links import insert_links
from tasks.orders.order_rows import WatchedOrder
from tasks.orders.queries import get_orders
from tasks.orders.told import NOTICES_WITH_STATE
from tasks.tables import NOTICES, OUTBOX

NO_CHANNEL_LEFT = "nobody"
"""Value of `notice.fallback_id` when no other channel could be tried."""
UNREACHED_STATES = (State.REJECTED, State.BOUNCED, State.SKIPPED)


@dataclass(frozen=True, slots=True)
class FallbackSummary:
    """Results for a batch of failed notices."""

    queued: int
    """Notices queued for another channel."""
    unreachable: int
    """Customers that no channel reached."""


@dataclass(frozen=True, slots=True)
class Fallback:
    """What follows a failed notice: a notice by another channel, a new assessment of its order, or nothing."""

    failed: Mapping[str, Any]
    notice: NoticeRow | None = None
    """The notice by the next channel."""
    facts_version: int = 0
    """The version of the order's facts from which it was written."""
    facts_changed: bool = False
    """True when the notice is no longer true: the next late-orders run assesses the order."""
    held: bool = False
    """True while staff hold the order: the failed notice waits for its release."""
    reached: bool = False
    """Whether another notice of the same revision reached the customer or is still to be sent."""

    @property
    def is_unreachable(self) -> bool:
        return self.notice is None and not self.facts_changed and not self.reached and not self.held


def send_fallbacks(context: Context, who: str, *, batch: int) -> FallbackSummary | None:
    """Queue the next channel's notice for up to `batch` failed notices; None when no failed notice is left."""
    with read_only(context.engine) as connection:
        failed = _failed_notices(connection, batch)
        fallbacks = _choose_fallbacks(context, connection, failed)
        others = [] if failed else _failed_without_notice(connection)
    if others:
        with context.engine.begin() as connection:
            _end_waits(connection, others)
    if not failed:
        return None
    with context.engine.begin() as connection:
        recorded = _record_fallbacks(connection, context, who, fallbacks)
    return FallbackSummary(
        queued=sum(fallback.notice is not None for fallback in recorded),
        unreachable=sum(fallback.is_unreachable for fallback in recorded),
    )


def _failed_notices(connection: Connection, batch: int) -> list[dict[str, Any]]:
    query = (
        select(NOTICES)
        .select_from(NOTICES_WITH_STATE)
        .where(OUTBOX.c.awaits_fallback, ~OUTBOX.c.on_hold)
        .order_by(NOTICES.c.order_id, NOTICES.c.id)
        .limit(batch)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def _failed_without_notice(connection: Connection) -> list[str]:
    """Return the failed messages that have no other channel, such as the mails that answer customers."""
    failed = select(OUTBOX.c.id).where(OUTBOX.c.awaits_fallback, ~OUTBOX.c.on_hold)
    return list(connection.execute(failed).scalars())


def _choose_fallbacks(context: Context, connection: Connection, failed: Sequence[Mapping[str, Any]]) -> list[Fallback]:
    """Choose what follows each failed notice. Two failed notices of one revision never get the same channel."""
    ids = sorted({notice["order_id"] for notice in failed})
    orders = {watched.order.id: watched for watched in get_orders(context, connection, ids)}
    states = _states_by_channel(connection, ids)
    fallbacks: list[Fallback] = []
    for notice in failed:
        key = (notice["order_id"], notice["revision"])
        # A bounce may be told days later, when the order or its customer is deleted.
        watched = orders.get(notice["order_id"])
        fallback = _choose_fallback(context, connection, notice, watched, states[key]) if watched else Fallback(notice)
        if fallback.notice is not None:
            states[key] = states[key] | {fallback.notice.words["channel"]: State.QUEUED}
        fallbacks.append(fallback)
    return [
        replace(one, reached=_is_reached(states[one.failed["order_id"], one.failed["revision"]])) for one in fallbacks
    ]


def _states_by_channel(connection: Connection, orders: list[str]) -> dict[tuple[str, int], dict[str, str]]:
    """Return, by order and revision, the channels used so far and the state of each channel's notice."""
    states: dict[tuple[str, int], dict[str, str]] = {}
    query = select(NOTICES.c.order_id, NOTICES.c.revision, NOTICES.c.channel, OUTBOX.c.state)
    query = query.select_from(NOTICES_WITH_STATE).where(in_list(connection, NOTICES.c.order_id, orders))
    for order, revision, channel, state in connection.execute(query):
        states.setdefault((order, revision), {})[channel] = state
    return states


def _choose_fallback(
    context: Context,
    connection: Connection,
    failed: Mapping[str, Any],
    watched: WatchedOrder,
    states: Mapping[str, str],
) -> Fallback:
    """Return what follows one failed notice; `states` are the channels used for its revision."""
    if _is_reached(states) or watched.order.revision > failed["revision"]:
        return Fallback(failed)
    if watched.order.held_by:
        return Fallback(failed, held=True)
    if not still_true([NoticeLine.from_data(line) for line in failed["lines"]], watched.order, context.as_of):
        return Fallback(failed, facts_changed=True)
    same_revision = watched.before(failed["revision"])
    # An empty budget: a fallback offers only the discount that the failed notice offered.
    (decision,) = decide_orders(context, connection, [same_revision], SubstituteStock(), DiscountBudget({}))
    plan = as_recorded(decision.plan, failed, context.policy)
    if plan is None:
        return Fallback(failed)
    contacts = _unused_contacts(context, connection, watched, set(states))
    rendered = first_rendered(context, plan, contacts)
    if rendered is None:  # `forewarn templates check` says why no channel's message renders
        return Fallback(failed)
    # Queued and not held: the guardrails checked the run that recorded the failed notice.
    version, day = watched.version + 1, last_day_of(context, plan, decision.assessment.next_check_on)
    notice = notice_row(context, plan, *rendered, State.QUEUED, facts_version=version, holds_through=day)
    return Fallback(failed, notice=notice, facts_version=watched.version)


def _is_reached(states: Mapping[str, str]) -> bool:
    return any(state not in UNREACHED_STATES for state in states.values())


def _unused_contacts(
    context: Context, connection: Connection, watched: WatchedOrder, used_channels: set[str]
) -> list[Contact]:
    """Return the customer's usable contacts by the policy's fallback channels that were not used yet, in order."""
    customer, shop = watched.order.customer, context.shop
    if customer.opted_out:
        return []
    channels: list[Channel] = [channel for channel in context.policy.sending.fallback if channel not in used_channels]
    contacts = tuple(
        contact_by(customer, channel, context.policy, context.started_at, shop.country, shop.zone)
        for channel in channels
    )
    addresses = {contact.address for contact in contacts if contact.address is not None}
    suppressed = suppressed_addresses(connection, addresses, context.erasure_key)
    return [contact for contact in without_suppressed(contacts, suppressed) if contact.skip is None]


def _record_fallbacks(
    connection: Connection, context: Context, who: str, fallbacks: Sequence[Fallback]
) -> list[Fallback]:
    """Record the new notices; return the fallbacks of notices that no other worker handled meanwhile.

    A fallback whose order has changed since it was read is left for the next time.
    """
    handled = _still_waiting(connection, fallbacks)
    lock_orders(connection, {fallback.failed["order_id"] for fallback in handled})
    park_failed(connection, [fallback.failed["id"] for fallback in handled if fallback.held])
    handled = [fallback for fallback in handled if not fallback.held]
    unchanged = move_versions(
        connection,
        {fallback.failed["order_id"]: fallback.facts_version for fallback in handled if fallback.notice is not None},
    )
    recorded = [fallback for fallback in handled if fallback.notice is None or fallback.failed["order_id"] in unchanged]
    _end_waits(connection, [fallback.failed["id"] for fallback in recorded])
    notices = [fallback.notice for fallback in recorded if fallback.notice is not None]
    if notices:
        connection.execute(insert(connection, NOTICES).on_conflict_do_nothing(), words_of(notices))
        insert_messages(connection, states_of(notices))
        insert_links(connection, links_of(notices))
    for fallback in recorded:
        _link_fallback(connection, fallback)
    record_events(connection, [_event(fallback) for fallback in recorded], context.started_at, who)
    mark_due(connection, {one.failed["order_id"] for one in recorded if one.facts_changed}, context.as_of)
    return recorded


def _still_waiting(connection: Connection, fallbacks: Sequence[Fallback]) -> list[Fallback]:
    """Lock the failed notices that no other worker has handled since; return their fallbacks."""
    failed = in_list(connection, OUTBOX.c.id, [fallback.failed["id"] for fallback in fallbacks])
    waiting = select(OUTBOX.c.id).where(failed, OUTBOX.c.awaits_fallback).order_by(OUTBOX.c.id).with_for_update()
    ids = set(connection.execute(waiting).scalars())
    return [fallback for fallback in fallbacks if fallback.failed["id"] in ids]


def _end_waits(connection: Connection, ids: Sequence[str]) -> None:
    """Record that failed messages wait for no other channel any more."""
    connection.execute(update(OUTBOX).where(in_list(connection, OUTBOX.c.id, ids)).values(awaits_fallback=False))


def _link_fallback(connection: Connection, fallback: Fallback) -> None:
    """Store which notice follows a failed one."""
    fallback_id = NO_CHANNEL_LEFT if fallback.notice is None else fallback.notice.words["id"]
    failed = update(NOTICES).where(NOTICES.c.id == fallback.failed["id"])
    connection.execute(failed.values(fallback_id=fallback_id))


def _event(fallback: Fallback) -> tuple[str, str, str]:
    if fallback.notice is not None:
        return "fallback", fallback.failed["id"], str(fallback.notice.words["channel"])
    return "not_reached", fallback.failed["id"], SkipReason.CHANGED if fallback.facts_changed else ""
