"""Count what the ledger holds, for the command `status` and the daily digest."""

from collections import Counter
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from models.enums import DIRECT, NETWORKS, Channel, PostState, State
from models.purchasing import VendorChannel
from models.webhooks import WEBHOOK
from tasks.callbacks.review import count_for_staff
from tasks.context import Context
from tasks.db.counters import count_orders_by_bucket, is_supervised
from tasks.db.restored import restored_from
from tasks.db.settled_counts import MessageGroup, count_messages
from tasks.delivery.in_doubt import IN_DOUBT_FILTER, count_waiting_for_staff
from tasks.orders.told import NOTICES_WITH_STATE
from tasks.promise_clock.staff_records import MISSED
from tasks.reporting.alert_state import alerts_failing_since
from tasks.runs.records import HELD, LATE_ORDERS, LATE_ORDERS_SHARD
from tasks.tables import CLOCK_WATCHES, EVENTS, NOTICES, OUTBOX, POSTS, RUNS


@dataclass(frozen=True, slots=True)
class Status:
    """Orders, messages and runs as they are now."""

    orders: dict[str, int]
    """Open orders by bucket, `on_time` among them."""
    notices: dict[str, int]
    """Notices by state; those sent in a trial, to no customer, as `sent in a trial`."""
    posts: dict[str, int]
    """Drafts, posts that wait for approval, as `held`, and messages to networks by state."""
    needs_staff: int
    """Notices and posts in doubt that only staff can resolve."""
    purchases: dict[str, int]
    """Purchase requests by state; staff resolve those in doubt."""
    webhooks: dict[str, int]
    """Webhook events about customers' choices by state; staff send those rejected again."""
    callbacks: int
    """Callbacks of providers that staff must look at."""
    runs: list[dict[str, Any]]
    """The latest runs, newest first."""
    held: list[dict[str, Any]]
    """The runs that wait for a person to release them, newest first: those with notices, and the last one."""
    alerts_failing_since: datetime | None
    """When the first alert came due that did not go through, if none did after."""
    restored_from: datetime | None
    """From when the backup is that was restored, until somebody says that all runs since are decided on."""
    supervised: bool
    """Whether each run waits for a person."""

    def as_dict(self) -> dict[str, Any]:
        """Return the status as plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class DayTotals:
    """What happened on one day."""

    orders: dict[str, int]
    """Orders with a notice sent, by bucket."""
    sent: dict[str, int]
    """Messages sent, posts among them, by channel."""
    trial: int
    """Those of them that were sent in a trial, to no customer."""
    skipped: dict[str, int]
    """Notices of the day not sent, by reason."""
    rejected: dict[str, int]
    """Notices rejected by a provider, by reason."""
    bounced: dict[str, int]
    """Messages of the day that did not arrive, by channel, as far as providers have told."""
    in_doubt: int
    """Messages in doubt, from any day."""
    needs_staff: int
    """Those of them that only staff can resolve."""
    held: int
    """Posts that wait for approval, from any day."""
    webhooks_rejected: int
    """Webhook events that Forewarn has given up, from any day."""
    callbacks: int
    """Callbacks of providers that staff must look at, from any day."""
    runs: dict[str, int]
    """Runs by flow and how they ended."""
    deadlines_missed: int
    """Legal deadlines that were found to be missed on the day."""
    deadlines_near: int
    """Those of open orders that are near or have passed, as the last run of the promise clock left them."""


def load_status(connection: Connection, runs: int = 5) -> Status:
    """Return orders, messages and runs as they are now; at most `runs` of the latest runs."""
    columns = [RUNS.c[name] for name in ("id", "flow", "as_of", "state", "started_at", "ended_at")]
    newest = select(*columns).where(RUNS.c.flow != LATE_ORDERS_SHARD).order_by(RUNS.c.number.desc())
    messages = count_messages(connection)
    return Status(
        orders=dict(count_orders_by_bucket(connection)),
        notices=_of_channels(messages, DIRECT),
        posts=_waiting_posts(connection) | _of_channels(messages, NETWORKS),
        needs_staff=count_waiting_for_staff(connection),
        purchases=_of_channels(messages, list(VendorChannel)),
        webhooks=_of_channels(messages, [WEBHOOK]),
        callbacks=count_for_staff(connection),
        runs=[dict(row) for row in connection.execute(newest.limit(runs)).mappings()],
        held=_list_held_runs(connection),
        alerts_failing_since=alerts_failing_since(connection),
        restored_from=restored_from(connection),
        supervised=is_supervised(connection),
    )


def _waiting_posts(connection: Connection) -> dict[str, int]:
    """Return how many drafts there are, and how many posts wait for approval, as `held`."""
    names = {PostState.DRAFT: "draft", PostState.WAITS: str(State.HELD)}
    query = select(POSTS.c.state, func.count()).where(POSTS.c.state.in_(names)).group_by(POSTS.c.state)
    return {names[PostState(state)]: n for state, n in connection.execute(query)}


def _list_held_runs(connection: Connection) -> list[dict[str, Any]]:
    waiting = (
        select(NOTICES.c.run_id, func.count().label("n"))
        .select_from(NOTICES_WITH_STATE)
        .where(OUTBOX.c.settled_at.is_(None), OUTBOX.c.state == State.HELD)
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


def _count_by(connection: Connection, column: Any, *where: ColumnElement[bool], count: Any = None) -> dict[str, int]:
    """Return how many messages have each value of a column; `count` is another aggregate than count(*)."""
    query = (
        select(column, func.count() if count is None else count)
        .select_from(OUTBOX.outerjoin(NOTICES, NOTICES.c.id == OUTBOX.c.id))
        .where(*where)
        .group_by(column)
        .order_by(column)
    )
    return {str(name): n for name, n in connection.execute(query)}


def _of_channels(messages: Counter[MessageGroup], channels: Collection[str]) -> dict[str, int]:
    by_state: Counter[tuple[str, bool]] = Counter()
    for (channel, state, trial), n in messages.items():
        if channel in channels:
            by_state[state, trial] += n
    return {f"{state} in a trial" if trial else state: n for (state, trial), n in sorted(by_state.items())}


def _count_deadlines(context: Context, connection: Connection, on: date) -> dict[str, int]:
    ahead = timedelta(days=max(context.policy.promise_clock.warn_days, default=0))
    of_day = and_(EVENTS.c.at >= context.start_of(on), EVENTS.c.at < context.end_of(on))
    missed = select(func.count()).where(of_day, EVENTS.c.kind == MISSED)
    near = select(func.count()).where(CLOCK_WATCHES.c.deadline <= on + ahead)
    return {
        "deadlines_missed": connection.execute(missed).scalar_one(),
        "deadlines_near": connection.execute(near).scalar_one(),
    }


def load_day(context: Context, connection: Connection, on: date) -> DayTotals:
    """Return what happened on one day in the shop's zone."""
    begin, end = context.start_of(on), context.end_of(on)
    of_day = and_(OUTBOX.c.settled_at >= begin, OUTBOX.c.settled_at < end)
    runs: Counter[str] = Counter()
    for flow, state in connection.execute(
        select(RUNS.c.flow, RUNS.c.state).where(RUNS.c.started_at >= begin, RUNS.c.started_at < end)
    ):
        runs[f"{flow} {state}"] += 1
    was_sent = OUTBOX.c.state.in_((State.SENT, State.DELIVERED, State.BOUNCED))
    notices, messages = OUTBOX.c.channel.in_(DIRECT), OUTBOX.c.channel.in_(list(Channel))
    return DayTotals(
        orders=_count_by(
            connection,
            NOTICES.c.bucket,
            of_day,
            notices,
            was_sent,
            count=func.count(NOTICES.c.order_id.distinct()),
        ),
        sent=_count_by(connection, OUTBOX.c.channel, of_day, messages, was_sent),
        trial=sum(_count_by(connection, OUTBOX.c.channel, of_day, messages, OUTBOX.c.trial.is_(True)).values()),
        skipped=_count_by(connection, OUTBOX.c.reason, of_day, notices, OUTBOX.c.state == State.SKIPPED),
        rejected=_count_by(connection, OUTBOX.c.reason, of_day, notices, OUTBOX.c.state == State.REJECTED),
        bounced=_count_by(connection, OUTBOX.c.channel, of_day, messages, OUTBOX.c.state == State.BOUNCED),
        in_doubt=sum(_count_by(connection, OUTBOX.c.state, IN_DOUBT_FILTER).values()),
        needs_staff=count_waiting_for_staff(connection),
        held=_waiting_posts(connection).get(State.HELD, 0),
        callbacks=count_for_staff(connection),
        webhooks_rejected=sum(
            _count_by(
                connection, OUTBOX.c.state, OUTBOX.c.channel == WEBHOOK, OUTBOX.c.state == State.REJECTED
            ).values()
        ),
        runs=dict(runs),
        **_count_deadlines(context, connection, on),
    )
