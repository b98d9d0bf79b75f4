"""Lock sign-ins after too many wrong passwords, of an account or from an address, across processes."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, func, insert, select

from tasks.db.sql import AdvisoryLock, lock
from tasks.tables import STAFF_TRIES

WINDOW = timedelta(minutes=15)
KEPT = timedelta(days=1)
OF_BOTH, OF_ACCOUNT, OF_ADDRESS = 5, 20, 40
"""Wrong passwords within WINDOW: of an account from one address, of an account, and from one address."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A try that was counted before its password was checked, or why none is left."""

    ids: tuple[int, ...]
    free_at: datetime | None
    """None: the try is allowed."""


def count_try(engine: Engine, mail: str, address: str, now: datetime) -> Tried:
    """Count a sign-in as failed before its password is checked, so that many at once are counted too."""
    with engine.begin() as connection:
        lock(connection, AdvisoryLock.SIGN_IN)
        connection.execute(delete(STAFF_TRIES).where(STAFF_TRIES.c.at < now - KEPT))
        for of, most in _limits(mail, address).items():
            which = (STAFF_TRIES.c.of == of) & (STAFF_TRIES.c.at > now - WINDOW)
            count, first = connection.execute(select(func.count(), func.min(STAFF_TRIES.c.at)).where(which)).one()
            if count >= most:
                return Tried((), first + WINDOW)
        new = insert(STAFF_TRIES).returning(STAFF_TRIES.c.id)
        ids = [connection.execute(new, {"of": of, "at": now}).scalar_one() for of in _limits(mail, address)]
    return Tried(tuple(ids), None)


def forget_tries(engine: Engine, mail: str, address: str, tried: Tried) -> None:
    """Forget a try whose password was right, and those before it of this account from this address."""
    both = next(iter(_limits(mail, address)))
    with engine.begin() as connection:
        connection.execute(delete(STAFF_TRIES).where(STAFF_TRIES.c.id.in_(tried.ids) | (STAFF_TRIES.c.of == both)))


def _limits(mail: str, address: str) -> Mapping[str, int]:
    account = mail.strip().lower()
    return {
        _hash("both", account, address): OF_BOTH,
        _hash("account", account): OF_ACCOUNT,
        _hash("address", address): OF_ADDRESS,
    }


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
