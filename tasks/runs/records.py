"""Record the start and the end of each run of a flow, and of its shards."""

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, func, select, update

from models.errors import ForewarnError
from models.policy.policy import NOT_OPEN
from tasks.context import Context
from tasks.db.settled_counts import forget_settled_counts, is_counted
from tasks.db.sql import insert, lock_ordered, read_only
from tasks.tables import RUNS, WATCHES

LATE_ORDERS = "late-orders"
LATE_ORDERS_SHARD = "late-orders-shard"
HELD = "held"
"""State of a run that breached a guardrail and waits for a person's decision."""
REFUSED, DISCARDED = "refused", "forgotten"
"""States of runs whose day does not count, because the clock was wrong."""
EPOCH = date(1970, 1, 1)


def start_run(context: Context, flow: str, as_of: date, started_at: datetime) -> Context:
    """Record the start of a run and return its context. A changed policy makes every watched order due once.

    Raises ForewarnError for a day before the last run's: customers cannot be told in the past.
    """
    context, policy = context.with_run(uuid.uuid4().hex, as_of, started_at), context.policy.digest
    row = {"id": context.run_id, "flow": flow, "as_of": as_of, "policy": policy, "started_at": started_at}
    with context.engine.begin() as connection:
        if flow == LATE_ORDERS:
            before = _latest(connection, flow)
            if before is not None:
                then = f"nobody can be told on {as_of} any more; --dry-run shows what would have been said on that day"
                check_not_before(flow, before.as_of, as_of, then)
                if before.policy != policy:
                    _mark_all_due(connection, as_of)
        if is_counted(connection, started_at):
            # What this run settles is settled before the counted moment.
            forget_settled_counts(connection)
        connection.execute(insert(connection, RUNS).values(**row, state="running", counts={}))
    return context


def check_not_before(flow: str, last: date, as_of: date, then: str) -> None:
    """Refuse a day before the last one that a flow was run for; raises ForewarnError that says `then`."""
    if as_of < last:
        raise ForewarnError(f"{flow} was run for {last} already; {then}")


def _mark_all_due(connection: Connection, as_of: date) -> None:
    later = and_(WATCHES.c.next_check_on > as_of, WATCHES.c.bucket.not_in(NOT_OPEN))
    connection.execute(
        update(WATCHES)
        .where(lock_ordered(connection, WATCHES.c.order_id, later))
        .values(next_check_on=as_of, version=WATCHES.c.version + 1)
    )


def _latest(connection: Connection, flow: str) -> Row[Any] | None:
    counts = and_(RUNS.c.flow == flow, RUNS.c.state.not_in((REFUSED, DISCARDED)))
    return connection.execute(select(RUNS).where(counts).order_by(RUNS.c.number.desc()).limit(1)).first()


def last_run_date(engine: Engine) -> date:
    """Return the day of the last late-orders run; EPOCH when there was none."""
    latest = latest_run(engine, LATE_ORDERS)
    return EPOCH if latest is None else latest["as_of"]


def join_run_as_shard(context: Context, run: str, number: int) -> Context:
    """Record the start of one shard of a run, under a row of its own, and return the run's context.

    Raises ForewarnError when the run has ended or is unknown: nobody would review the shard's notices.
    """
    with context.engine.begin() as connection:
        parent = connection.execute(select(RUNS).where(RUNS.c.id == run, RUNS.c.state == "running")).first()
        if parent is None:
            raise ForewarnError(f"no run {run[:8]} is under way: a run of {LATE_ORDERS} starts its shards by itself")
        row = {
            "flow": LATE_ORDERS_SHARD,
            "as_of": parent.as_of,
            "policy": parent.policy,
            "started_at": parent.started_at,
        }
        restarted: dict[str, Any] = {"state": "running", "counts": {}, "ended_at": None}
        started = insert(connection, RUNS).values(id=_shard_id(run, number), **row, **restarted)
        connection.execute(started.on_conflict_do_update(index_elements=["id"], set_=restarted))
    return context.with_run(run, parent.as_of, parent.started_at)


def finish_shard(context: Context, number: int, ended_at: datetime, state: str, counts: dict[str, Any]) -> None:
    """Record how a shard of a run ended."""
    _finish(context.engine, _shard_id(context.run_id, number), ended_at, state, counts)


def shard_reports(engine: Engine, run: str) -> list[dict[str, Any]]:
    """Return the reports of a run's shards that are done."""
    done = and_(
        RUNS.c.flow == LATE_ORDERS_SHARD,
        RUNS.c.id.startswith(_shard_id(run, ""), autoescape=True),
        RUNS.c.state == "done",
    )
    with read_only(engine) as connection:
        return list(connection.execute(select(RUNS.c.counts).where(done).order_by(RUNS.c.number)).scalars())


def _shard_id(run: str, number: int | str) -> str:
    return f"{run}-{number}"


def finish_run(context: Context, ended_at: datetime, state: str, counts: dict[str, Any]) -> None:
    """Record how a run ended."""
    _finish(context.engine, context.run_id, ended_at, state, counts)


def _finish(engine: Engine, run: str, ended_at: datetime, state: str, counts: dict[str, Any]) -> None:
    ended = {"ended_at": ended_at, "state": state, "counts": counts}
    with engine.begin() as connection:
        connection.execute(update(RUNS).where(RUNS.c.id == run).values(ended))


def last_success_at(engine: Engine, flow: str) -> datetime | None:
    """Return when a run of a flow last ended without an error; a held run counts."""
    last_end = select(func.max(RUNS.c.ended_at)).where(RUNS.c.flow == flow, RUNS.c.state.in_(["done", HELD]))
    with read_only(engine) as connection:
        ended: datetime | None = connection.execute(last_end).scalar_one()
    return ended


def last_end_before(connection: Connection, flow: str, moment: datetime) -> datetime | None:
    """Return when the last run of a flow that started before a moment ended; None when none has."""
    before = and_(RUNS.c.flow == flow, RUNS.c.started_at < moment, RUNS.c.ended_at.is_not(None))
    query = select(RUNS.c.ended_at).where(before).order_by(RUNS.c.started_at.desc()).limit(1)
    ended: datetime | None = connection.execute(query).scalar()
    return ended


def latest_run(engine: Engine, flow: str) -> dict[str, Any] | None:
    """Return the last run of a flow that counts; None when there was none."""
    with read_only(engine) as connection:
        row = _latest(connection, flow)
    return None if row is None else dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
