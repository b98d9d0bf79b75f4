"""Count messages by state without reading the whole outbox: those settled before a moment have counters.

`count_settled` counts them once a day. Until then the rest is counted as it stands: what is not settled yet, and what
was settled since. So sending changes no counter, and no two workers wait for one.

Whatever changes or deletes a message that is settled calls `uncount_settled` first, in the same transaction; where the
message stays settled, `recount_settled` follows.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, func, or_, select

from tasks.db.counters import add_to_counters, get_counter, increment, set_counter
from tasks.db.sql import AdvisoryLock, lock, read_only
from tasks.tables import COUNTERS, OUTBOX

MessageGroup = tuple[str, str, bool]
"""A channel, a state, and whether the message was sent in a trial."""
SETTLED = "settled:"
"""Begins the names of the counters: `settled:email:sent:live`, `settled:sms:sent:trial`."""
UNTIL = "settled_until"
"""Counter: the moment before which settled messages have counters, in microseconds since 1970; 0 where none have."""
CHANGES = "settled_changes"
"""Counter: how often settled messages were changed, so that counting notices a change under way."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MARGIN = timedelta(hours=6)
"""A run settles messages at the moment at which it began or later, and no run takes longer than this."""
ATTEMPTS = 3
_COLUMNS = (OUTBOX.c.channel, OUTBOX.c.state, OUTBOX.c.trial)


def count_messages(connection: Connection) -> Counter[MessageGroup]:
    """Return how many messages there are by channel, state and trial; `connection` reads one snapshot."""
    until = _load_until(connection)
    if until is None:
        return _count(connection)
    unsettled, since = _count(connection, OUTBOX.c.settled_at.is_(None)), _count(connection, _settled_since(until))
    return _load_counters(connection) + unsettled + since


def count_settled(engine: Engine, now: datetime) -> bool:
    """Count all messages that were settled up to MARGIN before `now`; return False where they kept changing.

    Counting only reads, and nobody waits for it; the result replaces the counters in a short transaction of its own.
    """
    until = now - MARGIN
    for _ in range(ATTEMPTS):
        with read_only(engine) as connection:
            changes = get_counter(connection, CHANGES)
            counts = _count(connection, _settled_before(until))
        with engine.begin() as connection:
            lock(connection, AdvisoryLock.COUNT_SETTLED)
            if get_counter(connection, CHANGES) == changes:
                _delete_counters(connection)
                add_to_counters(connection, {_name(group): n for group, n in counts.items()})
                set_counter(connection, UNTIL, (until - EPOCH) // timedelta(microseconds=1))
                return True
    return False


def uncount_settled(connection: Connection, which: ColumnElement[bool]) -> None:
    """Take the matching messages out of the counters, where they are in them. Call it before they are changed.

    Other changes of settled messages wait until this transaction ends.
    """
    _announce_change(connection)
    if (until := _load_until(connection)) is not None:
        counted = _count(connection, and_(which, _settled_before(until)))
        add_to_counters(connection, {_name(group): -n for group, n in counted.items()})


def recount_settled(connection: Connection, which: ColumnElement[bool]) -> None:
    """Count messages again that `uncount_settled` took out, after they were changed in the same transaction."""
    if (until := _load_until(connection)) is not None:
        counted = _count(connection, and_(which, _settled_before(until)))
        add_to_counters(connection, {_name(group): n for group, n in counted.items()})


def forget_settled_counts(connection: Connection) -> None:
    """Delete the counters; until messages are counted again, all of them are counted as they stand."""
    _announce_change(connection)
    _delete_counters(connection)


def is_counted(connection: Connection, moment: datetime) -> bool:
    """Return whether a message that is settled at this moment would belong in the counters."""
    until = _load_until(connection)
    return until is not None and moment < until


def _announce_change(connection: Connection) -> None:
    lock(connection, AdvisoryLock.COUNT_SETTLED)
    increment(connection, CHANGES, 1)


def _load_until(connection: Connection) -> datetime | None:
    microseconds = get_counter(connection, UNTIL)
    return EPOCH + timedelta(microseconds=microseconds) if microseconds else None


def _settled_before(moment: datetime) -> ColumnElement[bool]:
    return OUTBOX.c.settled_at < moment


def _settled_since(moment: datetime) -> ColumnElement[bool]:
    return OUTBOX.c.settled_at >= moment


def _count(connection: Connection, *which: ColumnElement[bool]) -> Counter[MessageGroup]:
    query = select(*_COLUMNS, func.count()).where(*which).group_by(*_COLUMNS)
    return Counter({(channel, state, trial): n for channel, state, trial, n in connection.execute(query)})


def _load_counters(connection: Connection) -> Counter[MessageGroup]:
    query = select(COUNTERS.c.name, COUNTERS.c.value).where(COUNTERS.c.name.startswith(SETTLED, autoescape=True))
    return Counter({_group(name): n for name, n in connection.execute(query)})


def _delete_counters(connection: Connection) -> None:
    own = or_(COUNTERS.c.name == UNTIL, COUNTERS.c.name.startswith(SETTLED, autoescape=True))
    connection.execute(delete(COUNTERS).where(own))


def _name(group: MessageGroup) -> str:
    channel, state, trial = group
    return f"{SETTLED}{channel}:{state}:{'trial' if trial else 'live'}"


def _group(name: str) -> MessageGroup:
    channel, state, trial = name.removeprefix(SETTLED).split(":")
    return channel, state, trial == "trial"
