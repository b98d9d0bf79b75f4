"""What the first page of the desk says: what waits for a person, what happened today, and whether everything works."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, and_, func, select

from models.customers import ENDS_CONTRACT, ChoiceState
from models.enums import Channel, PostState, State
from models.webhooks import WEBHOOK
from tasks.context import Context
from tasks.customers.choice_rows import MADE
from tasks.db.counters import get_counter
from tasks.db.settled_counts import EPOCH, SETTLED, UNTIL
from tasks.delivery.circuit_breaker import open_breakers
from tasks.desk.answers import count_open
from tasks.desk.bounded import MOST, Count, count_up_to
from tasks.desk.deadlines import count_near
from tasks.desk.doubts import count_doubts
from tasks.desk.held_runs import ListedRun, list_held_runs
from tasks.desk.replies import count_replies
from tasks.desk.rhythm import next_starts
from tasks.desk.webhook_health import WebhookHealth, load_webhook_health
from tasks.imports.guard import last_import_count, last_imported_at
from tasks.reporting.alert_state import alerts_failing_since
from tasks.runs.records import HELD, LATE_ORDERS_SHARD
from tasks.tables import (
    CLOCK_WATCHES,
    CUSTOMER_CHOICES,
    EVENTS,
    INCOMPLETE_IMPORTS,
    LIVE_CHANNELS,
    NOTICES,
    OUTBOX,
    POSTS,
    RUNS,
    WEBHOOK_EVENTS,
)

LEFT = (State.SENT, State.DELIVERED, State.BOUNCED)
FAILED = (State.REJECTED, State.BOUNCED)
RECENT_RUNS = 5_000


@dataclass(frozen=True, slots=True)
class Refunds:
    """The money that customers get back and the shop has not marked as paid."""

    choices: int
    amounts: dict[str, Decimal]
    """By currency, as far as the prices are known."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for a person."""

    held: tuple[ListedRun, ...]
    doubts: Count
    oldest_doubt: datetime | None
    answers: Count
    oldest_answer: datetime | None
    refunds: Refunds
    deadlines: Count
    deadlines_passed: Count
    replies: Count
    posts: Count
    webhooks: int
    """Events about customers' choices that the shop's systems did not take."""


@dataclass(frozen=True, slots=True)
class ChannelHealth:
    """How a channel works."""

    channel: str
    is_live: bool
    sent: int
    failed: int
    last_at: datetime | None
    """When the last message of today left."""
    stopped_since: datetime | None = None
    reason: str = ""
    next_try: datetime | None = None


@dataclass(frozen=True, slots=True)
class FlowHealth:
    """When a flow last ended well, and how its last run ended."""

    flow: str
    succeeded_at: datetime | None
    last_state: str
    last_at: datetime
    next_at: datetime | None = None
    """When it is likely to start next, by the rhythm of its last runs."""


@dataclass(frozen=True, slots=True)
class ImportHealth:
    """The last complete import, by a run or by hand, and how many orders it accepted."""

    at: datetime | None
    orders: int | None
    is_incomplete: bool
    """Whether an import is running, or broke off."""
    failed: bool


@dataclass(frozen=True, slots=True)
class DayMessages:
    """What happened since midnight."""

    sent: Counter[str] = field(default_factory=Counter)
    """By channel; without those of a trial."""
    people: Count = field(default_factory=lambda: Count(0))
    trial: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    """By Act."""


@dataclass(frozen=True, slots=True)
class Today:
    """All that the first page says."""

    waiting: Waiting
    day: DayMessages
    channels: tuple[ChannelHealth, ...]
    flows: tuple[FlowHealth, ...]
    last_import: ImportHealth
    webhook: WebhookHealth | None = None
    """None where the shop's systems are told of nothing."""
    alerts_failing_since: datetime | None = None
    """When the first alert came due that did not go through, if none did after."""


def load_today(context: Context, connection: Connection) -> Today:
    """Return what the first page says at the context's moment."""
    rows = _settled_today(context, connection)
    return Today(
        waiting=_waiting(context, connection),
        day=_day(context, connection, rows),
        channels=_channels(connection, rows),
        flows=_flows(connection),
        last_import=_last_import(connection),
        webhook=load_webhook_health(connection) if context.has_webhook else None,
        alerts_failing_since=alerts_failing_since(connection),
    )


def _waiting(context: Context, connection: Connection) -> Waiting:
    doubts, oldest = count_doubts(connection, context.started_at)
    requested = CUSTOMER_CHOICES.c.state == ChoiceState.REQUESTED
    made_at = CUSTOMER_CHOICES.c.made_at
    oldest_answer = select(func.min(made_at, type_=made_at.type)).where(requested)
    posts = select(POSTS.c.id).where(POSTS.c.state == PostState.WAITS)
    passed = select(CLOCK_WATCHES.c.order_id).where(CLOCK_WATCHES.c.deadline < context.as_of)
    return Waiting(
        held=tuple(list_held_runs(connection)),
        doubts=doubts,
        oldest_doubt=oldest,
        answers=count_open(connection),
        oldest_answer=connection.execute(oldest_answer).scalar(),
        refunds=_refunds(connection),
        deadlines=count_near(context, connection),
        deadlines_passed=count_up_to(connection, passed),
        replies=count_replies(connection),
        posts=count_up_to(connection, posts),
        webhooks=_given_up(connection) if context.has_webhook else 0,
    )


