"""Copy a ledger from SQLite's file into an empty database of PostgreSQL, table by table."""

from sqlalchemy import Connection, Engine, insert, select, text
from sqlmodel import SQLModel

from tasks.db.engine import connect
from tasks.db.migrations import migrate

ROWS_AT_ONCE = 10_000


def copy_ledger(source: Engine, url: str) -> None:
    """Fill an empty database with all rows of another ledger, and let its numbers go on after them."""
    target = connect(url)
    migrate(target)
    with source.connect() as reading, target.begin() as writing:
        # A migration writes rows as well, and the audit log is kept from being changed.
        writing.execute(text("SET LOCAL session_replication_role = replica"))
        for table in SQLModel.metadata.sorted_tables:
            writing.execute(table.delete())
            rows = reading.execution_options(yield_per=ROWS_AT_ONCE).execute(select(table))
            for page in rows.mappings().partitions():
                writing.execute(insert(table), [dict(row) for row in page])
            for column in table.primary_key:
                _go_on(writing, table.name, column.name)
    target.dispose()


def _go_on(writing: Connection, table: str, column: str) -> None:
    names = {"of_table": f'"{table}"', "of_column": column}
    sequence = writing.execute(text("SELECT pg_get_serial_sequence(:of_table, :of_column)"), names).scalar()
    if sequence:
        greatest = f'(SELECT coalesce(max("{column}"), 0) + 1 FROM "{table}")'  # noqa: S608 - names of ours
        writing.execute(text(f"SELECT setval(:sequence, {greatest}, false)"), {"sequence": sequence})
