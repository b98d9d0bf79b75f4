"""Hold what a run would do against the shop's limits; let its notices go, or keep them held for a person."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from statistics import median

from sqlalchemy import ColumnElement, Connection, and_, func, select, update

from models.errors import ForewarnError
from models.types import SCALE
from models.values import Skip, State
from rules.brake import Intake, Limit, Load, facts_out_of_bounds, load_out_of_bounds
from tasks.db import Turn, alone, in_order, insert, reading
from tasks.desk import Desk
from tasks.notices import NOTICES, Looked
from tasks.orders import ORDERS
from tasks.outbox import happened
from tasks.purses import wanted_by
from tasks.runs import HELD, RUNS, Now
from tasks.tallies import TALLIES, orders_by_bucket, tally
from tasks.truth import retell

TAKEN_IN = "brake:orders"
"""The tally of how many orders the source yielded when it was last taken as right."""
VOUCHED = "brake:vouched"
"""The tally of the hour, since 1970, at which a person last let a run with stale facts go."""
TOLD, RELEASED = "told:", "released:"
"""Tallies of the orders told on a day: by runs that passed, and by a person's word."""
WINDOW, ENOUGH = timedelta(days=28), 5
HOUR = 3600


class Verdict(StrEnum):
    """What a person says of a held run."""

    LET_GO = "let go"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Released:
    """What became of a held run."""

    run: str
    notices: int


def judge_facts(desk: Desk, now: Now, orders: int | None) -> tuple[Limit, ...]:
    """Return the limits that the shop's facts pass; `orders` is what the source yielded, None without an import.

    A run that passes one must not decide: nothing was told by then, and the next good import goes on by itself.
    """
    with desk.engine.begin() as connection:
        passed = facts_out_of_bounds(_intake(desk, connection, now, orders), desk.policy)
        if orders is not None and "fewer_orders" not in {one.name for one in passed}:
            _set(connection, TAKEN_IN, orders)
    return passed


def _intake(desk: Desk, connection: Connection, now: Now, orders: int | None) -> Intake:
    known = select(ORDERS.c.id).limit(desk.policy.brake.at_least).subquery()
    return Intake(
        orders,
        tally(connection, TAKEN_IN),
        connection.execute(select(func.count()).select_from(known)).scalar_one(),
        _hours(desk, connection, now),
    )


def _hours(desk: Desk, connection: Connection, now: Now) -> float | None:
    by_then = select(func.max(ORDERS.c.placed_at)).where(ORDERS.c.placed_at < desk.end_of(now.as_of))
    newest: datetime | None = connection.execute(by_then).scalar()
    if newest is None:
        return None
    return min((now.moment - newest).total_seconds() / HOUR, now.moment.timestamp() / HOUR - tally(connection, VOUCHED))


def judge(desk: Desk, now: Now) -> tuple[Limit, ...]:
    """Let go what a run owes, all at once, unless a limit was passed: then it stays held. Return what was passed.

    With it are judged the notices of runs that ended before they were, and their money.
    """
    with desk.engine.begin() as connection:
        alone(connection, Turn.JUDGE)  # two that adopt each other's notices would wait for one another for ever
        wanted = wanted_by(connection, [now.run, *_adopt(connection, now)])
        mine = and_(NOTICES.c.run_id == now.run, NOTICES.c.state == State.HELD)
        told = _orders_of(connection, mine)
        load = _load(connection, now.as_of, told, orders_by_bucket(connection).total(), wanted)
        passed = load_out_of_bounds(load, desk.policy)
        if not passed:
            connection.execute(
                update(NOTICES).where(in_order(connection, NOTICES.c.id, mine)).values(state=State.QUEUED)
            )
            _add(connection, f"{TOLD}{now.as_of}", told)
    return passed


def foresee(desk: Desk, now: Now, found: Looked, open_orders: int, *, facts: bool) -> tuple[Limit, ...]:
    """Return the limits that a run would pass which finds this, writing nothing.

    With `facts`, those as well that the shop's facts pass as they stand: on a day yet to come they will be others.
    """
    with reading(desk.engine) as connection:
        passed = facts_out_of_bounds(_intake(desk, connection, now, None), desk.policy) if facts else ()
        left = _unjudged(now)
        owed_by = connection.execute(select(NOTICES.c.run_id).where(left).distinct()).scalars()
        wanted = Counter(found.wanted) + wanted_by(connection, list(owed_by))
        told = found.told + _orders_of(connection, left)
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
    )


def _orders_of(connection: Connection, which: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count(NOTICES.c.order_id.distinct())).where(which)).scalar_one()


def _unjudged(now: Now) -> ColumnElement[bool]:
    """Return the SQL of held notices that other runs left, and no person was shown."""
    shown = select(RUNS.c.id).where(RUNS.c.state == HELD)
    return and_(NOTICES.c.state == State.HELD, NOTICES.c.run_id != now.run, NOTICES.c.run_id.not_in(shown))


