"""Divide the orders into shards of equal size, each of which one run evaluates."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import Column, ColumnElement, Integer, case, false, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

MAX_SHARDS = 64
"""Shards that one run may have at most."""


def shard_slot(order: str) -> int:
    """Return the slot of an order id, 0 to 65,535: always the same for an id, and spread evenly over all ids."""
    return int.from_bytes(sha256(order.encode()).digest()[:2])


class _ShardSlot(FunctionElement[int]):
    """`shard_slot` in SQL: PostgreSQL computes it; on SQLite it calls the Python function (see tasks/db/engine.py)."""

    name = "shard_slot"
    type = Integer()
    inherit_cache = True


@compiles(_ShardSlot, "postgresql")
def _on_postgresql(element: _ShardSlot, compiler: Any, **options: Any) -> str:
    digest = f"sha256(convert_to({compiler.process(element.clauses, **options)}, 'UTF8'))"
    return f"(get_byte({digest}, 0) * 256 + get_byte({digest}, 1))"


@compiles(_ShardSlot, "sqlite")
def _on_sqlite(element: _ShardSlot, compiler: Any, **options: Any) -> str:
    return f"shard_slot({compiler.process(element.clauses, **options)})"


@dataclass(frozen=True, slots=True)
class Shard:
    """Shard `number`, from 1, of the `of` shards that all orders are divided into."""

    number: int = 1
    of: int = 1

    def contains(self, order: Column[Any]) -> ColumnElement[bool]:
        """Return the SQL condition that an order belongs to this shard; `order` is the column of its id."""
        if self.of == 1:
            return true()
        is_in_shard = _ShardSlot(order) % self.of == self.number - 1
        # PostgreSQL expects a bare equality to match few rows, and would read and sort every due order for each page.
        return case((is_in_shard, true()), else_=false())

    def share_of_limit(self, limit: int | None) -> int | None:
        """Return this shard's share of a limit, None for no limit; the shares of all shards add up to it."""
        return None if limit is None else (limit + self.of - self.number) // self.of

    def __str__(self) -> str:
        """Return "shard 1 of 4"."""
        return f"shard {self.number} of {self.of}"


ALL = Shard()
"""The one shard of a run that is not divided."""
