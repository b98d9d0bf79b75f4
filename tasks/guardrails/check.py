"""Check a run against the policy's guardrails: queue its notices, or hold them for a person.

`tasks/guardrails/release.py` carries out what the person decides.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from statistics import median

from sqlalchemy import ColumnElement, Connection, and_, func, select, update

from models.enums import State
from models.tables.column_types import SCALE
from rules.guardrails import DataStats, LimitBreach, RunStats, data_breaches, run_breaches
from tasks.context import Context
from tasks.db.counters import (
    add_to_counters,
    count_orders_by_bucket,
    get_counter,
    increment,
    is_supervised,
    set_counter,
)
from tasks.db.outbox import queue_messages
from tasks.db.sql import AdvisoryLock, lock, lock_ordered, read_only
from tasks.imports.guard import last_import_count
from tasks.imports.missing_orders import GONE_LINES, OPEN_LINES
from tasks.notices.summary import EvaluationSummary
from tasks.offers.budget import REQUESTED, requested_by
from tasks.orders.told import NOTICES_WITH_STATE
from tasks.runs.liveness import is_run_alive
from tasks.runs.records import HELD
from tasks.tables import COUNTERS, NOTICES, ORDERS, OUTBOX, RUNS

ACCEPTED_ORDER_COUNT = "guardrails:orders"
"""Counter: orders that the source had when its data was last accepted."""
ACCEPTED_BY_STAFF_HOUR = "guardrails:accepted_by_staff"
"""Counter: the hour, since 1970, at which staff last released a run with old data."""
TOLD_PREFIX, RELEASED_PREFIX = "told:", "released:"
"""Counters by day: orders told by runs without a breach, and by runs that staff released."""
MEDIAN_WINDOW, MIN_DAYS_FOR_MEDIAN = timedelta(days=28), 5
"""The usual day is the median of the days with notices in this time, of which there must be at least five."""
SECONDS_PER_HOUR = 3600


def check_data(context: Context, imported_orders: int | None) -> tuple[LimitBreach, ...]:
    """Return the limits that the data breaches; without a breach, accept it as the measure for later imports.

    `imported_orders` is what the source had; None stands for the last import's number. After a breach the run must not
    evaluate orders: nothing has been told, and the next import within the limits continues.
    """
    with context.engine.begin() as connection:
        orders = last_import_count(connection) if imported_orders is None else imported_orders
        breaches = data_breaches(_data_stats(context, connection, orders), context.policy)
        names = {breach.name for breach in breaches}
        if orders is not None and "min_order_share" not in names:
            set_counter(connection, ACCEPTED_ORDER_COUNT, orders)
        if "max_gone_share" not in names:
            set_counter(connection, GONE_LINES, 0)
    return breaches


def _data_stats(context: Context, connection: Connection, orders: int | None) -> DataStats:
    known = select(ORDERS.c.id).limit(context.policy.guardrails.min_orders).subquery()
    return DataStats(
        orders,
        get_counter(connection, ACCEPTED_ORDER_COUNT),
        connection.execute(select(func.count()).select_from(known)).scalar_one(),
        _data_age_hours(context, connection),
        max(get_counter(connection, GONE_LINES), 0),
        get_counter(connection, OPEN_LINES),
    )


def _data_age_hours(context: Context, connection: Connection) -> float | None:
    latest = select(func.max(ORDERS.c.placed_at)).where(ORDERS.c.placed_at < context.end_of(context.as_of))
    newest: datetime | None = connection.execute(latest).scalar()
    if newest is None:
        return None
    return min(
        (context.started_at - newest).total_seconds() / SECONDS_PER_HOUR,
        context.started_at.timestamp() / SECONDS_PER_HOUR - get_counter(connection, ACCEPTED_BY_STAFF_HOUR),
    )


def check_run(context: Context) -> tuple[LimitBreach, ...]:
    """Queue all notices of a run; when it breaches a limit, keep them held. Return the breaches.

    Held notices of runs that ended or died before their check are checked with it, and so are their discounts.
    """
    with context.engine.begin() as connection:
        lock(connection, AdvisoryLock.GUARDRAILS)  # two runs that take over each other's notices would deadlock
        _take_over_unreviewed(connection, context)
        requested = requested_by(connection, [context.run_id])
        held = held_by([context.run_id])
        told = count_orders(connection, held)
        open_orders = count_orders_by_bucket(connection).total()
        breaches = run_breaches(_run_stats(connection, context.as_of, told, open_orders, requested), context.policy)
        if not breaches:
            queue_messages(connection, messages_of(held))
            increment(connection, f"{TOLD_PREFIX}{context.as_of}", told)
    return breaches


def preview_breaches(
    context: Context, evaluation: EvaluationSummary, open_orders: int, *, check_current_data: bool
) -> tuple[LimitBreach, ...]:
    """Return the limits that a run with this evaluation would breach; write nothing.

    With `check_current_data` the data's limits count too. A preview of a future day leaves them out, because the data
    will be newer then.
    """
    with read_only(context.engine) as connection:
        data = _data_stats(context, connection, last_import_count(connection))
        breaches = data_breaches(data, context.policy) if check_current_data else ()
        unreviewed = _find_unreviewed_runs(connection, context)
        requested = Counter(evaluation.requested) + requested_by(connection, unreviewed)
        told = evaluation.notified + count_orders(connection, held_by(unreviewed))
        stats = _run_stats(connection, context.as_of, told, open_orders, requested)
    # A run that is held for its data evaluates nothing, so its other limits do not count.
    return breaches or run_breaches(stats, context.policy)


def _run_stats(
    connection: Connection, as_of: date, told: int, open_orders: int, requested: Mapping[str, int]
) -> RunStats:
    return RunStats(
        told,
        open_orders,
        get_counter(connection, f"{TOLD_PREFIX}{as_of}"),
        median_day(connection, as_of),
        {currency: Decimal(n) / SCALE for currency, n in requested.items()},
        is_supervised(connection),
    )


def count_orders(connection: Connection, notices_filter: ColumnElement[bool]) -> int:
    """Return how many orders the matching notices are about."""
    orders = select(func.count(NOTICES.c.order_id.distinct())).select_from(NOTICES_WITH_STATE).where(notices_filter)
    return connection.execute(orders).scalar_one()


def held_by(runs: Sequence[str]) -> ColumnElement[bool]:
    """Return the SQL of the held notices of runs; the query joins the outbox."""
    return and_(OUTBOX.c.settled_at.is_(None), OUTBOX.c.state == State.HELD, NOTICES.c.run_id.in_(runs))


def messages_of(notices_filter: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the SQL of the unsettled outbox rows of the matching notices; `ix_outbox_due` finds them."""
    matching = select(NOTICES.c.id).where(NOTICES.c.id == OUTBOX.c.id, notices_filter)
    return and_(OUTBOX.c.settled_at.is_(None), OUTBOX.c.id.in_(matching))


