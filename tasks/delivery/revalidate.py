"""Check a notice against the current facts before it is sent: what is no longer true, or not allowed, is skipped."""

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
    """Return an outcome for each notice that must not be sent now: skipped, or queued until quiet hours end."""
    orders = {
        watched.order.id: watched for watched in get_orders(context, connection, [row["order_id"] for row in notices])
    }
    suppressed = suppressed_addresses(connection, {row["address"] for row in notices if row["address"]})
    outcomes = (_outcome(context, row, orders.get(row["order_id"]), suppressed, as_of, now) for row in notices)
    return [outcome for outcome in outcomes if outcome is not None]


def _outcome(
    context: Context,
    notice: Mapping[str, Any],
    watched: WatchedOrder | None,
    suppressed: Mapping[str, SkipReason],
    as_of: date,
    now: datetime,
) -> DeliveryOutcome | None:
    reason = _stale_reason(notice, watched, suppressed, as_of)
    if reason is None and notice["created_at"] < now - timedelta(hours=context.policy.sending.max_age_hours):
        reason = SkipReason.TOO_OLD
    if reason is not None or watched is None:
        return DeliveryOutcome(notice["id"], State.SKIPPED, reason or SkipReason.CANCELLED)
    if _is_address_unchanged(notice, watched.order.customer, context.policy, now):
        return None
    shop, channel = context.shop, Channel(notice["channel"])
    contact = contact_by(watched.order.customer, channel, context.policy, now, shop.country, shop.zone)
    if contact.skip is not None or contact.address != notice["address"]:
        return DeliveryOutcome(notice["id"], State.SKIPPED, contact.skip or SkipReason.CHANGED)
    if notice["valid_until"] is None or notice["valid_until"] > now:
        return None
    reason_text = "its hours were over: it waits for the next"
    return DeliveryOutcome(
        notice["id"], State.QUEUED, reason_text, not_before=contact.not_before, valid_until=contact.valid_until
    )


def _is_address_unchanged(notice: Mapping[str, Any], customer: CustomerFacts, policy: Policy, now: datetime) -> bool:
    """Return whether this is a mail without quiet hours to the customer's unchanged address.

    Then its contact need not be computed again: parsing an address costs as much as all other checks together.
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
        all_cancelled = all(line.cancelled_on is not None or not line.ordered for line in order.lines)
        return SkipReason.CANCELLED if order.cancelled_on or (order.lines and all_cancelled) else SkipReason.SHIPPED
    if order.customer.opted_out:
        return SkipReason.OPTED_OUT
    if notice["address"] in suppressed:
        return suppressed[notice["address"]]
    if order.told is not None and order.told.revision > notice["revision"]:
        return SkipReason.SUPERSEDED
    stated = [NoticeLine.from_data(line) for line in notice["lines"]]
    return None if still_true(stated, order, as_of) else SkipReason.CHANGED
