"""What stands in the ledger: for the status command and the day's digest."""

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, func, or_, select

from models.enums import State
from tasks.context import Context
from tasks.db.counters import count_orders_by_bucket
from tasks.delivery.in_doubt import count_waiting_for_staff
from tasks.runs.records import HELD, LATE_ORDERS, LATE_ORDERS_SHARD
from tasks.tables import NOTICES, POSTS, PURCHASE_REQUESTS, RUNS


@dataclass(frozen=True, slots=True)
class Status:
    """Where everything stands."""

    orders: dict[str, int]
    """Open orders by bucket, `on_time` among them."""
    notices: dict[str, int]
    """Notices by state; those that reached no customer as `sent in a trial`."""
    posts: dict[str, int]
    """Posts by state."""
    for_people: int
    """Notices and posts in doubt that no provider can settle."""
    purchases: dict[str, int]
    """Purchase requests by state; those in doubt are for people as well."""
    runs: list[dict[str, Any]]
    """The latest runs, newest first."""
    held: list[dict[str, Any]]
    """The runs that wait for a person's word, newest first: those with notices, and the last one."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class DayTotals:
    """One day of the ledger's."""

    told: dict[str, int]
    """Orders told, by bucket."""
    sent: dict[str, int]
    """Messages sent, posts among them, by channel."""
    trial: int
    """Those among them that reached no customer: they left in a trial."""
    skipped: dict[str, int]
    """Notices of the day not sent, by reason."""
    rejected: dict[str, int]
    """Notices refused by a provider, by reason."""
    in_doubt: int
    """Messages in doubt, from any day."""
    for_people: int
    """Those among them that no provider can settle."""
    held: int
    """Posts that wait for approval, from any day."""
    runs: dict[str, int]
    """Runs by flow and how they ended."""


def load_status(connection: Connection, runs: int = 5) -> Status:
    """Say where everything stands."""
    columns = [RUNS.c[name] for name in ("flow", "as_of", "state", "started_at", "ended_at")]
    newest = select(*columns).where(RUNS.c.flow != LATE_ORDERS_SHARD).order_by(RUNS.c.number.desc())
    return Status(
        orders=dict(count_orders_by_bucket(connection)),
        notices=_by_state(connection, NOTICES),
        posts=_by_state(connection, POSTS),
        for_people=count_waiting_for_staff(connection),
        purchases=_by_state(connection, PURCHASE_REQUESTS),
        runs=[dict(row) for row in connection.execute(newest.limit(runs)).mappings()],
        held=_held(connection),
    )


def _held(connection: Connection) -> list[dict[str, Any]]:
    waiting = (
        select(NOTICES.c.run_id, func.count().label("n"))
        .where(NOTICES.c.state == State.HELD)
        .group_by(NOTICES.c.run_id)
        .subquery()
    )
    newest = select(func.max(RUNS.c.number)).where(RUNS.c.flow == LATE_ORDERS).scalar_subquery()
    query = (
        select(RUNS.c.id, RUNS.c.as_of, RUNS.c.counts, func.coalesce(waiting.c.n, 0).label("n"))
        .select_from(RUNS.outerjoin(waiting, waiting.c.run_id == RUNS.c.id))
        .where(RUNS.c.state == HELD, or_(waiting.c.n.is_not(None), RUNS.c.number == newest))
        .order_by(RUNS.c.number.desc())
    )
    return [
        {"run": row.id[:8], "as_of": row.as_of, "notices": row.n, "why": "; ".join(row.counts["held"].values())}
        for row in connection.execute(query)
    ]


def _by(
    connection: Connection, table: Table, column: str, *where: ColumnElement[bool], count: Any = None
) -> dict[str, int]:
    query = (
        select(table.c[column], func.count() if count is None else count)
        .where(*where)
        .group_by(table.c[column])
        .order_by(table.c[column])
    )
    return {str(name): n for name, n in connection.execute(query)}


def _by_state(connection: Connection, table: Table) -> dict[str, int]:
    query = select(table.c.state, table.c.trial, func.count()).group_by(table.c.state, table.c.trial)
    return {
        f"{state} in a trial" if trial else str(state): n
        for state, trial, n in connection.execute(query.order_by(table.c.state, table.c.trial))
    }


def load_day(context: Context, connection: Connection, on: date) -> DayTotals:
    """Say what happened on one day of the shop's."""
    first, over = context.start_of(on), context.end_of(on)
    settled, posted = (and_(each.c.settled_at >= first, each.c.settled_at < over) for each in (NOTICES, POSTS))
    runs: Counter[str] = Counter()
    for flow, state in connection.execute(
        select(RUNS.c.flow, RUNS.c.state).where(RUNS.c.started_at >= first, RUNS.c.started_at < over)
    ):
        runs[f"{flow} {state}"] += 1
    gone = NOTICES.c.state.in_((State.SENT, State.DELIVERED, State.BOUNCED))
    return DayTotals(
        told=_by(connection, NOTICES, "bucket", settled, gone, count=func.count(NOTICES.c.order_id.distinct())),
        sent=_by(connection, NOTICES, "channel", settled, gone)
        | _by(connection, POSTS, "channel", posted, POSTS.c.state == State.SENT),
        trial=sum(
            sum(_by(connection, table, "channel", when, table.c.trial.is_(True)).values())
            for table, when in ((NOTICES, settled), (POSTS, posted))
        ),
        skipped=_by(connection, NOTICES, "reason", settled, NOTICES.c.state == State.SKIPPED),
        rejected=_by(connection, NOTICES, "reason", settled, NOTICES.c.state == State.REJECTED),
        in_doubt=sum(
            _by(connection, table, "state", table.c.state == State.IN_DOUBT).get(State.IN_DOUBT, 0)
            for table in (NOTICES, POSTS)
        ),
        for_people=count_waiting_for_staff(connection),
        held=_by(connection, POSTS, "state").get(State.HELD, 0),
        runs=dict(runs),
    )
