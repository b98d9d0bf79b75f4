"""Read the facts again before a message leaves: a notice that has become untrue is not sent."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select, update

from models.values import Channel, Skip, State
from rules.contact import contact_by
from rules.delays import delay_of, open_lines
from rules.fingerprints import facts_of
from tasks.decisions import suppressed_among
from tasks.desk import Desk
from tasks.notices import NOTICES
from tasks.orders import WATCHES, Watched, named
from tasks.outbox import Settled

REACHED = NOTICES.c.state.not_in((State.SKIPPED, State.REJECTED))
"""The SQL of a notice that tells its customer something, now or soon."""
TOLD = ("revision", "bucket", "expected_on", "told_on")


def untrue(
    desk: Desk, connection: Connection, notices: Sequence[Mapping[str, Any]], as_of: date, now: datetime
) -> list[Settled]:
    """Return the notices that must not be sent any more, or not at this hour, each with its reason."""
    orders = {one.order.id: one for one in named(desk, connection, [row["order_id"] for row in notices])}
    suppressed = suppressed_among(connection, {row["address"] for row in notices if row["address"]})
    found = (_settled(desk, row, orders.get(row["order_id"]), suppressed, as_of, now) for row in notices)
    return [one for one in found if one is not None]


def _settled(
    desk: Desk, notice: Mapping[str, Any], watched: Watched | None, suppressed: set[str], as_of: date, now: datetime
) -> Settled | None:
    reason = _reason(desk, notice, watched, suppressed, as_of)
    if reason is not None:
        return Settled(notice["id"], State.SKIPPED, reason)
    if watched is None or notice["valid_until"] is None or notice["valid_until"] > now:
        return None
    shop, channel = desk.shop, Channel(notice["channel"])
    hour = contact_by(watched.order.customer, channel, desk.policy, now, shop.country, shop.zone)
    if hour.skip is not None:
        return Settled(notice["id"], State.SKIPPED, hour.skip)
    later = "its hours were over: it waits for the next"
    return Settled(notice["id"], State.QUEUED, later, not_before=hour.not_before, valid_until=hour.valid_until)


def _reason(
    desk: Desk, notice: Mapping[str, Any], watched: Watched | None, suppressed: set[str], as_of: date
) -> Skip | None:
    if watched is None:
        return Skip.CANCELLED
    if not open_lines(watched.order, as_of):
        ends = {line.cancelled_on is not None for line in watched.order.lines}
        return Skip.CANCELLED if watched.order.cancelled_on or ends == {True} else Skip.SHIPPED
    if watched.order.customer.opted_out:
        return Skip.OPTED_OUT
    if notice["address"] in suppressed:
        return Skip.SUPPRESSED
    delay = delay_of(watched.order, as_of, desk.policy, desk.calendar)
    return Skip.CHANGED if delay is None or facts_of(delay) != notice["facts"] else None


def untell(connection: Connection, notices: Sequence[Mapping[str, Any]], as_of: date) -> None:
    """Forget revisions that reached nobody, so that the next look decides from what the customer really knows."""
    for order in {row["order_id"] for row in notices}:
        reached = (
            select(*(NOTICES.c[name] for name in TOLD))
            .where(NOTICES.c.order_id == order, REACHED)
            .order_by(NOTICES.c.revision.desc())
            .limit(1)
        )
        revision, bucket, expected_on, told_on = connection.execute(reached).first() or (None, None, None, None)
        connection.execute(
            update(WATCHES)
            .where(WATCHES.c.order_id == order)
            .values(
                version=WATCHES.c.version + 1,
                told_revision=revision,
                told_bucket=bucket,
                told_expected_on=expected_on,
                told_on=told_on,
                look_again_on=as_of,
            )
        )
