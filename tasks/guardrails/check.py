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
from rules.guardrails import Intake, Limit, Load, facts_out_of_bounds, load_out_of_bounds
from tasks.context import Desk
from tasks.db.counters import add, move, orders_by_bucket, put, tally
from tasks.db.sql import Turn, alone, in_order, reading
from tasks.imports.guard import last_yield
from tasks.imports.removals import GONE_LINES, OPEN_LINES
from tasks.notices.evaluate import Looked
from tasks.offers.budget import WANTED, wanted_by
from tasks.runs.liveness import is_under_way
from tasks.runs.records import HELD, Now
from tasks.tables import NOTICES, ORDERS, RUNS, TALLIES

TAKEN_IN = "brake:orders"
"""The tally of how many orders the source yielded when it was last taken as right."""
VOUCHED = "brake:vouched"
"""The tally of the hour, since 1970, at which a person last let a run with stale facts go."""
TOLD, RELEASED = "told:", "released:"
"""Tallies of the orders told on a day: by runs that passed, and by a person's word."""
SUPERVISED = "brake:supervised"
"""The tally that is 1 while every run's notices wait for a person."""
WINDOW, ENOUGH = timedelta(days=28), 5
HOUR = 3600


def judge_facts(desk: Desk, now: Now, orders: int | None) -> tuple[Limit, ...]:
    """Return the limits that the shop's facts pass; `orders` is what the source yielded, None for the last import's.

    A run that passes one must not decide: nothing was told by then, and the next good import goes on by itself.
    """
    with desk.engine.begin() as connection:
        orders = last_yield(connection) if orders is None else orders
        passed = facts_out_of_bounds(_intake(desk, connection, now, orders), desk.policy)
        names = {one.name for one in passed}
        if orders is not None and "fewer_orders" not in names:
            put(connection, TAKEN_IN, orders)
        if "gone_share" not in names:
            put(connection, GONE_LINES, 0)
    return passed


def _intake(desk: Desk, connection: Connection, now: Now, orders: int | None) -> Intake:
    known = select(ORDERS.c.id).limit(desk.policy.brake.at_least).subquery()
    return Intake(
        orders,
        tally(connection, TAKEN_IN),
        connection.execute(select(func.count()).select_from(known)).scalar_one(),
        _hours(desk, connection, now),
        max(tally(connection, GONE_LINES), 0),
        tally(connection, OPEN_LINES),
    )


def _hours(desk: Desk, connection: Connection, now: Now) -> float | None:
    by_then = select(func.max(ORDERS.c.placed_at)).where(ORDERS.c.placed_at < desk.end_of(now.as_of))
    newest: datetime | None = connection.execute(by_then).scalar()
    if newest is None:
        return None
    return min((now.moment - newest).total_seconds() / HOUR, now.moment.timestamp() / HOUR - tally(connection, VOUCHED))


def judge(desk: Desk, now: Now) -> tuple[Limit, ...]:
    """Let go what a run owes, all at once, unless a limit was passed: then it stays held. Return what was passed.

    With it are judged the notices of runs that ended or died before they were, and their money.
    """
    with desk.engine.begin() as connection:
        alone(connection, Turn.JUDGE)  # two that adopt each other's notices would wait for one another for ever
        _adopt(connection, now)
        wanted = wanted_by(connection, [now.run])
        mine = and_(NOTICES.c.run_id == now.run, NOTICES.c.state == State.HELD)
        told = orders_of(connection, mine)
        load = _load(connection, now.as_of, told, orders_by_bucket(connection).total(), wanted)
        passed = load_out_of_bounds(load, desk.policy)
        if not passed:
            connection.execute(
                update(NOTICES).where(in_order(connection, NOTICES.c.id, mine)).values(state=State.QUEUED)
            )
            add(connection, f"{TOLD}{now.as_of}", told)
    return passed


def foresee(desk: Desk, now: Now, found: Looked, open_orders: int, *, facts: bool) -> tuple[Limit, ...]:
    """Return the limits that a run would pass which finds this, writing nothing.

    With `facts`, those as well that the shop's facts pass as they stand: on a day yet to come they will be others.
    """
    with reading(desk.engine) as connection:
        intake = _intake(desk, connection, now, last_yield(connection))
        passed = facts_out_of_bounds(intake, desk.policy) if facts else ()
        left = _unjudged(connection, now)
        owed_by = connection.execute(select(NOTICES.c.run_id).where(left).distinct()).scalars()
        wanted = Counter(found.wanted) + wanted_by(connection, list(owed_by))
        told = found.told + orders_of(connection, left)
        load = _load(connection, now.as_of, told, open_orders, wanted)
    # Held for its facts, a run decides nothing.
    return passed or load_out_of_bounds(load, desk.policy)


def _load(connection: Connection, as_of: date, told: int, open_orders: int, wanted: Mapping[str, int]) -> Load:
    return Load(
        told,
        open_orders,
        tally(connection, f"{TOLD}{as_of}"),
        _usual(connection, as_of),
        {currency: Decimal(n) / SCALE for currency, n in wanted.items()},
        tally(connection, SUPERVISED) == 1,
    )


def orders_of(connection: Connection, which: ColumnElement[bool]) -> int:
    """Return how many orders some notices are about."""
    return connection.execute(select(func.count(NOTICES.c.order_id.distinct())).where(which)).scalar_one()


def _unjudged(connection: Connection, now: Now) -> ColumnElement[bool]:
    """Return the SQL of held notices that other runs left, and no person was shown.

    A run that still decides keeps its own: a part of what it owes is not to be judged as if it were all.
    """
    held = and_(NOTICES.c.state == State.HELD, NOTICES.c.run_id != now.run)
    runs = connection.execute(select(NOTICES.c.run_id).where(held).distinct()).scalars().all()
    left = [run for run in runs if not is_under_way(connection, run)]
    # Asked last: a run that ended since the first question was shown to somebody by now, or is judged.
    shown = select(RUNS.c.id).where(RUNS.c.state == HELD)
    return and_(held, NOTICES.c.run_id.in_(left), NOTICES.c.run_id.not_in(shown))


def _adopt(connection: Connection, now: Now) -> None:
    """Make the held notices that no person was shown this run's own, and what their runs would have given."""
    unjudged = _unjudged(connection, now)
    owed_by = list(connection.execute(select(NOTICES.c.run_id).where(unjudged).distinct()).scalars())
    connection.execute(update(NOTICES).where(in_order(connection, NOTICES.c.id, unjudged)).values(run_id=now.run))
    wanted = wanted_by(connection, owed_by)
    move(connection, {f"{WANTED}{now.run}:{currency}": n for currency, n in wanted.items()})


def _usual(connection: Connection, as_of: date) -> float | None:
    """Return how many orders are told on the median day of the last weeks; None for a shop too new to say."""
    days: dict[str, int] = {}
    for prefix in (TOLD, RELEASED):
        span = TALLIES.c.name.between(f"{prefix}{as_of - WINDOW}", f"{prefix}{as_of - timedelta(days=1)}")
        for name, n in connection.execute(select(TALLIES.c.name, TALLIES.c.n).where(span)):
            day = name.removeprefix(prefix)
            days[day] = days.get(day, 0) + n
    return median(days.values()) if len(days) >= ENOUGH else None


def yielded(imported: Mapping[str, Mapping[str, int]]) -> int | None:
    """Return how many good orders an import brought; None where there was none."""
    orders = imported.get("orders")
    return None if orders is None else orders["read"] - orders["refused"]