def _adopt(connection: Connection, now: Now) -> list[str]:
    """Make the held notices that no person was shown this run's own; return the runs that owed them."""
    unjudged = _unjudged(now)
    owed_by = list(connection.execute(select(NOTICES.c.run_id).where(unjudged).distinct()).scalars())
    connection.execute(update(NOTICES).where(in_order(connection, NOTICES.c.id, unjudged)).values(run_id=now.run))
    return owed_by


def _usual(connection: Connection, as_of: date) -> float | None:
    """Return how many orders are told on the median day of the last weeks; None for a shop too new to say."""
    days: dict[str, int] = {}
    for prefix in (TOLD, RELEASED):
        span = TALLIES.c.name.between(f"{prefix}{as_of - WINDOW}", f"{prefix}{as_of - timedelta(days=1)}")
        for name, n in connection.execute(select(TALLIES.c.name, TALLIES.c.n).where(span)):
            day = name.removeprefix(prefix)
            days[day] = days.get(day, 0) + n
    return median(days.values()) if len(days) >= ENOUGH else None


def release(desk: Desk, now: Now, run: str, verdict: Verdict, who: str, why: str = "") -> Released:
    """Let a held run's notices go, or drop them, and write down who said so; `run` is the beginning of its id.

    Dropped means not told: the order comes up again when a fact of it changes, or with the next bucket. A run that
    was held for its facts had not decided: let go, its facts are the measure from now on, and the next run decides.
    Raises ForewarnError where no held run, or more than one, is meant, or somebody else was faster.
    """
    with desk.engine.begin() as connection:
        alone(connection, Turn.JUDGE)
        query = select(RUNS).where(RUNS.c.id.startswith(run, autoescape=True), RUNS.c.state == HELD)
        found = connection.execute(query.limit(2)).mappings().all()
        if len(found) != 1:
            count = "more than one held run begins" if found else "no held run begins"
            raise ForewarnError(f"{count} with {run!r}; `forewarn status` shows those that wait")
        key, ends = found[0]["id"], {Verdict.LET_GO: "released", Verdict.DROP: "dropped"}[verdict]
        mine = update(RUNS).where(RUNS.c.id == key, RUNS.c.state == HELD).values(state=ends)
        if connection.execute(mine).rowcount != 1:
            raise ForewarnError(f"somebody else decided on run {key[:8]} just now; `forewarn status` shows it")
        if verdict is Verdict.LET_GO:
            moved = _let_go(connection, key, found[0]["as_of"])
            _vouch(connection, found[0]["counts"], now.moment)
        else:
            moved = _drop(connection, key, now)
        happened(connection, [(ends, key, why)], now.moment, who)
    return Released(key, moved)


def _let_go(connection: Connection, run: str, as_of: date) -> int:
    mine = and_(NOTICES.c.run_id == run, NOTICES.c.state == State.HELD)
    _add(connection, f"{RELEASED}{as_of}", _orders_of(connection, mine))
    return connection.execute(
        update(NOTICES).where(in_order(connection, NOTICES.c.id, mine)).values(state=State.QUEUED)
    ).rowcount


def _drop(connection: Connection, run: str, now: Now) -> int:
    mine = and_(NOTICES.c.run_id == run, NOTICES.c.state == State.HELD)
    orders = sorted(connection.execute(select(NOTICES.c.order_id).where(mine).distinct()).scalars())
    moved = connection.execute(
        update(NOTICES)
        .where(in_order(connection, NOTICES.c.id, mine))
        .values(state=State.SKIPPED, reason=Skip.DROPPED, settled_at=now.moment)
    ).rowcount
    for start in range(0, len(orders), 500):
        retell(connection, set(orders[start : start + 500]), set(), now.as_of)
    return moved


def _vouch(connection: Connection, counts: Mapping[str, dict[str, dict[str, int]]], moment: datetime) -> None:
    """Take the facts that a run was held for as the measure from now on."""
    passed = counts.get("held", {})
    if "fewer_orders" in passed:
        _set(connection, TAKEN_IN, yielded(counts["imported"]) or 0)
    if "stale_hours" in passed:
        _set(connection, VOUCHED, int(moment.timestamp() // HOUR))


def yielded(imported: Mapping[str, Mapping[str, int]]) -> int | None:
    """Return how many good orders an import brought; None where there was none."""
    orders = imported.get("orders")
    return None if orders is None else orders["read"] - orders["refused"]


def _add(connection: Connection, name: str, n: int) -> None:
    new = insert(connection, TALLIES).values(name=name, n=n)
    connection.execute(new.on_conflict_do_update(index_elements=["name"], set_={"n": TALLIES.c.n + new.excluded.n}))


def _set(connection: Connection, name: str, n: int) -> None:
    new = insert(connection, TALLIES).values(name=name, n=n)
    connection.execute(new.on_conflict_do_update(index_elements=["name"], set_={"n": new.excluded.n}))
