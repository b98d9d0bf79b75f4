"""Find the orders of which the promise clock may stand elsewhere than at its last run."""

from datetime import date, datetime

from sqlalchemy import Connection, or_, select

from models.policy.policy import NOT_OPEN, ON_TIME
from tasks.promise_clock.staff_records import RECORDED
from tasks.tables import CLOCK_WATCHES, EVENTS, NOTICES, OUTBOX, WATCHES

CHOSEN = ("chosen", "choice_done", "choice_refused", "choice_replaced", "choice_undone")
"""The kinds of the events of a choice; their subject is its id, as 1041-C1."""


def find_candidates(connection: Connection, as_of: date, since: datetime | None, policy: str) -> list[str]:
    """Return the orders to look at, by id: what is late, has changed, or has reached its day.

    `since`: when the last run began; None: there was none. `policy`: the digest of the clock's numbers.
    """
    found = {*_due(connection, as_of, policy), *_changed_late(connection)}
    if since is not None:
        found |= {*_told(connection, since), *_answered(connection, since)}
    return sorted(found)


def _due(connection: Connection, as_of: date, policy: str) -> list[str]:
    due = or_(CLOCK_WATCHES.c.check_on <= as_of, CLOCK_WATCHES.c.policy != policy)
    return list(connection.execute(select(CLOCK_WATCHES.c.order_id).where(due)).scalars())


def _changed_late(connection: Connection) -> list[str]:
    """Return the late orders that the clock does not know as they are."""
    known = WATCHES.outerjoin(CLOCK_WATCHES, CLOCK_WATCHES.c.order_id == WATCHES.c.order_id)
    changed = or_(CLOCK_WATCHES.c.order_id.is_(None), CLOCK_WATCHES.c.watch_version != WATCHES.c.version)
    late = WATCHES.c.bucket.not_in((ON_TIME, *NOT_OPEN))
    watched = or_(late, CLOCK_WATCHES.c.order_id.is_not(None))
    return list(connection.execute(select(WATCHES.c.order_id).select_from(known).where(watched, changed)).scalars())


def _told(connection: Connection, since: datetime) -> list[str]:
    query = select(NOTICES.c.order_id).join(OUTBOX, OUTBOX.c.id == NOTICES.c.id).where(OUTBOX.c.settled_at >= since)
    return list(connection.execute(query.distinct()).scalars())


def _answered(connection: Connection, since: datetime) -> list[str]:
    query = select(EVENTS.c.kind, EVENTS.c.subject).where(EVENTS.c.at >= since, EVENTS.c.kind.in_((*CHOSEN, *RECORDED)))
    return [subject.rpartition("/" if kind in RECORDED else "-C")[0] for kind, subject in connection.execute(query)]
