"""Numbers kept beside the rows they count, moved in their transaction."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from tasks.db.sql import insert, upsert
from tasks.tables import TALLIES

ORDERS_IN = "orders:"


def move(connection: Connection, changes: Mapping[str, int]) -> None:
    """Add to tallies; a name that is new begins at nought."""
    rows = [{"name": name, "n": n} for name, n in sorted(changes.items()) if n]
    if rows:
        _add(connection, rows)


def add(connection: Connection, name: str, n: int) -> None:
    """Add to one tally, which is there from then on, even at nought."""
    _add(connection, [{"name": name, "n": n}])


def _add(connection: Connection, rows: list[dict[str, Any]]) -> None:
    upsert(connection, TALLIES, rows, n=TALLIES.c.n + insert(connection, TALLIES).excluded.n)


def put(connection: Connection, name: str, n: int) -> None:
    """Set one tally, whatever it was."""
    upsert(connection, TALLIES, [{"name": name, "n": n}])


def reserve(connection: Connection, name: str, n: int, most: int) -> bool:
    """Add to a tally unless that takes it above `most`; say whether it was added."""
    if n > most:
        return False
    new = insert(connection, TALLIES).values(name=name, n=n)
    taken = new.on_conflict_do_update(
        index_elements=["name"], set_={"n": TALLIES.c.n + new.excluded.n}, where=TALLIES.c.n + new.excluded.n <= most
    ).returning(TALLIES.c.n)
    return connection.execute(taken).first() is not None


def tally(connection: Connection, name: str) -> int:
    """Return one number; nought where it was never moved."""
    return connection.execute(select(TALLIES.c.n).where(TALLIES.c.name == name)).scalar() or 0


def orders_by_bucket(connection: Connection) -> Counter[str]:
    """Return how many watched orders stand in each bucket, `on_time` among them."""
    found = select(TALLIES.c.name, TALLIES.c.n).where(TALLIES.c.name.startswith(ORDERS_IN, autoescape=True))
    return Counter({name.removeprefix(ORDERS_IN): n for name, n in connection.execute(found) if n})
