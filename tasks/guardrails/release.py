"""Carry out what a person decides about a held run: queue its notices, or drop them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, bindparam, case, select, update

from models.enums import SkipReason
from models.errors import ForewarnError
from models.tables.column_types import UtcTime
from tasks.context import Context
from tasks.db.counters import get_counter, increment, set_counter
from tasks.db.events import record_events
from tasks.db.lookup import find_ids, find_one
from tasks.db.outbox import queue_messages, skip_messages
from tasks.db.restored import put_in_doubt, restored_from
from tasks.db.sql import AdvisoryLock, lock
from tasks.guardrails.check import (
    ACCEPTED_BY_STAFF_HOUR,
    ACCEPTED_ORDER_COUNT,
    RELEASED_PREFIX,
    SECONDS_PER_HOUR,
    accepted_orders,
    count_orders,
    held_by,
    messages_of,
)
from tasks.imports.missing_orders import GONE_LINES
from tasks.runs.records import HELD, LATE_ORDERS
from tasks.tables import EVENTS, OUTBOX, RUNS


class ReviewDecision(StrEnum):
    """What a person decides about a held run."""

    RELEASE = "release"
    DROP = "drop"


REVIEWED_STATES = {ReviewDecision.RELEASE: "released", ReviewDecision.DROP: "dropped"}
"""The state of a run after the decision, and the kind of the event that records it."""


DATA_BREACHES = {"min_order_share", "max_gone_share", "max_data_age_hours"}
"""Guardrails for which a run is held before it evaluates any order."""
MEASURES = (ACCEPTED_ORDER_COUNT, GONE_LINES, ACCEPTED_BY_STAFF_HOUR)
"""The counters that a release of such a run sets."""
NO_GRACE = timedelta()


@dataclass(frozen=True, slots=True)
class ReleaseResult:
    """The reviewed run and how many notices were released or dropped."""

    run: str
    notices: int
    data_accepted: bool = False
    """The run was held for its data, which count as right from now on."""
    orders: int = 0
    """Orders that count as released on the run's day."""
    measures: Mapping[str, int] = field(default_factory=dict)
    """Of accepted data, the counters that it replaced, as they were before."""


def release_or_drop_run(
    context: Context, run_prefix: str, decision: ReviewDecision, who: str, why: str = ""
) -> ReleaseResult:
    """Release or drop a held run's notices and record who decided; `run_prefix` is the beginning of the run's id.

    After a drop the orders count as not told: they are assessed again when a fact changes, or in the next bucket. A run
    held for its data has no notices: its release accepts the data, and the next run evaluates the orders. Raises
    ForewarnError when no held run, or more than one, matches, or somebody else has decided already.
    """
    with context.engine.begin() as connection:
        return review_run(context, connection, run_prefix, decision, who, why)


def review_run(
    context: Context,
    connection: Connection,
    run_prefix: str,
    decision: ReviewDecision,
    who: str,
    why: str = "",
    *,
    grace: timedelta = NO_GRACE,
) -> ReleaseResult:
    """Do what `release_or_drop_run` does, in the caller's transaction.

    No released notice may leave before `grace` has passed: until then `undo_review` takes the release back.
    """
    lock(connection, AdvisoryLock.GUARDRAILS)
    _check_undecided(connection, run_prefix)
    key = find_one(connection, RUNS, run_prefix, RUNS.c.state == HELD, "held runs that `forewarn status` shows")
    held = connection.execute(select(RUNS.c.flow, RUNS.c.as_of, RUNS.c.counts).where(RUNS.c.id == key)).one()
    new_state = REVIEWED_STATES[decision]
    reviewed = update(RUNS).where(RUNS.c.id == key, RUNS.c.state == HELD).values(state=new_state)
    if connection.execute(reviewed).rowcount != 1:
        raise ForewarnError(f"somebody else decided on run {key[:8]} just now; `forewarn status` shows it")
    record_events(connection, [(new_state, key, why)], context.started_at, who)
    if decision is ReviewDecision.DROP:
        return ReleaseResult(key, _drop_run(connection, key, context))
    orders = count_orders(connection, held_by([key]))
    if held.flow == LATE_ORDERS:
        increment(connection, f"{RELEASED_PREFIX}{held.as_of}", orders)
    measures = {name: get_counter(connection, name) for name in MEASURES}
    taken_at = restored_from(connection)
    if taken_at is None:
        notices = _release_run(connection, key, context.started_at, grace)
    else:
        # The records are older than what customers have: each provider is asked before anything leaves.
        notices = len(put_in_doubt(connection, messages_of(held_by([key])), taken_at, context.started_at, who))
    data_accepted = _accept_data_as_baseline(connection, held.counts, context.started_at)
    return ReleaseResult(key, notices, data_accepted, orders, measures if data_accepted else {})


def _check_undecided(connection: Connection, run_prefix: str) -> None:
    """Raise ForewarnError when somebody has decided about the run already; it says who and when."""
    decided = find_ids(connection, RUNS, run_prefix, RUNS.c.state.in_(list(REVIEWED_STATES.values())))
    query = select(EVENTS.c.who, EVENTS.c.kind, EVENTS.c.at).where(
        EVENTS.c.subject.in_(decided), EVENTS.c.kind.in_(list(REVIEWED_STATES.values()))
    )
    if len(decided) == 1 and (last := connection.execute(query.order_by(EVENTS.c.id.desc())).first()) is not None:
        raise ForewarnError(f"{last.who} {last.kind} run {decided[0][:8]} on {last.at:%Y-%m-%d at %H:%M} UTC already")


def _release_run(connection: Connection, run: str, now: datetime, grace: timedelta) -> int:
    # A notice counts as new from its release: after days in hold it is not too old to be sent.
    which = messages_of(held_by([run]))
    if not grace:
        return len(queue_messages(connection, which, now))
    earliest = bindparam("earliest", now + grace, type_=UtcTime)
    not_before = case((OUTBOX.c.not_before < earliest, earliest), else_=OUTBOX.c.not_before)
    return len(queue_messages(connection, which, now, not_before=not_before))


def _drop_run(connection: Connection, run: str, context: Context) -> int:
    return len(skip_messages(connection, messages_of(held_by([run])), SkipReason.DROPPED, context.started_at))


def _accept_data_as_baseline(
    connection: Connection, counts: Mapping[str, dict[str, dict[str, int]]], now: datetime
) -> bool:
    """Accept the data that a run was held for as the measure for later imports; return whether it was held for data."""
    breaches = counts.get("held", {})
    if "min_order_share" in breaches:
        set_counter(connection, ACCEPTED_ORDER_COUNT, accepted_orders(counts["imported"]) or 0)
    if "max_gone_share" in breaches:
        set_counter(connection, GONE_LINES, 0)
    if "max_data_age_hours" in breaches:
        set_counter(connection, ACCEPTED_BY_STAFF_HOUR, int(now.timestamp() // SECONDS_PER_HOUR))
    return bool(breaches.keys() & DATA_BREACHES)
