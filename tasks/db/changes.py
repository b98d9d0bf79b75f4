"""What differs between the rows that a table has and the rows that it should have."""

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Table, and_, bindparam, delete

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Changes(Generic[K, V]):
    """Rows by key, so that only what differs is written."""

    added: dict[K, V]
    changed: dict[K, V]
    """The new values of stored rows that differ."""
    removed: list[K]

    @property
    def to_write(self) -> dict[K, V]:
        """Return the rows to insert or update."""
        return self.added | self.changed

    def __len__(self) -> int:
        return len(self.added) + len(self.changed) + len(self.removed)


def compare(before: Mapping[K, V], after: Mapping[K, V]) -> Changes[K, V]:
    """Return what turns the rows `before` into those `after`, each part in the order of its mapping."""
    return Changes(
        added={key: row for key, row in after.items() if key not in before},
        changed={key: row for key, row in after.items() if key in before and before[key] != row},
        removed=[key for key in before if key not in after],
    )


def delete_rows(connection: Connection, table: Table, keys: Collection[tuple[Any, ...]]) -> None:
    """Delete rows by their primary keys, whose values are in the order of the table's key columns."""
    if keys:
        names = {column: f"key_{column.name}" for column in table.primary_key}
        which = and_(*(column == bindparam(name) for column, name in names.items()))
        connection.execute(delete(table).where(which), [dict(zip(names.values(), key, strict=True)) for key in keys])
