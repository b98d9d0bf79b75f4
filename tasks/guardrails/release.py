"""Do what a person says of a run that is held: let its notices go, or drop them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Connection, and_, select, update

from models.enums import SkipReason, State
from models.errors import ForewarnError
from tasks.context import Context
from tasks.db.counters import increment, set_counter
from tasks.db.events import record_events
from tasks.db.lookup import find_ids, find_one
from tasks.db.sql import AdvisoryLock, lock, lock_ordered
from tasks.guardrails.check import (
    ACCEPTED_BY_STAFF_HOUR,
    ACCEPTED_ORDER_COUNT,
    RELEASED_PREFIX,
    SECONDS_PER_HOUR,
    accepted_orders,
    count_orders,
)
from tasks.imports.missing_orders import GONE_LINES
from tasks.notices.told_state import restore_told_state
from tasks.runs.records import HELD
from tasks.tables import EVENTS, NOTICES, RUNS


class ReviewDecision(StrEnum):
    """What a person says of a held run."""

    LET_GO = "let go"
    DROP = "drop"


REVIEWED_STATES = {ReviewDecision.LET_GO: "released", ReviewDecision.DROP: "dropped"}
"""The state of a run that a person decided on; also the event that says who did."""


@dataclass(frozen=True, slots=True)
class ReleaseResult:
    """What became of a held run."""

    run: str
    notices: int


def review_run(context: Context, run: str, verdict: ReviewDecision, who: str, why: str = "") -> ReleaseResult:
    """Let a held run's notices go, or drop them, and write down who said so; `run` is the beginning of its id.

    Dropped means not told: the order comes up again when a fact of it changes, or with the next bucket. A run that
    was held for its facts had not decided: let go, its facts are the measure from now on, and the next run decides.
    Raises ForewarnError where no held run, or more than one, is meant, or somebody else was faster.
    """
    with context.engine.begin() as connection:
        lock(connection, AdvisoryLock.JUDGE)
        _check_undecided(connection, run)
        key = find_one(connection, RUNS, run, RUNS.c.state == HELD, "held runs that `forewarn status` shows")
        held = connection.execute(select(RUNS.c.as_of, RUNS.c.counts).where(RUNS.c.id == key)).one()
        ends = REVIEWED_STATES[verdict]
        mine = update(RUNS).where(RUNS.c.id == key, RUNS.c.state == HELD).values(state=ends)
        if connection.execute(mine).rowcount != 1:
            raise ForewarnError(f"somebody else decided on run {key[:8]} just now; `forewarn status` shows it")
        if verdict is ReviewDecision.LET_GO:
            moved = _release_run(connection, key, held.as_of, context)
            _accept_data_as_baseline(connection, held.counts, context.started_at)
        else:
            moved = _drop_run(connection, key, context)
        record_events(connection, [(ends, key, why)], context.started_at, who)
    return ReleaseResult(key, moved)


def _check_undecided(connection: Connection, beginning: str) -> None:
    """Raise ForewarnError that says who decided on a run before, and when."""
    decided = find_ids(connection, RUNS, beginning, RUNS.c.state.in_(list(REVIEWED_STATES.values())))
    query = select(EVENTS.c.who, EVENTS.c.kind, EVENTS.c.at).where(
        EVENTS.c.subject.in_(decided), EVENTS.c.kind.in_(list(REVIEWED_STATES.values()))
    )
    if len(decided) == 1 and (last := connection.execute(query.order_by(EVENTS.c.id.desc())).first()) is not None:
        raise ForewarnError(f"{last.who} {last.kind} run {decided[0][:8]} on {last.at:%Y-%m-%d at %H:%M} UTC already")


def _release_run(connection: Connection, run: str, as_of: date, context: Context) -> int:
    # As old as the word that let it go: a notice that was held for days is not too old to be told.
    mine = and_(NOTICES.c.run_id == run, NOTICES.c.state == State.HELD)
    increment(connection, f"{RELEASED_PREFIX}{as_of}", count_orders(connection, mine))
    return connection.execute(
        update(NOTICES)
        .where(lock_ordered(connection, NOTICES.c.id, mine))
        .values(state=State.QUEUED, created_at=context.started_at)
    ).rowcount


def _drop_run(connection: Connection, run: str, context: Context) -> int:
    mine = and_(NOTICES.c.run_id == run, NOTICES.c.state == State.HELD)
    orders = sorted(connection.execute(select(NOTICES.c.order_id).where(mine).distinct()).scalars())
    moved = connection.execute(
        update(NOTICES)
        .where(lock_ordered(connection, NOTICES.c.id, mine))
        .values(state=State.SKIPPED, reason=SkipReason.DROPPED, settled_at=context.started_at)
    ).rowcount
    for start in range(0, len(orders), 500):
        restore_told_state(connection, set(orders[start : start + 500]), set(), context.as_of)
    return moved


def _accept_data_as_baseline(
    connection: Connection, counts: Mapping[str, dict[str, dict[str, int]]], moment: datetime
) -> None:
    """Take the facts that a run was held for as the measure from now on."""
    passed = counts.get("held", {})
    if "min_order_share" in passed:
        set_counter(connection, ACCEPTED_ORDER_COUNT, accepted_orders(counts["imported"]) or 0)
    if "max_gone_share" in passed:
        set_counter(connection, GONE_LINES, 0)
    if "max_data_age_hours" in passed:
        set_counter(connection, ACCEPTED_BY_STAFF_HOUR, int(moment.timestamp() // SECONDS_PER_HOUR))
