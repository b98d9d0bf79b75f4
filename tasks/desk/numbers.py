"""What the desk shows of numbers: a period, added up from the days that were counted."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, Connection, and_, func, select

from models.enums import DIRECT, Channel, State
from models.numbers import CANCELLED, KEPT, BucketNumbers, ChannelReach, Key, Measure, Numbers
from models.policy.policy import Policy
from tasks.reporting.day_numbers import UNKNOWN
from tasks.tables import DAY_NUMBERS

SCALE = 10_000
"""Money is stored in ten-thousandths."""


def load_numbers(policy: Policy, connection: Connection, first: date, last: date) -> Numbers:
    """Return the numbers of a period, both days included."""
    in_period = and_(DAY_NUMBERS.c.day >= first, DAY_NUMBERS.c.day <= last)
    sums = sum_numbers(connection, in_period)
    newest = select(func.count(), func.max(DAY_NUMBERS.c.value)).where(
        in_period, DAY_NUMBERS.c.measure == Measure.COUNTED
    )
    days, counted_at = connection.execute(newest).one()
    cost, unpriced = _message_cost(policy, sums)
    return Numbers(
        first,
        last,
        datetime.fromtimestamp(counted_at, UTC) if counted_at else None,
        days,
        tuple(_buckets(policy, sums)),
        tuple(_reach(channel, sums) for channel in DIRECT),
        sums[Measure.TWICE, "", ""],
        {part: Decimal(n) / SCALE for (measure, part, _), n in sums.items() if measure == Measure.OFFER_VALUE},
        cost,
        unpriced,
    )


def sum_numbers(connection: Connection, which: ColumnElement[bool] | None = None) -> Counter[Key]:
    """Return the sums of the days that match, or of all days that are kept."""
    columns = (DAY_NUMBERS.c.measure, DAY_NUMBERS.c.part, DAY_NUMBERS.c.kind)
    query = select(*columns, func.sum(DAY_NUMBERS.c.value)).where(DAY_NUMBERS.c.measure != Measure.COUNTED)
    if which is not None:
        query = query.where(which)
    rows = connection.execute(query.group_by(*columns).order_by(*columns))
    return Counter({(Measure(row[0]), row[1], row[2]): int(row[3]) for row in rows})


def load_daily(connection: Connection, first: date, last: date) -> list[tuple[date, Measure, str, str, int]]:
    """Return every number of every day of a period, for a file."""
    columns = [DAY_NUMBERS.c[name] for name in ("day", "measure", "part", "kind")]
    in_period = and_(DAY_NUMBERS.c.day >= first, DAY_NUMBERS.c.day <= last)
    query = select(*columns, DAY_NUMBERS.c.value).where(in_period, DAY_NUMBERS.c.measure != Measure.COUNTED)
    rows = connection.execute(query.order_by(*columns))
    return [(row[0], Measure(row[1]), row[2], row[3], row[4]) for row in rows]


def _buckets(policy: Policy, sums: Counter[Key]) -> Iterable[BucketNumbers]:
    """Yield the buckets of the policy in its order, then those that it had before, then answers to no message."""
    answers: dict[str, dict[str, int]] = defaultdict(dict)
    offers: dict[str, dict[str, int]] = defaultdict(dict)
    seen = set()
    for (measure, part, kind), n in sums.items():
        if measure == Measure.ANSWERS:
            answers[part][kind] = n
        elif measure == Measure.OFFERS:
            offers[part][kind] = n
        if measure in (Measure.TOLD, Measure.ANSWERS, Measure.OFFERS):
            seen.add(part)
    own = [bucket.name for bucket in policy.bucket if bucket.notify or bucket.name in seen]
    others = sorted(seen - {*own, UNKNOWN})
    for name in (*own, *others, *([UNKNOWN] if UNKNOWN in seen else [])):
        yield BucketNumbers(
            name,
            sums[Measure.TOLD, name, ""],
            sums[Measure.IN_TIME, name, ""],
            answers[name],
            offers[name],
            sums[Measure.KEPT, name, KEPT],
            sums[Measure.KEPT, name, CANCELLED],
        )


def _reach(channel: Channel, sums: Counter[Key]) -> ChannelReach:
    n = {state: sums[Measure.MESSAGES, channel, state] for state in State}
    return ChannelReach(
        channel,
        n[State.SENT] + n[State.DELIVERED] + n[State.BOUNCED],
        n[State.DELIVERED],
        n[State.BOUNCED],
        n[State.REJECTED],
        n[State.SKIPPED],
    )


def _message_cost(policy: Policy, sums: Counter[Key]) -> tuple[dict[str, Decimal], int]:
    """Return the cost of the messages sent by currency, and how many have no price."""
    cost: dict[str, Decimal] = {}
    unpriced = 0
    for channel in DIRECT:
        sent = _reach(channel, sums).sent
        prices = policy.costs.price_of(channel)
        unpriced += 0 if prices else sent
        for currency, price in prices.items():
            cost[currency] = cost.get(currency, Decimal(0)) + price * sent
    return cost, unpriced
