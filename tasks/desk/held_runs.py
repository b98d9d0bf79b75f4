"""Held runs, for the person who decides: the limit, what is usual, the messages by days late and channel, a sample."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, select

from models.enums import State
from models.errors import ForewarnError
from tasks.db.lookup import MIN_ID_PREFIX
from tasks.desk.bounded import MOST, PAGE, Count, Listed, count_up_to, listed
from tasks.guardrails.check import median_day
from tasks.guardrails.release import REVIEWED_STATES, ReviewDecision
from tasks.guardrails.undo_review import DROP_UNDONE, RELEASE_UNDONE
from tasks.orders.told import NOTICES_WITH_STATE
from tasks.runs.records import HELD, LATE_ORDERS_SHARD
from tasks.tables import CUSTOMERS, EVENTS, NOTICES, OUTBOX, RUNS

SAMPLE, SAMPLED_FROM = 10, 2_000
RECENT_RUNS = 5_000
"""Held runs are looked for among the latest runs: 52 days of a run every 15 minutes."""
DECIDED = tuple(REVIEWED_STATES.values())
RELEASED, DROPPED = REVIEWED_STATES[ReviewDecision.RELEASE], REVIEWED_STATES[ReviewDecision.DROP]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided about a run."""

    state: str
    """`released` or `dropped`."""
    who: str
    at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class ListedRun:
    """A run in the list."""

    number: int
    id: str
    flow: str
    as_of: date
    state: str
    started_at: datetime
    ended_at: datetime | None
    limits: tuple[str, ...]
    """The limits that it exceeds, each in a sentence."""
    problems: tuple[str, ...]
    messages: Count
    """Of a held run, the messages that wait."""


@dataclass(frozen=True, slots=True)
class SampleOrder:
    """A message of a run, as an example."""

    message_id: str
    order_id: str
    customer: str
    channel: str
    days: int
    change: str


@dataclass(frozen=True, slots=True)
class RunMessages:
    """The messages of a run: those that wait, or after a decision all of them; counted up to MOST."""

    messages: int = 0
    more: bool = False
    people: int = 0
    by_channel: dict[str, int] = field(default_factory=dict)
    by_days: dict[str, int] = field(default_factory=dict)
    """Messages by the name of the policy's span of days late."""
    left: int = 0
    """Messages that have left."""
    earliest: datetime | None = None
    """When the first of those may leave that wait."""


@dataclass(frozen=True, slots=True)
class ShownRun:
    """All that the page of a run shows."""

    run: ListedRun
    messages: RunMessages
    usual: float | None
    """Orders told on the median day; None: not known yet."""
    decision: Decision | None
    """The last one, where it stands."""
    last_like_it: tuple[ListedRun, Decision] | None
    sample: Listed[SampleOrder]


def find_run(connection: Connection, key: str) -> str | None:
    """Return the id of the run that begins so; None where none does. Raises ForewarnError where several do."""
    exact = connection.execute(select(RUNS.c.id).where(RUNS.c.id == key)).scalar()
    if exact is not None:
        return str(exact)
    if len(key) < MIN_ID_PREFIX:
        return None
    query = select(RUNS.c.id).where(RUNS.c.id.startswith(key, autoescape=True), RUNS.c.flow != LATE_ORDERS_SHARD)
    found = list(connection.execute(query.limit(2)).scalars())
    if len(found) > 1:
        raise ForewarnError(f"more than one run begins with {key}")
    return found[0] if found else None


def list_held_runs(connection: Connection) -> list[ListedRun]:
    """Return the runs that wait for a person, the newest first."""
    newest = connection.execute(select(func.max(RUNS.c.number))).scalar() or 0
    query = select(RUNS).where(RUNS.c.number > newest - RECENT_RUNS, RUNS.c.state == HELD)
    rows = connection.execute(query.order_by(RUNS.c.number.desc())).all()
    return [run for row in rows if (run := _listed(connection, row)).messages or _is_last(connection, row)]


def list_runs(connection: Connection, before: int | None, limit: int = PAGE) -> Listed[ListedRun]:
    """Return a page of all runs, the newest first, from the one before a number on."""
    query = select(RUNS).where(RUNS.c.flow != LATE_ORDERS_SHARD).order_by(RUNS.c.number.desc()).limit(limit + 1)
    if before is not None:
        query = query.where(RUNS.c.number < before)
    page = listed(connection.execute(query).all(), limit)
    return Listed(tuple(_listed(connection, row) for row in page.rows), page.more)


def load_run(connection: Connection, run_id: str, after: str = "") -> ShownRun:
    """Return what the page of a run shows; `after` is the last message of the sample before."""
    row = connection.execute(select(RUNS).where(RUNS.c.id == run_id)).one()
    is_held = row.state == HELD
    messages = count_run(connection, run_id, only_held=is_held)
    return ShownRun(
        run=_listed_with(row, Count(messages.messages, messages.more) if is_held else Count(0)),
        messages=messages,
        usual=median_day(connection, row.as_of),
        decision=load_decision(connection, run_id) if row.state in DECIDED else None,
        last_like_it=_last_like(connection, row.number),
        sample=_sample(connection, run_id, after, only_held=is_held),
    )


