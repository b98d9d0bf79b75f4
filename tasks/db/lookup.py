"""Find one row by the first characters of its id, as people type them."""

from sqlalchemy import ColumnElement, Connection, Table, select

from models.errors import ForewarnError


def find_one(connection: Connection, table: Table, prefix: str, where: ColumnElement[bool], what: str) -> str:
    """Return the full id of the one row whose id begins so; `what` names such rows and the command that lists them.

    Raises ForewarnError where the prefix is too short, or no row or more than one matches.
    """
    matches = find_ids(connection, table, prefix, where)
    if len(matches) != 1:
        raise ForewarnError(f"{'more than one' if matches else 'none'} of the {what} begins with {prefix!r}")
    return matches[0]


def find_ids(connection: Connection, table: Table, prefix: str, where: ColumnElement[bool]) -> list[str]:
    """Return up to two ids that begin so, their rows locked; raises ForewarnError where the prefix is too short."""
    has_prefix = table.c.id.startswith(check_id_prefix(prefix), autoescape=True)
    query = select(table.c.id).where(has_prefix, where).limit(2).with_for_update()
    return [str(key) for key in connection.execute(query).scalars()]


MIN_ID_PREFIX = 4
"""Characters of an id that a person must give at least."""


def check_id_prefix(prefix: str) -> str:
    """Return the prefix of an id; raises ForewarnError where it is too short to identify a row."""
    if len(prefix) < MIN_ID_PREFIX:
        raise ForewarnError(f"{prefix!r} is too short: give at least the first {MIN_ID_PREFIX} characters of the id")
    return prefix
