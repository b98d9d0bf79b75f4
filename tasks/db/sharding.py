"""Cut the orders into equal parts that several runs may look at, each at its own."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import Column, ColumnElement, Integer, case, false, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

MAX_SHARDS = 64
"""Shards that one run may be cut into."""


def shard_slot(order: str) -> int:
    """Return where an order stands among 65,536 places: always the same, and spread evenly whatever its number."""
    return int.from_bytes(sha256(order.encode()).digest()[:2])


class _ShardSlot(FunctionElement[int]):
    """`shard_slot` in SQL: PostgreSQL computes it; on SQLite it calls the Python function (see tasks/db/engine.py)."""

    name = "shard_slot"
    type = Integer()
    inherit_cache = True


@compiles(_ShardSlot, "postgresql")
def _on_postgresql(element: _ShardSlot, compiler: Any, **how: Any) -> str:
    hashed = f"sha256(convert_to({compiler.process(element.clauses, **how)}, 'UTF8'))"
    return f"(get_byte({hashed}, 0) * 256 + get_byte({hashed}, 1))"


@compiles(_ShardSlot, "sqlite")
def _on_sqlite(element: _ShardSlot, compiler: Any, **how: Any) -> str:
    return f"shard_slot({compiler.process(element.clauses, **how)})"


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several parts of all orders, counted from 1."""

    number: int = 1
    of: int = 1

    def holds(self, order: Column[Any]) -> ColumnElement[bool]:
        """Return the SQL of an order that belongs to this part."""
        if self.of == 1:
            return true()
        mine = _ShardSlot(order) % self.of == self.number - 1
        # PostgreSQL takes a bare equality for a rare thing, and would read and sort all that is due for every page.
        return case((mine, true()), else_=false())

    def of_limit(self, limit: int | None) -> int | None:
        """Return this part of a limit: the parts of all shards add up to it."""
        return None if limit is None else (limit + self.of - self.number) // self.of

    def __str__(self) -> str:
        """Say which part it is."""
        return f"shard {self.number} of {self.of}"


ALL = Shard()
