"""Records that came back from a backup: what may have left since is asked about before anything is sent.

The ids of messages are computed from the order, so a message that was lost with the newer records gets the same id
when it is decided again, and the provider's own records tell whether it left.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, and_, delete, select, update

from models.enums import State
from tasks.context import Context
from tasks.db.counters import SUPERVISED, get_counter, set_counter
from tasks.db.events import record_events
from tasks.db.restored import RESTORED, put_in_doubt
from tasks.db.sql import AdvisoryLock, lock
from tasks.runs.records import HELD
from tasks.tables import OUTBOX, RUNS, STAFF_LINKS, STAFF_SESSIONS

BACKED_UP = "backed_up_at"
"""Counter: when the last backup was taken, in seconds since 1970; the backup has it, too."""


@dataclass(frozen=True, slots=True)
class RestoredSummary:
    """What was made safe after a restore."""

    taken_at: datetime
    in_doubt: int
    """Messages that were waiting when the backup was taken, and may have left since."""
    unreachable: int
    """Messages that had failed, and whose second way may have been tried since: a person looks."""
    held_runs: tuple[str, ...]
    """Runs that were held when the backup was taken: drop those that were released since."""


def backed_up_at(connection: Connection) -> datetime | None:
    """Return when the backup was taken that these records come from; None where that is not known."""
    seconds = get_counter(connection, BACKED_UP)
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def mark_backup(connection: Connection, now: datetime) -> None:
    """Write down, before a backup is taken, when that is."""
    set_counter(connection, BACKED_UP, int(now.timestamp()))


def begin_restored(context: Context, taken_at: datetime, who: str) -> RestoredSummary:
    """Make restored records safe: ask about what waited, hold every new run, and ask before it leaves."""
    now = context.started_at
    with context.engine.begin() as connection:
        lock(connection, AdvisoryLock.GUARDRAILS)
        set_counter(connection, RESTORED, int(taken_at.timestamp()))
        set_counter(connection, SUPERVISED, 1)
        waited = and_(OUTBOX.c.state.in_((State.QUEUED, State.SENDING)), OUTBOX.c.settled_at.is_(None))
        doubted = put_in_doubt(connection, waited, taken_at, now, who)
        failed = update(OUTBOX).where(OUTBOX.c.awaits_fallback.is_(True)).values(awaits_fallback=False)
        unreachable = connection.execute(failed).rowcount
        # Whoever was signed out or removed since, and links that were used since, would be back.
        for table in (STAFF_SESSIONS, STAFF_LINKS):
            connection.execute(delete(table))
        held = select(RUNS.c.id).where(RUNS.c.state == HELD).order_by(RUNS.c.number)
        runs = tuple(connection.execute(held).scalars())
        record_events(connection, [("restored", RESTORED, f"{taken_at:%Y-%m-%d %H:%M} UTC")], now, who)
    return RestoredSummary(taken_at, len(doubted), unreachable, runs)


def end_restored(connection: Connection, now: datetime, who: str) -> None:
    """Say that nothing of the time after the backup is open any more: released runs leave without asking again."""
    set_counter(connection, RESTORED, 0)
    record_events(connection, [("restored_over", RESTORED, "")], now, who)
