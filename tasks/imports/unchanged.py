"""Find the rows of a source that are as they were when they were last written, before they are validated.

A fact's row has the digest of the source's row that it was written from. A trigger of the database clears it when
anything else changes the fact: the end of a line that the source no longer has, or a person.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import orjson
from sqlalchemy import Column, ColumnElement, Connection, Select, Text, any_, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from sources.contract import REFERENCES
from sources.deduplicate import RowKey
from sources.rows import AcceptedRow, RejectedRow, Row, UnchangedRow, Validator
from tasks.db.sql import is_sqlite
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
    digests_of: Callable[[Iterable[Row]], list[Digest]],
    validate: Validator,
    day: ImportDay,
) -> Iterator[ReadRow]:
    """Yield each row of a page: unchanged since it was written, or else accepted or rejected."""
    digests = digests_of(row for row in page if isinstance(row, Row))
    stored = _stored_digests(connection, table, {key for key, _ in digests}, day)
    remaining = iter(digests)
    for row in page:
        if isinstance(row, RejectedRow):
            yield row
            continue
        key, digest = next(remaining)
        if stored.get(key) == digest:
            yield UnchangedRow(key, row)
        else:
            read = validate(row)
            yield read._replace(digest=digest) if isinstance(read, AcceptedRow) else read


def _stored_digests(connection: Connection, table: str, keys: set[RowKey], day: ImportDay) -> Mapping[RowKey, int]:
    """Return the digests of those rows that an import would leave as they are if they have not changed."""
    if not keys:
        return {}
    listed, sqlite = list({key[0] for key in keys}), is_sqlite(connection)
    given = {"keys": orjson.dumps(listed).decode() if sqlite else listed, "day_start": day.start}
    return {row[:-1]: row[-1] for row in connection.execute(_find_digests(table, sqlite=sqlite), given).all()}


@cache
def _find_digests(table: str, *, sqlite: bool) -> Select[Any]:
    target = TABLES[table]
    key_columns = list(target.primary_key)
    listed, query = key_columns[0], select(*key_columns, target.c.source_digest)
    for (referencing, column), referenced in REFERENCES.items():
        if referencing == table:
            ids = TABLES[referenced].c.id
            query = query.join(TABLES[referenced], ids == target.c[column])
            # PostgreSQL may begin with the referenced table: then the list must be of its ids.
            listed = ids if column == listed.name else listed
    query = query.where(_is_listed(listed, sqlite=sqlite), target.c.source_digest.is_not(None))
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
                target.c.cancelled_at <= bindparam("day_start", type_=target.c.cancelled_at.type),
            )
        )
    return query


def _is_listed(column: Column[Any], *, sqlite: bool) -> ColumnElement[bool]:
    if not sqlite:
        return column == any_(bindparam("keys", type_=ARRAY(column.type)))
    return column.in_(select(func.json_each(bindparam("keys", type_=Text)).table_valued("value").c.value))
