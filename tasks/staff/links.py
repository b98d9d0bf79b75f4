"""Links with which a person sets a password, once: of an invitation, and of a reset."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from tasks.staff.accounts import Account, load_account, set_password
from tasks.staff.sessions import end_sessions, hashed
from tasks.tables import STAFF_LINKS

LASTS = timedelta(days=3)


def new_token() -> str:
    """Return a token that nobody can guess."""
    return secrets.token_urlsafe(32)


def make_link(connection: Connection, person_id: str, token: str, now: datetime) -> datetime:
    """Keep the hash of a link's token, in place of the person's earlier links; return when it ends."""
    drop_links(connection, person_id)
    ends_at = now + LASTS
    row = {"token_hash": hashed(token), "person_id": person_id, "created_at": now, "ends_at": ends_at}
    connection.execute(insert(STAFF_LINKS).values(row))
    return ends_at


def drop_links(connection: Connection, person_id: str) -> None:
    """Have a person's links open nothing any more."""
    connection.execute(delete(STAFF_LINKS).where(STAFF_LINKS.c.person_id == person_id))


def open_link(connection: Connection, token: str, now: datetime) -> Account | None:
    """Return whose password a link sets; None for one that is unknown, used or over."""
    which = (
        (STAFF_LINKS.c.token_hash == hashed(token)) & STAFF_LINKS.c.used_at.is_(None) & (STAFF_LINKS.c.ends_at > now)
    )
    person_id = connection.execute(select(STAFF_LINKS.c.person_id).where(which)).scalar()
    return None if person_id is None else load_account(connection, person_id)


def used_link(connection: Connection, token: str) -> Account | None:
    """Return whose password was set by a link; None for one that is unknown or was not used."""
    which = (STAFF_LINKS.c.token_hash == hashed(token)) & STAFF_LINKS.c.used_at.is_not(None)
    person_id = connection.execute(select(STAFF_LINKS.c.person_id).where(which)).scalar()
    return None if person_id is None else load_account(connection, person_id)


def use_link(connection: Connection, token: str, password_hash: str, now: datetime) -> Account | None:
    """Set the password of a link's person, and end their sessions; None where the link opens nothing any more."""
    account = open_link(connection, token, now)
    if account is None:
        return None
    unused = (STAFF_LINKS.c.token_hash == hashed(token)) & STAFF_LINKS.c.used_at.is_(None)
    if connection.execute(update(STAFF_LINKS).where(unused).values(used_at=now)).rowcount != 1:
        return None
    set_password(connection, account.person.id, password_hash)
    end_sessions(connection, account.person.id)
    return account
