"""Count what a day added up to, and keep it: told in time, told twice, reach, answers, offers."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, func, or_, select, type_coerce
from sqlalchemy.types import BigInteger

from models.batches import batched
from models.customers import ENDS_CONTRACT, Act, ChoiceState
from models.enums import DIRECT, ChangeKind, State
from models.numbers import CANCELLED, KEPT, Key, Measure
from models.orders import NoticeLine
from tasks.context import Context
from tasks.db.sql import in_list, insert, read_only
from tasks.orders.told import NOTICES_WITH_STATE
from tasks.tables import CUSTOMER_CHOICES, DAY_NUMBERS, NOTICES, OFFERS, OUTBOX

RECOUNTED_DAYS = 14
"""Days within which providers still tell what became of a message."""
BACKFILLED_DAYS = 92
"""Days that a nightly count fills in where they were never counted, as after an upgrade."""
PAGE_SIZE = 500
LEFT = (State.SENT, State.DELIVERED, State.BOUNCED)
ARRIVED = (State.SENT, State.DELIVERED)
"""States of a message that its customer has, as far as is known."""
FIRST_CHANGES = (ChangeKind.FIRST, ChangeKind.WARNING)
"""With what a customer first hears of a delay: who was warned heard of it then."""
UNKNOWN = ""
"""The bucket of an answer to no message."""


def count_days(context: Context, days: Iterable[date], now: datetime) -> int:
    """Count days again and store what they add up to, each in a transaction of its own. Return how many."""
    counted = 0
    for day in days:
        numbers = count_day(context, day)
        with context.engine.begin() as connection:
            connection.execute(delete(DAY_NUMBERS).where(DAY_NUMBERS.c.day == day))
            rows = [_row(day, key, value) for key, value in sorted(numbers.items()) if value]
            rows.append(_row(day, (Measure.COUNTED, "", ""), int(now.timestamp())))
            connection.execute(insert(connection, DAY_NUMBERS).on_conflict_do_nothing(), rows)
        counted += 1
    return counted


def days_to_count(context: Context, today: date) -> list[date]:
    """Return the days that a nightly count counts: the recent ones, and older ones that were never counted."""
    first = today - timedelta(days=BACKFILLED_DAYS)
    with read_only(context.engine) as connection:
        of_period = and_(DAY_NUMBERS.c.day >= first, DAY_NUMBERS.c.measure == Measure.COUNTED)
        counted = set(connection.execute(select(DAY_NUMBERS.c.day).where(of_period)).scalars())
    recent = today - timedelta(days=RECOUNTED_DAYS)
    days = [first + timedelta(days=n) for n in range(BACKFILLED_DAYS + 1)]
    return [day for day in days if day >= recent or day not in counted]


def count_day(context: Context, day: date) -> Counter[Key]:
    """Return what a day of the shop adds up to; messages of a trial, which reached nobody, are left out."""
    numbers: Counter[Key] = Counter()
    with read_only(context.engine) as connection:
        of_day = _within(context, OUTBOX.c.settled_at, day)
        live = and_(of_day, OUTBOX.c.trial.is_(False), OUTBOX.c.channel.in_(DIRECT))
        for channel, state, n in connection.execute(
            select(OUTBOX.c.channel, OUTBOX.c.state, func.count())
            .select_from(NOTICES_WITH_STATE)
            .where(live)
            .group_by(OUTBOX.c.channel, OUTBOX.c.state)
        ):
            numbers[Measure.MESSAGES, channel, state] += n
        _count_told(connection, day, live, numbers)
        _count_choices(context, connection, day, numbers)
        _count_offers(context, connection, day, numbers)
    return numbers


def _row(day: date, key: Key, value: int) -> dict[str, Any]:
    measure, part, kind = key
    return {"day": day, "measure": measure, "part": part, "kind": kind, "value": value}


def _within(context: Context, column: Any, day: date) -> ColumnElement[bool]:
    return and_(column >= context.start_of(day), column < context.end_of(day))


def _count_told(connection: Connection, day: date, live: ColumnElement[bool], numbers: Counter[Key]) -> None:
    names = ("id", "order_id", "customer_id", "revision", "channel", "change", "bucket", "lines", "address")
    columns = (*(NOTICES.c[name] for name in names), OUTBOX.c.state, OUTBOX.c.settled_at)
    query = select(*columns).select_from(NOTICES_WITH_STATE).where(live, OUTBOX.c.state.in_(LEFT))
    query = query.order_by(NOTICES.c.order_id, NOTICES.c.revision, OUTBOX.c.settled_at, NOTICES.c.id)
    counted: set[tuple[str, str]] = set()
    for rows in batched(connection.execute(query), PAGE_SIZE):
        earlier = _earlier(connection, rows)
        _count_first(day, rows, earlier, counted, numbers)
        numbers[Measure.TWICE, "", ""] += sum(_is_repeated(row, (*earlier, *rows)) for row in rows)


def _earlier(connection: Connection, rows: Sequence[Row[Any]]) -> Sequence[Any]:
    """Return the messages about the same orders that arrived, as far as is known."""
    names = ("id", "order_id", "customer_id", "revision", "channel", "change", "bucket", "lines", "address")
    query = (
        select(*(NOTICES.c[name] for name in names), OUTBOX.c.state, OUTBOX.c.settled_at)
        .select_from(NOTICES_WITH_STATE)
        .where(in_list(connection, NOTICES.c.order_id, {row.order_id for row in rows}))
        .where(OUTBOX.c.state.in_(ARRIVED), OUTBOX.c.trial.is_(False))
    )
    return list(connection.execute(query))


def _count_first(
    day: date,
    rows: Sequence[Row[Any]],
    all_sent: Sequence[Row[Any]],
    counted: set[tuple[str, str]],
    numbers: Counter[Key],
) -> None:
    """Count the orders of a page whose first message left on this day, and those of them told in time."""
    first_at: dict[tuple[str, str], datetime] = {}
    for row in all_sent:
        key = (row.order_id, row.customer_id)
        first_at[key] = min(first_at.get(key, row.settled_at), row.settled_at)
    for row in rows:
        key = (row.order_id, row.customer_id)
        is_first = row.change in FIRST_CHANGES and row.state in ARRIVED and first_at.get(key) == row.settled_at
        if not is_first or key in counted:
            continue
        counted.add(key)
        numbers[Measure.TOLD, row.bucket, ""] += 1
        promised = min((NoticeLine.from_data(line).promised_on for line in row.lines), default=day)
        numbers[Measure.IN_TIME, row.bucket, ""] += day < promised


def _is_repeated(row: Row[Any], others: Sequence[Row[Any]]) -> bool:
    """Return whether the last message before it told the same customer the same, at the same address."""
    before = [
        other
        for other in others
        if (other.order_id, other.customer_id, other.channel) == (row.order_id, row.customer_id, row.channel)
        and other.revision < row.revision
        and other.state in ARRIVED
    ]
    last = max(before, key=lambda other: other.revision, default=None)
    if last is None or row.state not in ARRIVED:
        return False
    return bool(last.address is not None and (last.address, last.lines) == (row.address, row.lines))


def _count_choices(context: Context, connection: Connection, day: date, numbers: Counter[Key]) -> None:
    bucket = func.coalesce(NOTICES.c.bucket, UNKNOWN)
    choices = CUSTOMER_CHOICES
    query = (
        select(choices.c.order_id, choices.c.act, bucket.label("bucket"))
        .select_from(choices.outerjoin(NOTICES, NOTICES.c.id == choices.c.notice_id))
        .where(_within(context, choices.c.made_at, day))
        .where(choices.c.state.not_in((ChoiceState.UNDONE, ChoiceState.REFUSED)))
        .order_by(choices.c.made_at, choices.c.number)
    )
    last: dict[str, tuple[str, str]] = {}
    for order, act, of_bucket in connection.execute(query):
        numbers[Measure.ANSWERS, of_bucket, act] += 1
        if act != Act.OFFER:
            last[order] = (of_bucket, CANCELLED if act in ENDS_CONTRACT else KEPT)
    for of_bucket, kind in last.values():
        numbers[Measure.KEPT, of_bucket, kind] += 1


def _count_offers(context: Context, connection: Connection, day: date, numbers: Counter[Key]) -> None:
    of_day = _within(context, OFFERS.c.created_at, day)
    # An offer is made with a message of the same run; which of its channels it was does not matter. The run is an
    # expression, because SQLite would otherwise search all messages of the run for each offer.
    said = select(func.min(NOTICES.c.bucket)).where(
        NOTICES.c.order_id == OFFERS.c.order_id, func.coalesce(NOTICES.c.run_id, "") == OFFERS.c.run_id
    )
    bucket = func.coalesce(said.scalar_subquery(), UNKNOWN).label("bucket")
    query = select(bucket, OFFERS.c.kind, func.count()).where(of_day).group_by(bucket, OFFERS.c.kind)
    for of_bucket, kind, n in connection.execute(query):
        numbers[Measure.OFFERS, of_bucket, kind] += n
    value = func.sum(type_coerce(OFFERS.c.value, BigInteger))
    given = select(OFFERS.c.currency, value).where(of_day, or_(OFFERS.c.code.is_not(None), OFFERS.c.value > 0))
    for currency, total in connection.execute(given.group_by(OFFERS.c.currency)):
        numbers[Measure.OFFER_VALUE, currency, ""] += int(total or 0)
