"""Load the last weeks for the daily digest: how late orders were, what became of messages, and who was told in time."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, and_, case, func, select

from models.enums import ChangeKind, Channel, State
from models.orders import NoticeLine
from tasks.context import Context
from tasks.orders.told import NOTICES_WITH_STATE
from tasks.runs.records import HELD, LATE_ORDERS
from tasks.tables import NOTICES, OUTBOX, RUNS

DAYS_SHOWN = 28
"""How many days the history goes back, the last one included."""
MAX_NOTICES = 100_000
"""The most first notices that are read to see who was told in time."""
TRIAL = "trial"
TOLD_STATES = (State.SENT, State.DELIVERED)


@dataclass(frozen=True, slots=True)
class History:
    """What happened on the days up to one day, in the shop's zone."""

    first: date
    last: date
    late: Mapping[date, Mapping[str, int]]
    """Late orders by bucket, as the last run of each day counted them."""
    outcomes: Mapping[str, Mapping[str, int]]
    """Messages by channel and state, or `trial`."""
    in_time: Mapping[date, int]
    """Orders first told before the promised date, or on it, by the day they were told."""
    too_late: Mapping[date, int]
    """Orders first told after the promised date."""
    trial: bool
    """Whether all of these messages went to no customer."""

    @property
    def days(self) -> list[date]:
        """Return every day of it."""
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]


def load_history(context: Context, connection: Connection, last: date) -> History:
    """Return the days up to and including `last`."""
    first = last - timedelta(days=DAYS_SHOWN - 1)
    outcomes = _load_outcomes(context, connection, first, last)
    in_time, too_late = _load_told(context, connection, first, last)
    states = {state for counts in outcomes.values() for state in counts}
    trial = TRIAL in states and not states & set(TOLD_STATES)
    return History(first, last, _load_late(connection, first, last), outcomes, in_time, too_late, trial)


def _load_late(connection: Connection, first: date, last: date) -> dict[date, dict[str, int]]:
    ended = and_(
        RUNS.c.flow == LATE_ORDERS,
        RUNS.c.as_of.between(first, last),
        RUNS.c.state.in_(("done", HELD)),
    )
    newest = select(func.max(RUNS.c.number)).where(ended).group_by(RUNS.c.as_of)
    query = select(RUNS.c.as_of, RUNS.c.counts).where(RUNS.c.number.in_(newest))
    return {day: dict(counts.get("late") or {}) for day, counts in connection.execute(query)}


def _load_outcomes(context: Context, connection: Connection, first: date, last: date) -> dict[str, dict[str, int]]:
    begin, end = context.start_of(first), context.end_of(last)
    outcome = case((OUTBOX.c.trial.is_(True), TRIAL), else_=OUTBOX.c.state)
    query = (
        select(OUTBOX.c.channel, outcome, func.count())
        .where(OUTBOX.c.settled_at >= begin, OUTBOX.c.settled_at < end, OUTBOX.c.channel.in_(list(Channel)))
        .group_by(OUTBOX.c.channel, outcome)
    )
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for channel, state, n in connection.execute(query):
        found[channel][state] += n
    return {channel: dict(found[channel]) for channel in sorted(found)}


def _load_told(
    context: Context, connection: Connection, first: date, last: date
) -> tuple[Counter[date], Counter[date]]:
    """Return how many orders were first told in time, and too late, by the day they were told."""
    begin, end = context.start_of(first), context.end_of(last)
    query = (
        select(NOTICES.c.order_id, NOTICES.c.lines, OUTBOX.c.settled_at)
        .select_from(NOTICES_WITH_STATE)
        .where(
            OUTBOX.c.settled_at >= begin,
            OUTBOX.c.settled_at < end,
            OUTBOX.c.state.in_(TOLD_STATES),
            NOTICES.c.change.in_((ChangeKind.FIRST, ChangeKind.WARNING)),
        )
        .limit(MAX_NOTICES)
    )
    told: dict[str, tuple[date, Any]] = {}
    for order, lines, at in connection.execute(query):
        day = context.day(at)
        if day is not None and (order not in told or day < told[order][0]):
            told[order] = day, lines
    in_time: Counter[date] = Counter()
    too_late: Counter[date] = Counter()
    for day, lines in told.values():
        promised = min((NoticeLine.from_data(line).promised_on for line in lines), default=day)
        (in_time if day <= promised else too_late)[day] += 1
    return in_time, too_late
