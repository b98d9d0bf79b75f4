"""Lists of orders: the latest first, or those of a filter or a search, each row with why it stands there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, or_, select

from models.customers import STANDING, ChoiceState
from models.enums import Channel, State
from models.policy.policy import CLOSED, ON_TIME, Policy
from rules.contact.masking import mask_address
from rules.delays.delays import delay_of, open_lines
from tasks.context import Context
from tasks.db.counters import count_orders_by_bucket
from tasks.db.sql import in_list
from tasks.desk.order_search import PAGE
from tasks.desk.staff_words import channel_word, clock_time, days_range, short_date, zone_name
from tasks.orders.queries import get_orders
from tasks.orders.told import NOTICES_WITH_STATE
from tasks.tables import CUSTOMER_CHOICES, NOTICES, ORDER_LINES, OUTBOX, PRODUCTS, VENDORS, WATCHES

MAX_SCANNED = 20_000
"""How many orders a filter by vendor reads for one page, where many orders have that vendor's products."""
MAX_OF_VENDOR = 2_000
"""Up to so many orders of a vendor are found by its products."""
MESSAGE_STATES = {"held": State.HELD, "waiting": State.QUEUED, "in_doubt": State.IN_DOUBT}
ANSWERED = "answered"
STATES = {
    "held": "Message is held",
    "waiting": "Message waits to be sent",
    "in_doubt": "Message in doubt",
    ANSWERED: "Answered; the shop has to act",
    "ended": "Over",
}
"""Filters by state, and their words."""


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One order in a list."""

    order: str
    why: str
    days_late: int
    expected_on: date | None
    is_open: bool
    customer: str
    contact: str
    """The masked address."""
    answer: str
    """The act of the last answer that stands; empty where there is none."""


@dataclass(frozen=True, slots=True)
class LateRange:
    """A range of days late of the policy: its key in an address, its words, and how many open orders are in it."""

    key: str
    words: str
    orders: int


@dataclass(frozen=True, slots=True)
class OrderPageOfList:
    """A page of a list, and where the next one begins."""

    orders: tuple[str, ...]
    next: tuple[str, ...] | None = None
    looked_at: int = 0
    """How many orders were looked through where not all could be; 0: all."""


def late_ranges(connection: Connection, policy: Policy) -> tuple[LateRange, ...]:
    """Return the policy's ranges of days late, the worst first, and those on time."""
    counts = count_orders_by_bucket(connection)
    starts = [bucket.from_days for bucket in policy.bucket]
    ranges = [
        LateRange(bucket.name, days_range(bucket.from_days, following), counts[bucket.name])
        for bucket, following in zip(policy.bucket, [*starts[1:], None], strict=True)
    ]
    return (*reversed(ranges), LateRange(ON_TIME, "On time", counts[ON_TIME]))


def vendors(connection: Connection, limit: int = 500) -> tuple[tuple[str, str], ...]:
    """Return the vendors to choose from, by name."""
    query = select(VENDORS.c.id, VENDORS.c.name).order_by(VENDORS.c.name, VENDORS.c.id).limit(limit)
    return tuple((row.id, row.name) for row in connection.execute(query))


def list_page(
    connection: Connection, policy: Policy, *, late: str, state: str, vendor: str, after: Sequence[str] | None
) -> OrderPageOfList:
    """Return a page of orders: by state of a message or an answer, or by days late, the worst first."""
    if state in MESSAGE_STATES:
        return _by_message(connection, MESSAGE_STATES[state], after)
    if state == ANSWERED:
        return _answered(connection, after)
    buckets = [late] if late else [*(bucket.name for bucket in reversed(policy.bucket)), ON_TIME]
    if state == "ended":
        buckets = [CLOSED]
    if vendor:
        few = _few_of_vendor(connection, vendor)
        if few is not None:
            return _among(connection, buckets, few, after)
        return _scan(connection, buckets, vendor, after)
    return _by_bucket(connection, buckets, after)


def select_bucket(bucket: str, after: str, limit: int = PAGE + 1) -> Select[Any]:
    """Return the SELECT of orders with so many days late, by number."""
    return (
        select(WATCHES.c.order_id)
        .where(WATCHES.c.bucket == bucket, WATCHES.c.order_id > after)
        .order_by(WATCHES.c.bucket, WATCHES.c.order_id)
        .limit(limit)
    )


def _by_bucket(connection: Connection, buckets: Sequence[str], after: Sequence[str] | None) -> OrderPageOfList:
    rows: list[tuple[str, str]] = []
    for bucket, last in _from(buckets, after):
        found = connection.execute(select_bucket(bucket, last, PAGE + 1 - len(rows))).scalars()
        rows += [(bucket, order) for order in found]
        if len(rows) > PAGE:
            return OrderPageOfList(tuple(order for _, order in rows[:PAGE]), rows[PAGE - 1])
    return OrderPageOfList(tuple(order for _, order in rows))


