"""Read the facts again before a message leaves: a notice that has become untrue is not sent."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from models.enums import Channel, Skip, State
from models.messages import Settled
from models.orders import CustomerFacts, ToldLine
from models.policy.policy import Policy
from rules.contact.contact import contact_by
from rules.delays.delays import holds, open_lines
from tasks.context import Desk
from tasks.notices.suppressions import suppressed_among
from tasks.orders.queries import Watched, named


def untrue(
    desk: Desk, connection: Connection, notices: Sequence[Mapping[str, Any]], as_of: date, now: datetime
) -> list[Settled]:
    """Return the notices that must not be sent any more, or not at this hour, each with its reason."""
    orders = {one.order.id: one for one in named(desk, connection, [row["order_id"] for row in notices])}
    suppressed = suppressed_among(connection, {row["address"] for row in notices if row["address"]})
    found = (_settled(desk, row, orders.get(row["order_id"]), suppressed, as_of, now) for row in notices)
    return [one for one in found if one is not None]


def _settled(
    desk: Desk,
    notice: Mapping[str, Any],
    watched: Watched | None,
    suppressed: Mapping[str, Skip],
    as_of: date,
    now: datetime,
) -> Settled | None:
    reason = _reason(notice, watched, suppressed, as_of)
    if reason is None and notice["created_at"] < now - timedelta(hours=desk.policy.sending.oldest_hours):
        reason = Skip.TOO_OLD
    if reason is not None or watched is None:
        return Settled(notice["id"], State.SKIPPED, reason or Skip.CANCELLED)
    if _as_written(notice, watched.order.customer, desk.policy, now):
        return None
    shop, channel = desk.shop, Channel(notice["channel"])
    contact = contact_by(watched.order.customer, channel, desk.policy, now, shop.country, shop.zone)
    if contact.skip is not None or contact.address != notice["address"]:
        return Settled(notice["id"], State.SKIPPED, contact.skip or Skip.CHANGED)
    if notice["valid_until"] is None or notice["valid_until"] > now:
        return None
    later = "its hours were over: it waits for the next"
    return Settled(notice["id"], State.QUEUED, later, not_before=contact.not_before, valid_until=contact.valid_until)


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


def _reason(
    notice: Mapping[str, Any], watched: Watched | None, suppressed: Mapping[str, Skip], as_of: date
) -> Skip | None:
    if watched is None:
        return Skip.CANCELLED
    order = watched.order
    if not open_lines(order, as_of):
        ends = {line.cancelled_on is not None or not line.ordered for line in order.lines}
        return Skip.CANCELLED if order.cancelled_on or ends == {True} else Skip.SHIPPED
    if order.customer.opted_out:
        return Skip.OPTED_OUT
    if notice["address"] in suppressed:
        return suppressed[notice["address"]]
    if order.told is not None and order.told.revision > notice["revision"]:
        return Skip.SUPERSEDED
    said = [ToldLine.from_data(line) for line in notice["lines"]]
    return None if holds(said, order, as_of) else Skip.CHANGED
