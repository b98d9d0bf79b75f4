"""Whether Forewarn works, as far as its own records tell: what a monitor asks, without asking any provider."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from models.enums import State
from tasks.db.migrations import newest, version
from tasks.db.sql import read_only
from tasks.orders.told import NOTICES_WITH_STATE
from tasks.runs.records import HELD, LATE_ORDERS
from tasks.tables import CHANNEL_STATES, NOTICES, OUTBOX, RUNS

MAX_RUN_AGE = timedelta(hours=3)
"""The last check of late orders must have ended without a fault within this time; the schedule has one in two hours."""
SUCCESSES = ("done", HELD)
"""States of a run that ended without a fault; one that is held did its work."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that must be so, and what was found."""

    name: str
    is_met: bool
    found: str


@dataclass(frozen=True, slots=True)
class StoppedChannel:
    """A channel on which nothing is sent."""

    channel: str
    since: datetime
    reason: str
    retry_at: datetime | None


def examine(engine: Engine, now: datetime) -> list[Condition]:
    """Return what must be so for messages to leave; where the database does not answer, that alone."""
    try:
        at = version(engine)
        if at != newest():
            found = f"version {at or 'none'}, and this code needs {newest()}"
            return [Condition("records", is_met=False, found=found)]
        with read_only(engine) as connection:
            return [
                Condition("records", is_met=True, found=f"version {at}"),
                _run_condition(connection, now),
                _channel_condition(connection),
                _held_condition(connection),
            ]
    except SQLAlchemyError as error:
        # The driver's own sentence names the place of the database, and at times a person in it.
        return [Condition("records", is_met=False, found=f"the database does not answer ({type(error).__name__})")]


def last_success(connection: Connection, flow: str = LATE_ORDERS) -> datetime | None:
    """Return when a run of a flow last ended without a fault; None where none did."""
    ended = select(RUNS.c.ended_at).where(RUNS.c.flow == flow, RUNS.c.state.in_(SUCCESSES))
    found: datetime | None = connection.execute(ended.order_by(RUNS.c.number.desc()).limit(1)).scalar()
    return found


def stopped_channels(connection: Connection) -> list[StoppedChannel]:
    """Return the channels on which nothing is sent, by name."""
    columns = (CHANNEL_STATES.c[name] for name in ("channel", "tripped_at", "reason", "retry_at"))
    stopped = select(*columns).where(CHANNEL_STATES.c.tripped_at.is_not(None)).order_by(CHANNEL_STATES.c.channel)
    return [
        StoppedChannel(row.channel, row.tripped_at, row.reason or "", row.retry_at)
        for row in connection.execute(stopped)
    ]


def held_runs(connection: Connection) -> dict[str, int]:
    """Return how many messages wait for a person's decision, by run."""
    waiting = (OUTBOX.c.settled_at.is_(None), OUTBOX.c.state == State.HELD)
    query = select(NOTICES.c.run_id, func.count()).select_from(NOTICES_WITH_STATE).where(*waiting)
    return dict(connection.execute(query.group_by(NOTICES.c.run_id)).all())


def _run_condition(connection: Connection, now: datetime) -> Condition:
    ended = last_success(connection)
    if ended is None:
        return Condition("last_run", is_met=False, found=f"no run of {LATE_ORDERS} has ended without a fault yet")
    found = f"{LATE_ORDERS} ended without a fault at {ended:%Y-%m-%d %H:%M} UTC"
    return Condition("last_run", is_met=now - ended <= MAX_RUN_AGE, found=found)


def _channel_condition(connection: Connection) -> Condition:
    stopped = stopped_channels(connection)
    if not stopped:
        return Condition("channels", is_met=True, found="none is stopped")
    found = "; ".join(f"{one.channel} is stopped since {one.since:%Y-%m-%d %H:%M} UTC" for one in stopped)
    return Condition("channels", is_met=False, found=found)


def _held_condition(connection: Connection) -> Condition:
    held = held_runs(connection)
    if not held:
        return Condition("held_runs", is_met=True, found="none")
    found = "; ".join(f"run {run[:8]} with {n:,} messages" for run, n in sorted(held.items()))
    return Condition("held_runs", is_met=False, found=found)