def _from(buckets: Sequence[str], after: Sequence[str] | None) -> list[tuple[str, str]]:
    """Return the ranges still to read, each with the order after which it goes on."""
    if after is None or len(after) != 2 or after[0] not in buckets:
        return [(bucket, "") for bucket in buckets]
    place = list(buckets).index(after[0])
    return [(after[0], after[1]), *((bucket, "") for bucket in buckets[place + 1 :])]


def _few_of_vendor(connection: Connection, vendor: str) -> list[str] | None:
    """Return the orders with open lines of a vendor's products; None where they are too many to sort."""
    query = (
        select(ORDER_LINES.c.order_id)
        .join(PRODUCTS, PRODUCTS.c.id == ORDER_LINES.c.product_id)
        .where(PRODUCTS.c.vendor_id == vendor, ORDER_LINES.c.shipped_at.is_(None))
        .limit(MAX_OF_VENDOR + 1)
    )
    lines = connection.execute(query).scalars().all()
    return None if len(lines) > MAX_OF_VENDOR else sorted(set(lines))


def _among(
    connection: Connection, buckets: Sequence[str], orders: Sequence[str], after: Sequence[str] | None
) -> OrderPageOfList:
    rows = connection.execute(
        select(WATCHES.c.bucket, WATCHES.c.order_id).where(
            in_list(connection, WATCHES.c.order_id, orders), WATCHES.c.bucket.in_(buckets)
        )
    ).all()
    begins = dict(_from(buckets, after))
    places = {bucket: place for place, bucket in enumerate(buckets)}
    left = sorted((places[bucket], order) for bucket, order in rows if bucket in begins and order > begins[bucket])
    page = [(buckets[place], order) for place, order in left[:PAGE]]
    return OrderPageOfList(tuple(order for _, order in page), page[-1] if len(left) > PAGE else None)


def _scan(connection: Connection, buckets: Sequence[str], vendor: str, after: Sequence[str] | None) -> OrderPageOfList:
    """Look through orders by days late for those with an open line of a vendor, as many as one page may read."""
    found: list[tuple[str, str]] = []
    left = MAX_SCANNED
    for bucket, last in _from(buckets, after):
        candidates = select_bucket(bucket, last, left).subquery()
        rows = connection.execute(select_with_vendor(candidates, vendor, PAGE + 1 - len(found))).scalars()
        found += [(bucket, order) for order in rows]
        if len(found) > PAGE:
            return OrderPageOfList(tuple(order for _, order in found[:PAGE]), found[PAGE - 1])
        read = connection.execute(select_bucket(bucket, last, left)).scalars().all()
        left -= len(read)
        if left <= 0:
            return OrderPageOfList(tuple(order for _, order in found), (bucket, read[-1]), MAX_SCANNED)
    return OrderPageOfList(tuple(order for _, order in found))


def select_with_vendor(candidates: Any, vendor: str, limit: int) -> Select[Any]:
    """Return the SELECT of those candidates that have an open line of a vendor."""
    of_vendor = (
        select(ORDER_LINES.c.order_id)
        .join(PRODUCTS, PRODUCTS.c.id == ORDER_LINES.c.product_id)
        .where(
            ORDER_LINES.c.order_id == candidates.c.order_id,
            ORDER_LINES.c.shipped_at.is_(None),
            PRODUCTS.c.vendor_id == vendor,
        )
    )
    return select(candidates.c.order_id).where(of_vendor.exists()).limit(limit)


def select_messages(state: State, after: Sequence[str] | None) -> Select[Any]:
    """Return the SELECT of the messages to customers in a state, in the order in which they may leave."""
    outbox = OUTBOX.c
    query = (
        select(NOTICES.c.order_id, outbox.channel, outbox.not_before, outbox.id)
        .select_from(NOTICES_WITH_STATE)
        .where(outbox.settled_at.is_(None), outbox.state == state)
        .where(outbox.channel.in_([Channel.EMAIL, Channel.SMS]))
    )
    if after is not None and len(after) == 3:
        channel, moment, key = after[0], datetime.fromisoformat(after[1]), after[2]
        later = or_(outbox.not_before > moment, and_(outbox.not_before == moment, outbox.id > key))
        query = query.where(or_(outbox.channel > channel, and_(outbox.channel == channel, later)))
    return query.order_by(outbox.channel, outbox.not_before, outbox.id).limit(PAGE + 1)


def _by_message(connection: Connection, state: State, after: Sequence[str] | None) -> OrderPageOfList:
    rows = connection.execute(select_messages(state, after)).all()
    orders = tuple(dict.fromkeys(row.order_id for row in rows[:PAGE]))
    if len(rows) <= PAGE:
        return OrderPageOfList(orders)
    last = rows[PAGE - 1]
    return OrderPageOfList(orders, (last.channel, last.not_before.isoformat(), last.id))


