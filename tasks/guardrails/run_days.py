"""Refuse runs for days before the last run, and for days that only a wrong clock can explain."""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, and_, func, select, update

from models.enums import SkipReason
from models.errors import ForewarnError
from tasks.context import Context
from tasks.db.events import record_events
from tasks.db.outbox import UNSENT_FILTER, skip_messages
from tasks.db.settled_counts import forget_settled_counts
from tasks.db.sql import in_list
from tasks.orders.due import mark_due
from tasks.runs.records import DISCARDED, EPOCH, check_not_before, last_run_date, latest_run
from tasks.tables import NOTICES, ORDERS, OUTBOX, RUNS, WATCHES


class ClockAhead(ForewarnError):
    """Raised when the clock is far ahead of the last run or the newest order."""


def check_not_before_last(context: Context, flow: str, as_of: date) -> None:
    """Refuse a day before the last one that a flow was run for; raises ForewarnError."""
    if (last := latest_run(context.engine, flow)) is not None:
        check_not_before(flow, last["as_of"], as_of, "give that day, or a later one")


def check_clock(context: Context, as_of: date) -> None:
    """Raise ClockAhead when the clock's day is more than `max_days_ahead` after the last run.

    Not called for a day given by `--as-of`: then a person has confirmed it.
    """
    last, max_days = last_run_date(context.engine), context.policy.guardrails.max_days_ahead
    if max_days and last != EPOCH and as_of - last > timedelta(days=max_days):
        raise ClockAhead(
            f"the clock says {as_of}, and the last run was for {last}; "
            f"if the clock is right, run once with --as-of {as_of}"
        )


def check_data_date(context: Context) -> None:
    """Raise ClockAhead when the clock's day is more than `max_days_ahead` after the newest order.

    Orders that the import marked due on that day become due on the newest order's day, so that the corrected clock
    finds them.
    """
    max_days = context.policy.guardrails.max_days_ahead
    with context.engine.begin() as connection:
        newest = context.day(connection.execute(select(func.max(ORDERS.c.placed_at))).scalar())
        if not max_days or newest is None or context.as_of - newest <= timedelta(days=max_days):
            return
        due = update(WATCHES).where(WATCHES.c.next_check_on == context.as_of)
        connection.execute(due.values(next_check_on=newest))
    raise ClockAhead(
        f"the clock says {context.as_of}, and the newest order was placed on {newest}; "
        f"if the clock is right, run once with --as-of {context.as_of}"
    )


@dataclass(frozen=True, slots=True)
class DiscardedDays:
    """How many runs for future days were discarded, and how many orders are due again."""

    runs: int
    orders: int


def discard_days_ahead(context: Context, who: str) -> DiscardedDays:
    """Discard runs for days after today, and make every order due today.

    Notices sent on those days count as told today. Notices still waiting are skipped as superseded, because they would
    wait until those days; their orders are assessed again.
    """
    with context.engine.begin() as connection:
        runs = _discard_runs(connection, context.as_of)
        if not runs:
            return DiscardedDays(0, 0)
        forget_settled_counts(connection)
        orders = _skip_waiting(connection, context)
        _date_back(connection, context)
        mark_due(connection, orders, context.as_of)
        due = update(WATCHES).where(WATCHES.c.next_check_on > context.as_of)
        others = connection.execute(due.values(next_check_on=context.as_of, version=WATCHES.c.version + 1)).rowcount
        record_events(
            connection,
            [(DISCARDED, key, f"its day was after {context.as_of}") for key in runs],
            context.started_at,
            who,
        )
    return DiscardedDays(len(runs), len(orders) + others)


def _skip_waiting(connection: Connection, context: Context) -> set[str]:
    ahead = select(NOTICES.c.id).where(NOTICES.c.id == OUTBOX.c.id, NOTICES.c.told_on > context.as_of)
    waiting = and_(UNSENT_FILTER, OUTBOX.c.id.in_(ahead))
    skipped = skip_messages(connection, waiting, SkipReason.SUPERSEDED, context.started_at)
    orders = select(NOTICES.c.order_id).where(in_list(connection, NOTICES.c.id, skipped))
    return set(connection.execute(orders).scalars())


def _date_back(connection: Connection, context: Context) -> None:
    """Let what was told on days ahead count as told today."""
    day_over, now = context.end_of(context.as_of), context.started_at
    connection.execute(update(NOTICES).where(NOTICES.c.told_on > context.as_of).values(told_on=context.as_of))
    connection.execute(update(WATCHES).where(WATCHES.c.baseline_on > context.as_of).values(baseline_on=context.as_of))
    connection.execute(update(OUTBOX).where(OUTBOX.c.settled_at >= day_over).values(settled_at=now))
    connection.execute(update(OUTBOX).where(OUTBOX.c.sending_at >= day_over).values(sending_at=now))


def _discard_runs(connection: Connection, today: date) -> list[str]:
    ahead = update(RUNS).where(RUNS.c.as_of > today).values(state=DISCARDED)
    return list(connection.execute(ahead.returning(RUNS.c.id)).scalars())
