"""A notice that was refused goes out by the customer's next channel, once; else staff hear that nobody was reached."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import Connection, select, update

from models.decisions import Contact
from models.enums import Channel, Skip, State
from models.orders import ToldLine
from rules.contact.contact import contact_by, without_suppressed
from rules.delays.delays import holds
from tasks.context import Desk
from tasks.db.events import happened
from tasks.db.sql import insert, reading
from tasks.notices.decide import decide
from tasks.notices.records import notice_row
from tasks.notices.rendering import first_rendered
from tasks.notices.suppressions import suppressed_among
from tasks.notices.told_state import retell
from tasks.offers.budget import Purse
from tasks.offers.substitute_stock import Shelves
from tasks.orders.queries import Watched, named
from tasks.runs.records import Now
from tasks.tables import NOTICES

NOBODY = "nobody"
LOST = (State.REJECTED, State.BOUNCED)
GONE = (*LOST, State.SKIPPED)


class Followed(NamedTuple):
    """What came of refused notices: how many go out by another channel, and how many customers were not reached."""

    owed: int
    not_reached: int


def follow_up(desk: Desk, now: Now, who: str, *, batch: int) -> Followed | None:
    """Owe the next channel's notice for refused ones that nobody followed up; None where there are none left."""
    with reading(desk.engine) as connection:
        lost = _lost(connection, batch)
        orders = {one.order.id: one for one in named(desk, connection, sorted({row["order_id"] for row in lost}))}
        tried = _tried(connection, list(orders))
        found = {row["id"]: _next(desk, now, connection, row, orders[row["order_id"]], tried) for row in lost}
    if not lost:
        return None
    with desk.engine.begin() as connection:
        ours = _write(connection, now, who, lost, found)
    owed = sum(isinstance(found[row["id"]], dict) for row in ours)
    alone = [row for row in ours if found[row["id"]] is None]
    return Followed(owed, sum(not _reached(tried[(row["order_id"], row["revision"])]) for row in alone))


def _lost(connection: Connection, batch: int) -> list[dict[str, Any]]:
    query = (
        select(NOTICES)
        .where(NOTICES.c.state.in_(LOST), NOTICES.c.followed_by.is_(None))
        .order_by(NOTICES.c.order_id, NOTICES.c.id)
        .limit(batch)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def _tried(connection: Connection, orders: list[str]) -> dict[tuple[str, int], dict[str, str]]:
    """Return the channels by which each revision of orders was told, and how that stands."""
    tried: dict[tuple[str, int], dict[str, str]] = {}
    query = select(NOTICES.c.order_id, NOTICES.c.revision, NOTICES.c.channel, NOTICES.c.state)
    for order, revision, channel, state in connection.execute(query.where(NOTICES.c.order_id.in_(orders))):
        tried.setdefault((order, revision), {})[channel] = state
    return tried


def _next(
    desk: Desk,
    now: Now,
    connection: Connection,
    lost: Mapping[str, Any],
    watched: Watched,
    tried: dict[tuple[str, int], dict[str, str]],
) -> dict[str, Any] | Skip | None:
    """Return the next channel's notice; None where the customer was reached otherwise, or cannot be.

    CHANGED where the facts are others by now: they are a run's to tell, once they were judged.
    """
    channels = tried[(lost["order_id"], lost["revision"])]
    if _reached(channels) or watched.order.revision > lost["revision"]:
        return None
    if not holds([ToldLine.from_data(line) for line in lost["lines"]], watched.order, now.as_of):
        return Skip.CHANGED
    again = replace(watched, order=replace(watched.order, revision=lost["revision"] - 1))
    # No discount is given here that was not given before: the caps were kept when the first notice was owed.
    (decided,) = decide(desk, now, connection, [again], Shelves(), Purse({}))
    plan = decided.plan
    if plan is None:
        return None
    found = first_rendered(desk, plan, _contacts(desk, now, connection, watched, set(channels)))
    if found is None:
        # Where the words of every channel left fail, nobody is reached, and the check of templates says why.
        return None
    contact, words = found
    channels[contact.channel] = State.QUEUED
    # The run that told this order was judged already; its second try is not held again.
    return notice_row(desk, now, plan, contact, words) | {"state": State.QUEUED}


def _reached(channels: Mapping[str, str]) -> bool:
    return any(state not in GONE for state in channels.values())


def _contacts(desk: Desk, now: Now, connection: Connection, watched: Watched, tried: set[str]) -> list[Contact]:
    customer, shop = watched.order.customer, desk.shop
    left: list[Channel] = [one for one in desk.policy.sending.fallback if one not in tried]
    found = tuple(contact_by(customer, one, desk.policy, now.moment, shop.country, shop.zone) for one in left)
    suppressed = suppressed_among(connection, {one.address for one in found if one.address is not None})
    usable = [one for one in without_suppressed(found, suppressed) if one.skip is None]
    return [] if customer.opted_out else usable


def _write(
    connection: Connection,
    now: Now,
    who: str,
    lost: list[dict[str, Any]],
    found: Mapping[str, dict[str, Any] | Skip | None],
) -> list[dict[str, Any]]:
    """Write down what follows refused notices; return those of them that nobody else followed up meanwhile."""
    owed = [notice for notice in found.values() if isinstance(notice, dict)]
    if owed:
        connection.execute(insert(connection, NOTICES).on_conflict_do_nothing(), owed)
    ours = [row for row in lost if _followed(connection, row["id"], found[row["id"]])]
    happened(connection, [_event(row["id"], found[row["id"]]) for row in ours], now.moment, who)
    changed = {row["order_id"] for row in ours if found[row["id"]] is Skip.CHANGED}
    retell(connection, changed | {notice["order_id"] for notice in owed}, changed, now.as_of)
    return ours


def _followed(connection: Connection, key: str, found: dict[str, Any] | Skip | None) -> bool:
    mine = update(NOTICES).where(NOTICES.c.id == key, NOTICES.c.followed_by.is_(None))
    by = found["id"] if isinstance(found, dict) else NOBODY
    return connection.execute(mine.values(followed_by=by)).rowcount == 1


def _event(key: str, found: dict[str, Any] | Skip | None) -> tuple[str, str, str]:
    if isinstance(found, dict):
        return "followed_by", key, str(found["channel"])
    return "not_reached", key, str(found or "")