def _answered(connection: Connection, after: Sequence[str] | None) -> OrderPageOfList:
    choices = CUSTOMER_CHOICES.c
    query = select(choices.order_id, choices.made_at, choices.id).where(choices.state == ChoiceState.REQUESTED)
    if after is not None and len(after) == 2:
        moment = datetime.fromisoformat(after[0])
        query = query.where(or_(choices.made_at > moment, and_(choices.made_at == moment, choices.id > after[1])))
    rows = connection.execute(query.order_by(choices.made_at, choices.id).limit(PAGE + 1)).all()
    orders = tuple(dict.fromkeys(row.order_id for row in rows[:PAGE]))
    last = rows[PAGE - 1] if len(rows) > PAGE else None
    return OrderPageOfList(orders, (last.made_at.isoformat(), last.id) if last else None)


def load_rows(context: Context, connection: Connection, orders: Sequence[str]) -> tuple[OrderRow, ...]:
    """Return orders as rows of a list, in their order here."""
    if not orders:
        return ()
    watched = {one.order.id: one.order for one in get_orders(context, connection, orders)}
    messages = _messages(connection, orders)
    answers = _answers(connection, orders)
    rows = []
    for key in orders:
        if key not in watched:
            continue
        order = watched[key]
        delay = None if order.unpaid else delay_of(order, context.as_of, context.policy, context.calendar)
        still_open = bool(open_lines(order, context.as_of)) and order.placed_on <= context.as_of
        address = order.customer.email or order.customer.phone
        first = next((bucket.from_days for bucket in context.policy.bucket if bucket.notify), None)
        days = delay.days if delay else 0
        rows.append(
            OrderRow(
                order=key,
                why=_why(context, messages.get(key, []), still_open, days, first),
                days_late=days,
                expected_on=delay.expected_on if delay else None,
                is_open=still_open,
                customer=order.customer.name,
                contact=mask_address(address) if address else "",
                answer=answers.get(key, ""),
            )
        )
    return tuple(rows)


def _messages(connection: Connection, orders: Sequence[str]) -> dict[str, list[Any]]:
    columns = (OUTBOX.c[name] for name in ("channel", "state", "sending_at", "settled_at", "not_before", "trial"))
    query = (
        select(NOTICES.c.order_id, NOTICES.c.revision, *columns)
        .select_from(NOTICES_WITH_STATE)
        .where(in_list(connection, NOTICES.c.order_id, orders))
        .order_by(NOTICES.c.revision, NOTICES.c.channel)
    )
    found: dict[str, list[Any]] = {}
    for row in connection.execute(query):
        found.setdefault(row.order_id, []).append(row)
    return found


def _answers(connection: Connection, orders: Sequence[str]) -> dict[str, str]:
    choices = CUSTOMER_CHOICES.c
    query = select(choices.order_id, choices.act).where(
        in_list(connection, choices.order_id, orders), choices.state.in_(STANDING)
    )
    return {row.order_id: row.act for row in connection.execute(query.order_by(choices.number))}


def _why(context: Context, messages: Sequence[Any], still_open: bool, days: int, first: int | None) -> str:  # noqa: FBT001
    """Return why an order stands where it does, in a few words; `was told` only of what reached its customer."""
    last = messages[-1].revision if messages else 0
    parts = [_message_words(context, row) for row in messages if row.revision == last and row.state != State.SKIPPED]
    if parts:
        return "; ".join([parts[0], *(part[0].lower() + part[1:] for part in parts[1:])])
    if not still_open:
        return "Over"
    if days == 0:
        return "Not late"
    if first is not None and days < first:
        return f"Nobody told: the shop writes from {first} days on"
    return "Nobody told: no message could be sent" if messages else "Nobody told so far"


def _message_words(context: Context, row: Any) -> str:
    word = channel_word(row.channel)
    at = row.sending_at or row.settled_at
    on = f" on {short_date(at.astimezone(context.zone).date(), context.as_of)}" if at else ""
    if row.trial and row.state in (State.SENT, State.DELIVERED):
        return f"Trial {word}{on}: not sent"
    waits = f" until {clock_time(row.not_before, context.zone)} ({zone_name(context.shop.zone)})"
    return {
        State.HELD: f"A {word} is held",
        State.QUEUED: f"A {word} waits{waits if row.not_before > context.started_at else ''}",
        State.SENDING: f"A {word} is being sent",
        State.SENT: f"Told by {word}{on}",
        State.DELIVERED: f"Told by {word}{on}",
        State.BOUNCED: f"The {word} came back{on}",
        State.REJECTED: f"The {word} was refused{on}",
        State.IN_DOUBT: f"A {word} may or may not have left{on}",
    }[State(row.state)]
