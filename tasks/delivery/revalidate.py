"""Read the facts again before a message leaves: a notice that has become untrue is not sent."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from models.enums import Channel, SkipReason, State
from models.messages import DeliveryOutcome
from models.orders import CustomerFacts, NoticeLine
from models.policy.policy import Policy
from rules.contact.contact import contact_by
from rules.delays.delays import open_lines, still_true
from tasks.context import Context
from tasks.notices.suppressions import suppressed_addresses
from tasks.orders.order_rows import WatchedOrder
from tasks.orders.queries import get_orders


def stale_notices(
    context: Context, connection: Connection, notices: Sequence[Mapping[str, Any]], as_of: date, now: datetime
) -> list[DeliveryOutcome]:
    """Return the notices that must not be sent any more, or not at this hour, each with its reason."""
    orders = {one.order.id: one for one in get_orders(context, connection, [row["order_id"] for row in notices])}
    suppressed = suppressed_addresses(connection, {row["address"] for row in notices if row["address"]})
    found = (_outcomes(context, row, orders.get(row["order_id"]), suppressed, as_of, now) for row in notices)
    return [one for one in found if one is not None]


def _outcomes(
    context: Context,
    notice: Mapping[str, Any],
    watched: WatchedOrder | None,
    suppressed: Mapping[str, SkipReason],
    as_of: date,
    now: datetime,
) -> DeliveryOutcome | None:
    reason = _stale_reason(notice, watched, suppressed, as_of)
    if reason is None and notice["created_at"] < now - timedelta(hours=context.policy.sending.oldest_hours):
        reason = SkipReason.TOO_OLD
    if reason is not None or watched is None:
        return DeliveryOutcome(notice["id"], State.SKIPPED, reason or SkipReason.CANCELLED)
    if _as_written(notice, watched.order.customer, context.policy, now):
        return None
    shop, channel = context.shop, Channel(notice["channel"])
    contact = contact_by(watched.order.customer, channel, context.policy, now, shop.country, shop.zone)
    if contact.skip is not None or contact.address != notice["address"]:
        return DeliveryOutcome(notice["id"], State.SKIPPED, contact.skip or SkipReason.CHANGED)
    if notice["valid_until"] is None or notice["valid_until"] > now:
        return None
    later = "its hours were over: it waits for the next"
    return DeliveryOutcome(
        notice["id"], State.QUEUED, later, not_before=contact.not_before, valid_until=contact.valid_until
    )


def _as_written(notice: Mapping[str, Any], customer: CustomerFacts, policy: Policy, now: datetime) -> bool:
    """Say whether a mail may leave at any hour to the address that was found right when its words were written.

    To take an address apart once more costs as much as all else that is checked here.
    """
    return (
        notice["channel"] == Channel.EMAIL
        and policy.contact.quiet.get(Channel.EMAIL) is None
        and (notice["valid_until"] is None or notice["valid_until"] > now)
        and (customer.email or "").strip().lower() == notice["address"]
    )


def _stale_reason(
    notice: Mapping[str, Any], watched: WatchedOrder | None, suppressed: Mapping[str, SkipReason], as_of: date
) -> SkipReason | None:
    if watched is None:
        return SkipReason.CANCELLED
    order = watched.order
    if not open_lines(order, as_of):
        ends = {line.cancelled_on is not None or not line.ordered for line in order.lines}
        return SkipReason.CANCELLED if order.cancelled_on or ends == {True} else SkipReason.SHIPPED
    if order.customer.opted_out:
        return SkipReason.OPTED_OUT
    if notice["address"] in suppressed:
        return suppressed[notice["address"]]
    if order.told is not None and order.told.revision > notice["revision"]:
        return SkipReason.SUPERSEDED
    said = [NoticeLine.from_data(line) for line in notice["lines"]]
    return None if still_true(said, order, as_of) else SkipReason.CHANGED
