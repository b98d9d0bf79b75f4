"""A notice that was refused goes out by the customer's next channel, once; else staff hear that nobody was reached."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import Connection, select, update

from models.decisions import Contact
from models.enums import Channel, SkipReason, State
from models.orders import NoticeLine
from rules.contact.contact import contact_by, without_suppressed
from rules.delays.delays import still_true
from tasks.context import Context
from tasks.db.events import record_events
from tasks.db.sql import insert, read_only
from tasks.notices.decide import decide_orders
from tasks.notices.records import notice_row
from tasks.notices.rendering import first_rendered
from tasks.notices.suppressions import suppressed_addresses
from tasks.notices.told_state import restore_told_state
from tasks.offers.budget import DiscountBudget
from tasks.offers.substitute_stock import SubstituteStock
from tasks.orders.order_rows import WatchedOrder
from tasks.orders.queries import get_orders
from tasks.tables import NOTICES

NO_CHANNEL_LEFT = "nobody"
FAILED_STATES = (State.REJECTED, State.BOUNCED)
UNREACHABLE_REASONS = (*FAILED_STATES, State.SKIPPED)


class FallbackSummary(NamedTuple):
    """What came of refused notices: how many go out by another channel, and how many customers were not reached."""

    owed: int
    unreachable: int


def send_fallbacks(context: Context, who: str, *, batch: int) -> FallbackSummary | None:
    """Owe the next channel's notice for refused ones that nobody followed up; None where there are none left."""
    with read_only(context.engine) as connection:
        lost = _failed_notices(connection, batch)
        orders = {
            one.order.id: one for one in get_orders(context, connection, sorted({row["order_id"] for row in lost}))
        }
        tried = _tried_channels(connection, list(orders))
        found = {row["id"]: _choose_fallback(context, connection, row, orders[row["order_id"]], tried) for row in lost}
    if not lost:
        return None
    with context.engine.begin() as connection:
        ours = _write(connection, context, who, lost, found)
    owed = sum(isinstance(found[row["id"]], dict) for row in ours)
    alone = [row for row in ours if found[row["id"]] is None]
    return FallbackSummary(owed, sum(not _reached(tried[(row["order_id"], row["revision"])]) for row in alone))


def _failed_notices(connection: Connection, batch: int) -> list[dict[str, Any]]:
    query = (
        select(NOTICES)
        .where(NOTICES.c.state.in_(FAILED_STATES), NOTICES.c.fallback_id.is_(None))
        .order_by(NOTICES.c.order_id, NOTICES.c.id)
        .limit(batch)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def _tried_channels(connection: Connection, orders: list[str]) -> dict[tuple[str, int], dict[str, str]]:
    """Return the channels by which each revision of orders was told, and how that stands."""
    tried: dict[tuple[str, int], dict[str, str]] = {}
    query = select(NOTICES.c.order_id, NOTICES.c.revision, NOTICES.c.channel, NOTICES.c.state)
    for order, revision, channel, state in connection.execute(query.where(NOTICES.c.order_id.in_(orders))):
        tried.setdefault((order, revision), {})[channel] = state
    return tried


def _choose_fallback(
    context: Context,
    connection: Connection,
    lost: Mapping[str, Any],
    watched: WatchedOrder,
    tried: dict[tuple[str, int], dict[str, str]],
) -> dict[str, Any] | SkipReason | None:
    """Return the next channel's notice; None where the customer was reached otherwise, or cannot be.

    CHANGED where the facts are others by now: they are a run's to tell, once they were judged.
    """
    channels = tried[(lost["order_id"], lost["revision"])]
    if _reached(channels) or watched.order.revision > lost["revision"]:
        return None
    if not still_true([NoticeLine.from_data(line) for line in lost["lines"]], watched.order, context.as_of):
        return SkipReason.CHANGED
    again = replace(watched, order=replace(watched.order, revision=lost["revision"] - 1))
    # No discount is given here that was not given before: the caps were kept when the first notice was owed.
    (decided,) = decide_orders(context, connection, [again], SubstituteStock(), DiscountBudget({}))
    plan = decided.plan
    if plan is None:
        return None
    found = first_rendered(context, plan, _contacts(context, connection, watched, set(channels)))
    if found is None:
        # Where the words of every channel left fail, nobody is reached, and the check of templates says why.
        return None
    contact, words = found
    channels[contact.channel] = State.QUEUED
    # The run that told this order was judged already; its second try is not held again.
    return notice_row(context, plan, contact, words) | {"state": State.QUEUED}


def _reached(channels: Mapping[str, str]) -> bool:
    return any(state not in UNREACHABLE_REASONS for state in channels.values())


def _contacts(context: Context, connection: Connection, watched: WatchedOrder, tried: set[str]) -> list[Contact]:
    customer, shop = watched.order.customer, context.shop
    left: list[Channel] = [one for one in context.policy.sending.fallback if one not in tried]
    found = tuple(
        contact_by(customer, one, context.policy, context.started_at, shop.country, shop.zone) for one in left
    )
    suppressed = suppressed_addresses(connection, {one.address for one in found if one.address is not None})
    usable = [one for one in without_suppressed(found, suppressed) if one.skip is None]
    return [] if customer.opted_out else usable


def _write(
    connection: Connection,
    context: Context,
    who: str,
    lost: list[dict[str, Any]],
    found: Mapping[str, dict[str, Any] | SkipReason | None],
) -> list[dict[str, Any]]:
    """Write down what follows refused notices; return those of them that nobody else followed up meanwhile."""
    owed = [notice for notice in found.values() if isinstance(notice, dict)]
    if owed:
        connection.execute(insert(connection, NOTICES).on_conflict_do_nothing(), owed)
    ours = [row for row in lost if _followed(connection, row["id"], found[row["id"]])]
    record_events(connection, [_event(row["id"], found[row["id"]]) for row in ours], context.started_at, who)
    changed = {row["order_id"] for row in ours if found[row["id"]] is SkipReason.CHANGED}
    restore_told_state(connection, changed | {notice["order_id"] for notice in owed}, changed, context.as_of)
    return ours


def _followed(connection: Connection, key: str, found: dict[str, Any] | SkipReason | None) -> bool:
    mine = update(NOTICES).where(NOTICES.c.id == key, NOTICES.c.fallback_id.is_(None))
    by = found["id"] if isinstance(found, dict) else NO_CHANNEL_LEFT
    return connection.execute(mine.values(fallback_id=by)).rowcount == 1


def _event(key: str, found: dict[str, Any] | SkipReason | None) -> tuple[str, str, str]:
    if isinstance(found, dict):
        return "fallback_id", key, str(found["channel"])
    return "not_reached", key, str(found or "")