def load_decision(connection: Connection, run_id: str) -> Decision | None:
    """Return the last decision about a run; None where it was taken back, or none was made."""
    query = select(EVENTS.c.kind, EVENTS.c.who, EVENTS.c.at, EVENTS.c.why).where(
        EVENTS.c.subject == run_id, EVENTS.c.kind.in_((*DECIDED, RELEASE_UNDONE, DROP_UNDONE))
    )
    last = connection.execute(query.order_by(EVENTS.c.id.desc()).limit(1)).first()
    return None if last is None or last.kind not in DECIDED else Decision(last.kind, last.who, last.at, last.why)


def count_run(connection: Connection, run_id: str, *, only_held: bool) -> RunMessages:
    """Count the messages of a run by channel and days late, and the people behind them."""
    columns = (
        NOTICES.c.customer_id,
        NOTICES.c.bucket,
        *(OUTBOX.c[name] for name in ("channel", "state", "not_before")),
    )
    which = _of_run(run_id, only_held=only_held)
    some = select(*columns).select_from(NOTICES_WITH_STATE).where(which).limit(MOST + 1).subquery()
    groups = select(some.c.channel, some.c.bucket, some.c.state, func.count().label("n"))
    groups = groups.add_columns(func.min(some.c.not_before, type_=OUTBOX.c.not_before.type).label("earliest"))
    rows = connection.execute(groups.group_by(some.c.channel, some.c.bucket, some.c.state)).all()
    by_channel: Counter[str] = Counter()
    by_days: Counter[str] = Counter()
    for row in rows:
        by_channel[row.channel] += row.n
        by_days[row.bucket] += row.n
    total = by_channel.total()
    people = connection.execute(select(func.count(some.c.customer_id.distinct()))).scalar_one()
    left = (State.SENDING, State.SENT, State.DELIVERED, State.BOUNCED, State.IN_DOUBT)
    return RunMessages(
        messages=min(total, MOST),
        more=total > MOST,
        people=people,
        by_channel=dict(by_channel),
        by_days=dict(by_days),
        left=sum(row.n for row in rows if row.state in left),
        earliest=min((row.earliest for row in rows if row.state in (State.HELD, State.QUEUED)), default=None),
    )


def _of_run(run_id: str, *, only_held: bool) -> ColumnElement[bool]:
    of_run = NOTICES.c.run_id == run_id
    return and_(of_run, OUTBOX.c.settled_at.is_(None), OUTBOX.c.state == State.HELD) if only_held else of_run


def _listed(connection: Connection, row: Row[Any]) -> ListedRun:
    waiting = select(NOTICES.c.id).select_from(NOTICES_WITH_STATE).where(_of_run(row.id, only_held=True))
    return _listed_with(row, count_up_to(connection, waiting) if row.state == HELD else Count(0))


def _listed_with(row: Row[Any], messages: Count) -> ListedRun:
    counts = row.counts or {}
    return ListedRun(
        number=row.number,
        id=row.id,
        flow=row.flow,
        as_of=row.as_of,
        state=row.state,
        started_at=row.started_at,
        ended_at=row.ended_at,
        limits=tuple((counts.get("held") or {}).values()),
        problems=tuple(counts.get("problems") or ()),
        messages=messages,
    )


def _is_last(connection: Connection, row: Row[Any]) -> bool:
    """Return whether a run is the last one of its flow: a run held for its data has no messages."""
    later = select(RUNS.c.number).where(RUNS.c.flow == row.flow, RUNS.c.number > row.number).limit(1)
    return connection.execute(later).first() is None


def _last_like(connection: Connection, number: int) -> tuple[ListedRun, Decision] | None:
    query = select(RUNS).where(RUNS.c.number < number, RUNS.c.state.in_(DECIDED))
    row = connection.execute(query.order_by(RUNS.c.number.desc()).limit(1)).first()
    decision = None if row is None else load_decision(connection, row.id)
    return None if row is None or decision is None else (_listed(connection, row), decision)


def _sample(connection: Connection, run_id: str, after: str, *, only_held: bool) -> Listed[SampleOrder]:
    """Return one message of each of ten orders: ids of messages are hashes, so their order is as good as random."""
    some = select(NOTICES.c.id).select_from(NOTICES_WITH_STATE).where(_of_run(run_id, only_held=only_held))
    some = some.limit(SAMPLED_FROM)
    # One of an order's messages stands for it: the mail, where there is one.
    other = NOTICES.alias()
    first = select(other.c.id).where(
        other.c.run_id == run_id, other.c.order_id == NOTICES.c.order_id, other.c.channel < NOTICES.c.channel
    )
    names = ("id", "order_id", "days", "change", "to_name")
    query = (
        select(*(NOTICES.c[name] for name in names), OUTBOX.c.channel, CUSTOMERS.c.name.label("customer"))
        .select_from(NOTICES_WITH_STATE.outerjoin(CUSTOMERS, CUSTOMERS.c.id == NOTICES.c.customer_id))
        .where(NOTICES.c.id.in_(some), NOTICES.c.id > after)
        .where(~first.exists())
    )
    rows = connection.execute(query.order_by(NOTICES.c.id).limit(SAMPLE + 1)).all()
    return listed([_sample_order(row) for row in rows], SAMPLE)


def _sample_order(row: Any) -> SampleOrder:
    name = row.customer or row.to_name
    return SampleOrder(row.id, row.order_id, name, row.channel, row.days, row.change)
