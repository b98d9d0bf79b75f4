"""Sessions of the desk: their tokens are in browsers, and their hashes in the ledger."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, insert, select, update

from models.staff import Person
from tasks.db.sql import read_only
from tasks.staff.accounts import person_of
from tasks.tables import STAFF_PERSONS, STAFF_SESSIONS

IDLE, LONGEST = timedelta(hours=12), timedelta(days=14)
SESSION_COLUMNS = ("started_at", "seen_at", "ends_at", "browser", "token_hash")
TOUCHED_EVERY = timedelta(minutes=5)
"""How exact `seen_at` is: a write for every page would cost more than it tells."""


@dataclass(frozen=True, slots=True)
class Session:
    """A browser in which a person is signed in."""

    id: str
    """The hash of its token."""
    person: Person
    started_at: datetime
    seen_at: datetime
    ends_at: datetime
    browser: str


def hashed(token: str) -> str:
    """Return what the ledger has of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def start_session(connection: Connection, person_id: str, browser: str, now: datetime) -> str:
    """Start a session, and return its token."""
    token = secrets.token_urlsafe(32)
    row = {
        "token_hash": hashed(token),
        "person_id": person_id,
        "started_at": now,
        "seen_at": now,
        "ends_at": now + LONGEST,
        "browser": browser,
    }
    connection.execute(insert(STAFF_SESSIONS).values(row))
    connection.execute(update(STAFF_PERSONS).where(STAFF_PERSONS.c.id == person_id).values(seen_at=now))
    connection.execute(delete(STAFF_SESSIONS).where(STAFF_SESSIONS.c.seen_at < now - LONGEST))
    return token


def open_session(engine: Engine, token: str, now: datetime) -> Session | None:
    """Return the session of a token; None for one that is unknown, ended, or of a removed person."""
    joined = STAFF_SESSIONS.join(STAFF_PERSONS, STAFF_PERSONS.c.id == STAFF_SESSIONS.c.person_id)
    own = [STAFF_SESSIONS.c[name].label(f"session_{name}") for name in SESSION_COLUMNS]
    which = (STAFF_SESSIONS.c.token_hash == hashed(token)) & STAFF_PERSONS.c.removed_at.is_(None)
    with read_only(engine) as connection:
        row = connection.execute(select(STAFF_PERSONS, *own).select_from(joined).where(which)).first()
    if row is None or now >= row.session_ends_at or now >= row.session_seen_at + IDLE:
        return None
    if now - row.session_seen_at >= TOUCHED_EVERY:
        with engine.begin() as connection:
            mine = STAFF_SESSIONS.c.token_hash == row.session_token_hash
            connection.execute(update(STAFF_SESSIONS).where(mine).values(seen_at=now))
            connection.execute(update(STAFF_PERSONS).where(STAFF_PERSONS.c.id == row.id).values(seen_at=now))
    return _session(row)


def end_session(connection: Connection, token_hash: str) -> None:
    """End one session."""
    connection.execute(delete(STAFF_SESSIONS).where(STAFF_SESSIONS.c.token_hash == token_hash))


def end_sessions(connection: Connection, person_id: str, but: str = "") -> int:
    """End all sessions of a person, except one; return how many."""
    which = (STAFF_SESSIONS.c.person_id == person_id) & (STAFF_SESSIONS.c.token_hash != but)
    return connection.execute(delete(STAFF_SESSIONS).where(which)).rowcount


def list_sessions(connection: Connection, person_id: str, now: datetime) -> list[Session]:
    """Return a person's sessions that have not ended, the last used first."""
    joined = STAFF_SESSIONS.join(STAFF_PERSONS, STAFF_PERSONS.c.id == STAFF_SESSIONS.c.person_id)
    own = [STAFF_SESSIONS.c[name].label(f"session_{name}") for name in SESSION_COLUMNS]
    which = (
        (STAFF_SESSIONS.c.person_id == person_id)
        & (STAFF_SESSIONS.c.ends_at > now)
        & (STAFF_SESSIONS.c.seen_at > now - IDLE)
    )
    query = select(STAFF_PERSONS, *own).select_from(joined).where(which).order_by(STAFF_SESSIONS.c.seen_at.desc())
    return [_session(row) for row in connection.execute(query)]


def _session(row: Row[Any]) -> Session:
    return Session(
        row.session_token_hash,
        person_of(row),
        row.session_started_at,
        row.session_seen_at,
        row.session_ends_at,
        row.session_browser,
    )
