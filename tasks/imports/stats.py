"""What an import reports."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(slots=True)
class ImportStats:
    """Counts of the rows of one table."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    removed: int = 0
    """Stock, deliveries, parcels, lines or orders that ended because the source no longer has them."""
    superseded: int = 0
    """Rows of older files that a row of a newer file replaces."""
    duplicates: int = 0
    """Rows with the same values as another row of their key."""
    missing: int = 0
    """Open orders that the source does not have and that stay open."""


class ImportResult(dict[str, ImportStats]):
    """The counts of an import by table."""

    missing: Sequence[str] = ()
    """Ids of the first few open orders that the source does not have and that stay open."""
