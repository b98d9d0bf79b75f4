"""Keys of the JSON API that admins make on the desk, beside those of FOREWARN_API_KEYS."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, exists, insert, select, update

from tasks.db.sql import read_only
from tasks.staff.sessions import hashed
from tasks.tables import STAFF_KEYS


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without the key itself, of which the ledger has only the hash."""

    id: str
    name: str
    created_at: datetime
    created_by: str
    revoked_at: datetime | None
    revoked_by: str | None


def make_key(connection: Connection, name: str, key: str, now: datetime, by: str) -> str:
    """Keep the hash of a key; return the id under which it is listed."""
    key_id = secrets.token_hex(6)
    row = {"id": key_id, "name": name, "key_hash": hashed(key), "created_at": now, "created_by": by}
    connection.execute(insert(STAFF_KEYS).values(row))
    return key_id


def list_keys(connection: Connection) -> list[ApiKey]:
    """Return the keys, those in use first, and the newest of them."""
    columns = [STAFF_KEYS.c[name] for name in ApiKey.__slots__]
    query = select(*columns).order_by(STAFF_KEYS.c.revoked_at.is_not(None), STAFF_KEYS.c.created_at.desc())
    return [ApiKey(**row._asdict()) for row in connection.execute(query)]


def load_key(connection: Connection, key_id: str) -> ApiKey | None:
    """Return a key by its id."""
    return next((key for key in list_keys(connection) if key.id == key_id), None)


def revoke_key(connection: Connection, key_id: str, now: datetime, by: str) -> bool:
    """Revoke a key: it opens nothing from now on. Return whether it was in use."""
    which = (STAFF_KEYS.c.id == key_id) & STAFF_KEYS.c.revoked_at.is_(None)
    return connection.execute(update(STAFF_KEYS).where(which).values(revoked_at=now, revoked_by=by)).rowcount == 1


def has_keys(engine: Engine) -> bool:
    """Return whether any key that was made on the desk is in use."""
    with read_only(engine) as connection:
        return bool(connection.execute(select(exists().where(STAFF_KEYS.c.revoked_at.is_(None)))).scalar())


def is_key(engine: Engine, key: str) -> bool:
    """Return whether a text is a key that was made on the desk and is in use."""
    which = (STAFF_KEYS.c.key_hash == hashed(key)) & STAFF_KEYS.c.revoked_at.is_(None)
    with read_only(engine) as connection:
        return bool(connection.execute(select(exists().where(which))).scalar())
