"""Named counters in the `counter` table, changed in the transaction of the rows they count."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from tasks.db.sql import insert, upsert
from tasks.tables import COUNTERS

ORDERS_IN = "orders:"
"""Begins the names of the counters of open orders by bucket: `orders:week`."""
SUPERVISED = "guardrails:supervised"
"""Counter: 1 while a person releases every run's notices."""


def add_to_counters(connection: Connection, changes: Mapping[str, int]) -> None:
    """Add to counters by name; a new counter begins at 0."""
    rows = [{"name": name, "value": n} for name, n in sorted(changes.items()) if n]
    if rows:
        _increment(connection, rows)


def increment(connection: Connection, name: str, n: int) -> None:
    """Add to one counter, and create it even where `n` is 0."""
    _increment(connection, [{"name": name, "value": n}])


def _increment(connection: Connection, rows: list[dict[str, Any]]) -> None:
    upsert(connection, COUNTERS, rows, value=COUNTERS.c.value + insert(connection, COUNTERS).excluded.value)


def set_counter(connection: Connection, name: str, n: int) -> None:
    """Set one counter."""
    upsert(connection, COUNTERS, [{"name": name, "value": n}])


def try_increment(connection: Connection, name: str, n: int, maximum: int) -> bool:
    """Add to a counter unless it would exceed `maximum`. Return whether it was added."""
    if n > maximum:
        return False
    new = insert(connection, COUNTERS).values(name=name, value=n)
    added = new.on_conflict_do_update(
        index_elements=["name"],
        set_={"value": COUNTERS.c.value + new.excluded.value},
        where=COUNTERS.c.value + new.excluded.value <= maximum,
    ).returning(COUNTERS.c.value)
    return connection.execute(added).first() is not None


def get_counter(connection: Connection, name: str) -> int:
    """Return one counter; 0 where it does not exist."""
    return connection.execute(select(COUNTERS.c.value).where(COUNTERS.c.name == name)).scalar() or 0


def is_supervised(connection: Connection) -> bool:
    """Return whether a person releases every run's notices."""
    return get_counter(connection, SUPERVISED) == 1


def count_orders_by_bucket(connection: Connection) -> Counter[str]:
    """Return how many open orders are in each bucket, `on_time` among them."""
    counters = select(COUNTERS.c.name, COUNTERS.c.value).where(COUNTERS.c.name.startswith(ORDERS_IN, autoescape=True))
    return Counter({name.removeprefix(ORDERS_IN): n for name, n in connection.execute(counters) if n})
