"""Find the rows of a source that are as they were when they were last written, before they are validated.

A fact's row has the digest of the source's row that it was written from. A trigger of the database clears it when
anything else changes the fact: the end of a line that the source no longer has, or a person.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from sqlalchemy import Connection, or_, select

from sources.contract import REFERENCES
from sources.deduplicate import RowKey
from sources.rows import AcceptedRow, RejectedRow, Row, UnchangedRow, Validator
from tasks.db.sql import in_list
from tasks.imports.digests import Digest
from tasks.imports.endings import CANCELLED_REASONS
from tasks.imports.fact_rows import TABLES
from tasks.imports.session import ImportDay
from tasks.tables import CUSTOMERS, ORDER_LINES, PRODUCTS

ReadRow = AcceptedRow | RejectedRow | UnchangedRow


def validate_changed_rows(
    connection: Connection,
    table: str,
    page: Sequence[Row | RejectedRow],
    digest_of: Callable[[Row], Digest],
    validate: Validator,
    day: ImportDay,
) -> Iterator[ReadRow]:
    """Yield each row of a page: unchanged since it was written, or else accepted or rejected."""
    digests = [digest_of(row) if isinstance(row, Row) else None for row in page]
    stored = _stored_digests(connection, table, {digest.key for digest in digests if digest}, day)
    for row, digest in zip(page, digests, strict=True):
        if isinstance(row, RejectedRow) or digest is None:
            yield row  # type: ignore[misc]
        elif stored.get(digest.key) == digest.value:
            yield UnchangedRow(digest.key, row)
        else:
            read = validate(row)
            yield read._replace(digest=digest.value) if isinstance(read, AcceptedRow) else read


def _stored_digests(connection: Connection, table: str, keys: set[RowKey], day: ImportDay) -> Mapping[RowKey, int]:
    """Return the digests of those rows that an import would leave as they are if they have not changed."""
    target = TABLES[table]
    key_columns = list(target.primary_key)
    listed, query = key_columns[0], select(*key_columns, target.c.source_digest)
    for (referencing, column), referenced in REFERENCES.items():
        if referencing == table:
            ids = TABLES[referenced].c.id
            query = query.join(TABLES[referenced], ids == target.c[column])
            # PostgreSQL may begin with the referenced table: then the list must be of its ids.
            listed = ids if column == listed.name else listed
    query = query.where(in_list(connection, listed, {key[0] for key in keys}), target.c.source_digest.is_not(None))
    if target is CUSTOMERS:
        # Their addresses depend on the shop's country, too.
        query = query.where(CUSTOMERS.c.opted_out.is_(False))
    if target is ORDER_LINES:
        query = query.where(ORDER_LINES.c.virtual == PRODUCTS.c.virtual)
    if "ended" in target.c:
        # An import for an earlier day moves a cancellation without a date to that day.
        query = query.where(
            or_(
                target.c.ended.is_(None),
                target.c.ended.not_in(CANCELLED_REASONS),
                target.c.cancelled_at <= day.start,
            )
        )
    return {tuple(key): digest for *key, digest in connection.execute(query)} if keys else {}
