"""Look at a page of orders: store their open duties, record the deadlines missed once, and say of what to warn."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from sqlalchemy import Connection, delete, func, select

from models.policy.policy import NOT_OPEN, ON_TIME, Policy
from rules.promise_clock.missed import missed_deadlines
from rules.promise_clock.public_holidays import public_holidays
from tasks.context import Context
from tasks.db.events import record_events
from tasks.db.sql import in_list, insert, read_only
from tasks.promise_clock.candidates import find_candidates
from tasks.promise_clock.duties import LineDuty, line_duty, next_check, warning_level
from tasks.promise_clock.facts import LineClock, load_line_clocks
from tasks.promise_clock.staff_records import MISSED
from tasks.tables import CLOCK_WATCHES, EVENTS, RUNS, WATCHES

PROMISE_CLOCK = "promise-clock"


@dataclass(frozen=True, slots=True)
class Missed:
    """A deadline that has passed, as it was recorded."""

    order: str
    line: str
    what: str


@dataclass(slots=True)
class ClockPage:
    """What a page of orders brought."""

    missed: list[Missed] = field(default_factory=list)
    """Deadlines that were not recorded before."""
    warnings: list[LineDuty] = field(default_factory=list)
    """Duties of which staff were not warned at this distance before."""


def clock_digest(policy: Policy) -> str:
    """Return a short hash that changes with the clock's numbers."""
    return hashlib.sha256(policy.promise_clock.model_dump_json().encode()).hexdigest()[:16]


def list_candidates(context: Context) -> list[str]:
    """Return the orders to look at in this run, by id."""
    last = select(func.max(RUNS.c.started_at, type_=RUNS.c.started_at.type)).where(
        RUNS.c.flow == PROMISE_CLOCK, RUNS.c.state == "done"
    )
    with read_only(context.engine) as connection:
        since = connection.execute(last).scalar_one()
        return find_candidates(connection, context.as_of, since, clock_digest(context.policy))


def check_orders(context: Context, orders: Sequence[str]) -> ClockPage:
    """Look at some orders in one transaction."""
    today, page = context.as_of, ClockPage()
    with context.engine.begin() as connection:
        clocks = load_line_clocks(context, connection, orders, today)
        watches = _load_watches(connection, orders)
        known = _load_duties(connection, orders)
        rows = []
        for order in orders:
            lines = clocks.get(order, ())
            duties = [_warn(context, page, duty, known) for duty in _duties(context, lines)]
            version, is_late = watches.get(order, (0, False))
            if duties or is_late:
                rows.append(_row(context, order, version, lines, duties))
        connection.execute(delete(CLOCK_WATCHES).where(in_list(connection, CLOCK_WATCHES.c.order_id, orders)))
        if rows:
            connection.execute(insert(connection, CLOCK_WATCHES), rows)
        page.missed = _record_missed(context, connection, [line for lines in clocks.values() for line in lines])
    return page


def load_all_duties(connection: Connection) -> list[LineDuty]:
    """Return every open duty, by deadline; those without one come last."""
    rows = connection.execute(select(CLOCK_WATCHES.c.lines).order_by(CLOCK_WATCHES.c.order_id)).scalars()
    duties = [LineDuty.from_data(line) for lines in rows for line in lines]
    return sorted(duties, key=lambda duty: (duty.deadline is None, duty.deadline or date.max, duty.order, duty.line))


def _duties(context: Context, lines: Iterable[LineClock]) -> Iterator[LineDuty]:
    lead_days = context.policy.promise_clock.lead_days
    yield from (duty for line in lines if (duty := line_duty(line, context.as_of, lead_days)) is not None)


def _warn(
    context: Context, page: ClockPage, duty: LineDuty, known: dict[tuple[str, str, str, date | None], int | None]
) -> LineDuty:
    """Return a duty with the distance of its warning, and add it to the page's warnings where it is a new one."""
    level = warning_level(duty, context.policy.promise_clock.warn_days, context.as_of)
    before = known.get((duty.order, duty.line, duty.duty, duty.deadline))
    warned = level if before is None else before if level is None else min(before, level)
    duty = replace(duty, warned=warned)
    if warned != before:
        page.warnings.append(duty)
    return duty


def _row(
    context: Context, order: str, version: int, lines: Sequence[LineClock], duties: Sequence[LineDuty]
) -> dict[str, object]:
    deadlines = [duty.deadline for duty in duties if duty.deadline is not None]
    return {
        "order_id": order,
        "check_on": next_check(lines, context.policy.promise_clock.warn_days, context.as_of),
        "watch_version": version,
        "deadline": min(deadlines, default=None),
        "lines": [duty.as_data() for duty in duties],
        "policy": clock_digest(context.policy),
        "checked_at": context.started_at,
    }


def _load_watches(connection: Connection, orders: Collection[str]) -> dict[str, tuple[int, bool]]:
    """Return by order the version of its watch, and whether it is late."""
    late = func.coalesce(WATCHES.c.bucket, ON_TIME).not_in((ON_TIME, *NOT_OPEN))
    query = select(WATCHES.c.order_id, WATCHES.c.version, late.label("late"))
    rows = connection.execute(query.where(in_list(connection, WATCHES.c.order_id, orders)))
    return {row.order_id: (row.version, bool(row.late)) for row in rows}


def _load_duties(
    connection: Connection, orders: Collection[str]
) -> dict[tuple[str, str, str, date | None], int | None]:
    query = select(CLOCK_WATCHES.c.lines).where(in_list(connection, CLOCK_WATCHES.c.order_id, orders))
    duties = [LineDuty.from_data(line) for lines in connection.execute(query).scalars() for line in lines]
    return {(duty.order, duty.line, duty.duty, duty.deadline): duty.warned for duty in duties}


def _record_missed(context: Context, connection: Connection, clocks: Sequence[LineClock]) -> list[Missed]:
    """Record the deadlines that lines have missed, each once; return the new ones."""
    found = [
        Missed(*clock.key, missed.sentence)
        for clock in clocks
        for missed in missed_deadlines(clock.facts, clock.rules, context.as_of, public_holidays(clock.rules.holidays))
    ]
    subjects = {f"{one.order}/{one.line}" for one in found}
    query = select(EVENTS.c.subject, EVENTS.c.why).where(
        EVENTS.c.kind == MISSED, in_list(connection, EVENTS.c.subject, subjects)
    )
    recorded = {tuple(row) for row in connection.execute(query)} if subjects else set()
    new = [one for one in found if (f"{one.order}/{one.line}", one.what) not in recorded]
    events = [(MISSED, f"{one.order}/{one.line}", one.what) for one in new]
    record_events(connection, events, context.started_at, PROMISE_CLOCK)
    return new
