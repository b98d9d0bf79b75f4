"""Delete records that are older than the policy keeps them, a small batch in each transaction.

Safe to repeat, and to kill at any moment: a batch looks again whether its records may still go.
"""

from collections.abc import Iterator

from sqlalchemy import func, select

from models.batches import Progress, batched, no_progress
from rules.retention import CutoffDays
from tasks.context import Context
from tasks.db.sql import find_rows_by_keys, in_list, read_only
from tasks.retention.records import PRUNABLE, Prunable

BATCH_ROWS = 500
FOUND_ROWS = 20_000
"""Records looked for at once: a query that stays open would keep SQLite's log and PostgreSQL's old rows from going."""


def count_prunable(context: Context, cutoffs: CutoffDays) -> dict[str, int]:
    """Return how many records of each kind may be deleted; delete none."""
    with read_only(context.engine) as connection:
        queries = {
            kind.name: select(func.count()).select_from(kind.find(context, cutoffs).subquery()) for kind in PRUNABLE
        }
        return {name: connection.execute(query).scalar_one() for name, query in queries.items()}


def prune_records(context: Context, cutoffs: CutoffDays, kind: Prunable, progress: Progress = no_progress) -> int:
    """Delete the records of one kind that may go; return how many."""
    deleted = 0
    for batch in _find_batches(context, cutoffs, kind):
        with context.engine.begin() as connection:
            find_rows_by_keys(connection)
            still = kind.find(context, cutoffs).where(in_list(connection, kind.key, batch))
            keys = list(connection.execute(still).scalars())
            if keys:
                kind.prune(connection, keys)
        deleted += len(keys)
        progress(kind.name.replace("_", " "), deleted)
    return deleted


def _find_batches(context: Context, cutoffs: CutoffDays, kind: Prunable) -> Iterator[list[object]]:
    while True:
        with read_only(context.engine) as connection:
            found = list(connection.execute(kind.find(context, cutoffs).limit(FOUND_ROWS)).scalars())
        yield from batched(found, BATCH_ROWS)
        if len(found) < FOUND_ROWS:
            return
