"""Read the facts again before a message leaves: a notice that has become untrue is not sent."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, update

from models.facts import CustomerFacts, ToldLine
from models.policy import Policy
from models.values import Channel, Skip, State
from rules.contact import contact_by
from rules.delays import holds, open_lines
from tasks.decisions import suppressed_among
from tasks.desk import Desk
from tasks.orders import WATCHES, Watched, named
from tasks.outbox import Settled
from tasks.tellings import tellings


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


def retell(connection: Connection, orders: set[str], changed: set[str], as_of: date) -> None:
    """Put right what customers of orders were told, after notices of theirs ended without reaching them.

    Orders in `changed` are looked at again on `as_of`; the others when their day comes or a fact changes.
    """
    if not orders:
        return
    # The rows are taken before they are read: a run that owes more at this moment comes first, or starts over.
    mine = update(WATCHES).where(WATCHES.c.order_id == bindparam("key")).values(version=WATCHES.c.version + 1)
    connection.execute(mine, [{"key": order} for order in sorted(orders)])
    reached = {one.order_id: one for one in tellings(connection, orders)}
    names = ("revision", "told_on", "lines", "customer_id")
    rows = [
        {"key": order, **{f"new_{name}": getattr(reached.get(order), name, None) for name in names}}
        for order in sorted(orders)
    ]
    put_right = update(WATCHES).where(WATCHES.c.order_id == bindparam("key"))
    told: dict[str, Any] = {"told_revision": bindparam("new_revision"), "told_on": bindparam("new_told_on")}
    told |= {"told_lines": bindparam("new_lines"), "told_to": bindparam("new_customer_id")}
    told["told_assumed"] = False
    connection.execute(put_right.values(**told), rows)
    if changed:
        due = update(WATCHES).where(WATCHES.c.order_id.in_(changed)).values(look_again_on=as_of)
        connection.execute(due)
