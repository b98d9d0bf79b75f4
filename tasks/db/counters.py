"""Numbers kept beside the rows they count, moved in their transaction."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from tasks.db.sql import insert, upsert
from tasks.tables import COUNTERS

ORDERS_IN = "orders:"


def add_to_counters(connection: Connection, changes: Mapping[str, int]) -> None:
    """Add to tallies; a name that is new begins at nought."""
    rows = [{"name": name, "value": n} for name, n in sorted(changes.items()) if n]
    if rows:
        _increment(connection, rows)


def increment(connection: Connection, name: str, n: int) -> None:
    """Add to one tally, which is there from then on, even at nought."""
    _increment(connection, [{"name": name, "value": n}])


def _increment(connection: Connection, rows: list[dict[str, Any]]) -> None:
    upsert(connection, COUNTERS, rows, value=COUNTERS.c.value + insert(connection, COUNTERS).excluded.value)


def set_counter(connection: Connection, name: str, n: int) -> None:
    """Set one tally, whatever it was."""
    upsert(connection, COUNTERS, [{"name": name, "value": n}])


def try_increment(connection: Connection, name: str, n: int, most: int) -> bool:
    """Add to a tally unless that takes it above `most`; say whether it was added."""
    if n > most:
        return False
    new = insert(connection, COUNTERS).values(name=name, value=n)
    taken = new.on_conflict_do_update(
        index_elements=["name"],
        set_={"value": COUNTERS.c.value + new.excluded.value},
        where=COUNTERS.c.value + new.excluded.value <= most,
    ).returning(COUNTERS.c.value)
    return connection.execute(taken).first() is not None


def get_counter(connection: Connection, name: str) -> int:
    """Return one number; nought where it was never moved."""
    return connection.execute(select(COUNTERS.c.value).where(COUNTERS.c.name == name)).scalar() or 0


def count_orders_by_bucket(connection: Connection) -> Counter[str]:
    """Return how many watched orders stand in each bucket, `on_time` among them."""
    found = select(COUNTERS.c.name, COUNTERS.c.value).where(COUNTERS.c.name.startswith(ORDERS_IN, autoescape=True))
    return Counter({name.removeprefix(ORDERS_IN): n for name, n in connection.execute(found) if n})