def _find_unreviewed_runs(connection: Connection, context: Context) -> list[str]:
    """Return the ids of other runs that left held notices and were never shown to a person.

    A run that is still alive is not among them: a part of its notices must not be checked as if it were all.
    """
    held = and_(OUTBOX.c.settled_at.is_(None), OUTBOX.c.state == State.HELD, NOTICES.c.run_id != context.run_id)
    query = select(NOTICES.c.run_id).select_from(NOTICES_WITH_STATE).where(held).distinct()
    runs = connection.execute(query).scalars().all()
    ended = [run for run in runs if not is_run_alive(connection, run)]
    # Queried after the check for life: a run stores its state HELD before it ends.
    shown = select(RUNS.c.id).where(RUNS.c.id.in_(ended), RUNS.c.state == HELD)
    return sorted(set(ended) - set(connection.execute(shown).scalars()))


def _take_over_unreviewed(connection: Connection, context: Context) -> None:
    """Assign the held notices of unreviewed runs, and the discounts they requested, to this run."""
    runs = _find_unreviewed_runs(connection, context)
    held = select(NOTICES.c.id).select_from(NOTICES_WITH_STATE).where(held_by(runs))
    unreviewed = lock_ordered(connection, NOTICES.c.id, NOTICES.c.id.in_(held))
    connection.execute(update(NOTICES).where(unreviewed).values(run_id=context.run_id))
    requested = requested_by(connection, runs)
    add_to_counters(connection, {f"{REQUESTED}{context.run_id}:{currency}": n for currency, n in requested.items()})


def median_day(connection: Connection, as_of: date) -> float | None:
    """Return the orders told on the median day of MEDIAN_WINDOW; None while there are too few days."""
    days: dict[str, int] = {}
    for prefix in (TOLD_PREFIX, RELEASED_PREFIX):
        span = COUNTERS.c.name.between(f"{prefix}{as_of - MEDIAN_WINDOW}", f"{prefix}{as_of - timedelta(days=1)}")
        for name, n in connection.execute(select(COUNTERS.c.name, COUNTERS.c.value).where(span)):
            day = name.removeprefix(prefix)
            days[day] = days.get(day, 0) + n
    return median(days.values()) if len(days) >= MIN_DAYS_FOR_MEDIAN else None


def accepted_orders(imported: Mapping[str, Mapping[str, int]]) -> int | None:
    """Return how many orders an import accepted; None when it had no table of orders."""
    orders = imported.get("orders")
    return None if orders is None else orders["read"] - orders["rejected"]