def _refunds(connection: Connection) -> Refunds:
    of_refunds = and_(CUSTOMER_CHOICES.c.state == ChoiceState.REQUESTED, CUSTOMER_CHOICES.c.act.in_(ENDS_CONTRACT))
    some = select(CUSTOMER_CHOICES.c.currency, CUSTOMER_CHOICES.c.refund).where(of_refunds).limit(MOST).subquery()
    amount = func.sum(some.c.refund, type_=CUSTOMER_CHOICES.c.refund.type)
    rows = connection.execute(select(some.c.currency, func.count().label("n"), amount).group_by(some.c.currency)).all()
    return Refunds(sum(row.n for row in rows), {row.currency: row[2] for row in rows if row[2]})


def _given_up(connection: Connection) -> int:
    """Return how many webhook events were given up: those counted before, and those since."""
    until = get_counter(connection, UNTIL)
    given_up = and_(OUTBOX.c.channel == WEBHOOK, OUTBOX.c.state == State.REJECTED)
    query = select(func.count()).select_from(OUTBOX).where(given_up)
    if not until:
        events = OUTBOX.join(WEBHOOK_EVENTS, WEBHOOK_EVENTS.c.id == OUTBOX.c.id)
        return int(connection.execute(select(func.count()).select_from(events).where(given_up)).scalar_one())
    counted = get_counter(connection, f"{SETTLED}{WEBHOOK}:{State.REJECTED}:live")
    since = EPOCH + timedelta(microseconds=until)
    return counted + int(connection.execute(query.where(OUTBOX.c.settled_at >= since)).scalar_one())


def _settled_today(context: Context, connection: Connection) -> list[Any]:
    settled_at = OUTBOX.c.settled_at
    columns = (OUTBOX.c.channel, OUTBOX.c.state, OUTBOX.c.trial)
    query = (
        select(*columns, func.count().label("n"), func.max(settled_at, type_=settled_at.type).label("last_at"))
        .where(settled_at >= context.start_of(context.as_of), OUTBOX.c.channel.in_(list(Channel)))
        .group_by(*columns)
    )
    return list(connection.execute(query).all())


def _day(context: Context, connection: Connection, rows: list[Any]) -> DayMessages:
    begin = context.start_of(context.as_of)
    sent: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for row in rows:
        if row.state in LEFT and not row.trial:
            sent[row.channel] += row.n
        if row.state in FAILED:
            failed[row.channel] += row.n
    left = and_(OUTBOX.c.settled_at >= begin, OUTBOX.c.state.in_((State.SENT, State.DELIVERED)), ~OUTBOX.c.trial)
    told = select(NOTICES.c.customer_id).join(OUTBOX, OUTBOX.c.id == NOTICES.c.id).where(left).limit(MOST + 1)
    some = told.subquery()
    total, people = connection.execute(select(func.count(), func.count(some.c.customer_id.distinct()))).one()
    made = select(EVENTS.c.why, func.count()).where(EVENTS.c.at >= begin, EVENTS.c.kind == MADE).group_by(EVENTS.c.why)
    return DayMessages(
        sent=sent,
        people=Count(people, total > MOST),
        trial=sum(row.n for row in rows if row.trial),
        failed=failed,
        answers=Counter(dict(connection.execute(made).all())),
    )


def _channels(connection: Connection, rows: list[Any]) -> tuple[ChannelHealth, ...]:
    live = set(connection.execute(select(LIVE_CHANNELS.c.channel)).scalars())
    stopped = open_breakers(connection)
    used = live | set(stopped) | {row.channel for row in rows} | {Channel.EMAIL}
    found = []
    for channel in (each for each in Channel if each in used):
        own = [row for row in rows if row.channel == channel and row.state in (*LEFT, State.REJECTED)]
        state = stopped.get(channel)
        found.append(
            ChannelHealth(
                channel=channel,
                is_live=channel in live,
                sent=sum(row.n for row in own if row.state in LEFT),
                failed=sum(row.n for row in own if row.state in FAILED),
                last_at=max((row.last_at for row in own if row.state in LEFT), default=None),
                stopped_since=state["tripped_at"] if state else None,
                reason=(state["reason"] or "") if state else "",
                next_try=state["retry_at"] if state else None,
            )
        )
    return tuple(found)


def _flows(connection: Connection) -> tuple[FlowHealth, ...]:
    newest = connection.execute(select(func.max(RUNS.c.number))).scalar() or 0
    recent = and_(RUNS.c.number > newest - RECENT_RUNS, RUNS.c.flow != LATE_ORDERS_SHARD)
    ended = RUNS.c.ended_at
    good = RUNS.c.state.in_(("done", HELD, "released", "dropped"))
    succeeded = dict(
        connection.execute(
            select(RUNS.c.flow, func.max(ended, type_=ended.type)).where(recent, good).group_by(RUNS.c.flow)
        ).all()
    )
    last = select(func.max(RUNS.c.number)).where(recent).group_by(RUNS.c.flow)
    columns = (RUNS.c.flow, RUNS.c.state, RUNS.c.started_at)
    rows = connection.execute(select(*columns).where(RUNS.c.number.in_(last)).order_by(RUNS.c.number.desc()))
    expected = next_starts(connection, recent)
    return tuple(
        FlowHealth(row.flow, succeeded.get(row.flow), row.state, row.started_at, expected.get(row.flow)) for row in rows
    )


def _last_import(connection: Connection) -> ImportHealth:
    incomplete = list(connection.execute(select(INCOMPLETE_IMPORTS.c.failed)).scalars())
    at, orders = last_imported_at(connection), last_import_count(connection)
    return ImportHealth(at, orders, bool(incomplete), any(incomplete))
