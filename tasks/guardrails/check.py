"""Hold what a run would do against the shop's limits; let its notices go, or keep them held for a person.

What the person then says is in `tasks/guardrails/release.py`.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from statistics import median

from sqlalchemy import ColumnElement, Connection, and_, func, select, update

from models.enums import State
from models.tables.column_types import SCALE
from rules.guardrails import DataStats, LimitBreach, RunStats, data_breaches, run_breaches
from tasks.context import Context
from tasks.db.counters import add_to_counters, count_orders_by_bucket, get_counter, increment, set_counter
from tasks.db.sql import AdvisoryLock, lock, lock_ordered, read_only
from tasks.imports.guard import last_import_count
from tasks.imports.missing_orders import GONE_LINES, OPEN_LINES
from tasks.notices.summary import EvaluationSummary
from tasks.offers.budget import REQUESTED, requested_by
from tasks.runs.liveness import is_run_alive
from tasks.runs.records import HELD
from tasks.tables import COUNTERS, NOTICES, ORDERS, RUNS

ACCEPTED_ORDER_COUNT = "brake:orders"
"""The tally of how many orders the source yielded when it was last taken as right."""
ACCEPTED_BY_STAFF_HOUR = "brake:vouched"
"""The tally of the hour, since 1970, at which a person last let a run with stale facts go."""
TOLD_PREFIX, RELEASED_PREFIX = "told:", "released:"
"""Tallies of the orders told on a day: by runs that passed, and by a person's word."""
SUPERVISED = "brake:supervised"
"""The tally that is 1 while every run's notices wait for a person."""
MEDIAN_WINDOW, MIN_DAYS_FOR_MEDIAN = timedelta(days=28), 5
SECONDS_PER_HOUR = 3600


def check_data(context: Context, orders: int | None) -> tuple[LimitBreach, ...]:
    """Return the limits that the shop's facts pass; `orders` is what the source yielded, None for the last import's.

    A run that passes one must not decide: nothing was told by then, and the next good import goes on by itself.
    """
    with context.engine.begin() as connection:
        orders = last_import_count(connection) if orders is None else orders
        passed = data_breaches(_data_stats(context, connection, orders), context.policy)
        names = {one.name for one in passed}
        if orders is not None and "min_order_share" not in names:
            set_counter(connection, ACCEPTED_ORDER_COUNT, orders)
        if "max_gone_share" not in names:
            set_counter(connection, GONE_LINES, 0)
    return passed


def _data_stats(context: Context, connection: Connection, orders: int | None) -> DataStats:
    known = select(ORDERS.c.id).limit(context.policy.guardrails.min_orders).subquery()
    return DataStats(
        orders,
        get_counter(connection, ACCEPTED_ORDER_COUNT),
        connection.execute(select(func.count()).select_from(known)).scalar_one(),
        _hours(context, connection),
        max(get_counter(connection, GONE_LINES), 0),
        get_counter(connection, OPEN_LINES),
    )


def _hours(context: Context, connection: Connection) -> float | None:
    by_then = select(func.max(ORDERS.c.placed_at)).where(ORDERS.c.placed_at < context.end_of(context.as_of))
    newest: datetime | None = connection.execute(by_then).scalar()
    if newest is None:
        return None
    return min(
        (context.started_at - newest).total_seconds() / SECONDS_PER_HOUR,
        context.started_at.timestamp() / SECONDS_PER_HOUR - get_counter(connection, ACCEPTED_BY_STAFF_HOUR),
    )


def check_run(context: Context) -> tuple[LimitBreach, ...]:
    """Let go what a run owes, all at once, unless a limit was passed: then it stays held. Return what was passed.

    With it are judged the notices of runs that ended or died before they were, and their money.
    """
    with context.engine.begin() as connection:
        lock(connection, AdvisoryLock.JUDGE)  # two that adopt each other's notices would wait for one another for ever
        _take_over_unreviewed(connection, context)
        wanted = requested_by(connection, [context.run_id])
        mine = and_(NOTICES.c.run_id == context.run_id, NOTICES.c.state == State.HELD)
        told = count_orders(connection, mine)
        load = _run_stats(connection, context.as_of, told, count_orders_by_bucket(connection).total(), wanted)
        passed = run_breaches(load, context.policy)
        if not passed:
            connection.execute(
                update(NOTICES).where(lock_ordered(connection, NOTICES.c.id, mine)).values(state=State.QUEUED)
            )
            increment(connection, f"{TOLD_PREFIX}{context.as_of}", told)
    return passed


def preview_breaches(
    context: Context, found: EvaluationSummary, open_orders: int, *, facts: bool
) -> tuple[LimitBreach, ...]:
    """Return the limits that a run would pass which finds this, writing nothing.

    With `facts`, those as well that the shop's facts pass as they stand: on a day yet to come they will be others.
    """
    with read_only(context.engine) as connection:
        intake = _data_stats(context, connection, last_import_count(connection))
        passed = data_breaches(intake, context.policy) if facts else ()
        left = _find_unreviewed_runs(connection, context)
        owed_by = connection.execute(select(NOTICES.c.run_id).where(left).distinct()).scalars()
        wanted = Counter(found.requested) + requested_by(connection, list(owed_by))
        told = found.notified + count_orders(connection, left)
        load = _run_stats(connection, context.as_of, told, open_orders, wanted)
    # Held for its facts, a run decides nothing.
    return passed or run_breaches(load, context.policy)


def _run_stats(connection: Connection, as_of: date, told: int, open_orders: int, wanted: Mapping[str, int]) -> RunStats:
    return RunStats(
        told,
        open_orders,
        get_counter(connection, f"{TOLD_PREFIX}{as_of}"),
        _median_day(connection, as_of),
        {currency: Decimal(n) / SCALE for currency, n in wanted.items()},
        get_counter(connection, SUPERVISED) == 1,
    )


def count_orders(connection: Connection, which: ColumnElement[bool]) -> int:
    """Return how many orders some notices are about."""
    return connection.execute(select(func.count(NOTICES.c.order_id.distinct())).where(which)).scalar_one()


def _find_unreviewed_runs(connection: Connection, context: Context) -> ColumnElement[bool]:
    """Return the SQL of held notices that other runs left, and no person was shown.

    A run that still decides keeps its own: a part of what it owes is not to be judged as if it were all.
    """
    held = and_(NOTICES.c.state == State.HELD, NOTICES.c.run_id != context.run_id)
    runs = connection.execute(select(NOTICES.c.run_id).where(held).distinct()).scalars().all()
    left = [run for run in runs if not is_run_alive(connection, run)]
    # Asked last: a run that ended since the first question was shown to somebody by now, or is judged.
    shown = select(RUNS.c.id).where(RUNS.c.state == HELD)
    return and_(held, NOTICES.c.run_id.in_(left), NOTICES.c.run_id.not_in(shown))


def _take_over_unreviewed(connection: Connection, context: Context) -> None:
    """Make the held notices that no person was shown this run's own, and what their runs would have given."""
    unjudged = _find_unreviewed_runs(connection, context)
    owed_by = list(connection.execute(select(NOTICES.c.run_id).where(unjudged).distinct()).scalars())
    connection.execute(
        update(NOTICES).where(lock_ordered(connection, NOTICES.c.id, unjudged)).values(run_id=context.run_id)
    )
    wanted = requested_by(connection, owed_by)
    add_to_counters(connection, {f"{REQUESTED}{context.run_id}:{currency}": n for currency, n in wanted.items()})


def _median_day(connection: Connection, as_of: date) -> float | None:
    """Return how many orders are told on the median day of the last weeks; None for a shop too new to say."""
    days: dict[str, int] = {}
    for prefix in (TOLD_PREFIX, RELEASED_PREFIX):
        span = COUNTERS.c.name.between(f"{prefix}{as_of - MEDIAN_WINDOW}", f"{prefix}{as_of - timedelta(days=1)}")
        for name, n in connection.execute(select(COUNTERS.c.name, COUNTERS.c.value).where(span)):
            day = name.removeprefix(prefix)
            days[day] = days.get(day, 0) + n
    return median(days.values()) if len(days) >= MIN_DAYS_FOR_MEDIAN else None


def accepted_orders(imported: Mapping[str, Mapping[str, int]]) -> int | None:
    """Return how many good orders an import brought; None where there was none."""
    orders = imported.get("orders")
    return None if orders is None else orders["read"] - orders["rejected"]
