"""Find one row by the beginning of its id, as people give it."""

from sqlalchemy import ColumnElement, Connection, Table, select

from models.errors import ForewarnError


def find_one(connection: Connection, table: Table, beginning: str, where: ColumnElement[bool], what: str) -> str:
    """Return the whole id of the one row that begins so; `what` names such rows, and says which command lists them.

    Raises ForewarnError where the beginning is too short, or no row, or more than one, is meant.
    """
    found = find_ids(connection, table, beginning, where)
    if len(found) != 1:
        raise ForewarnError(f"{'more than one' if found else 'none'} of the {what} begins with {beginning!r}")
    return found[0]


def find_ids(connection: Connection, table: Table, beginning: str, where: ColumnElement[bool]) -> list[str]:
    """Return up to two ids that begin so, their rows locked; raises ForewarnError where the beginning is too short."""
    begins = table.c.id.startswith(check_id_prefix(beginning), autoescape=True)
    query = select(table.c.id).where(begins, where).limit(2).with_for_update()
    return [str(key) for key in connection.execute(query).scalars()]


MIN_ID_PREFIX = 4
"""Characters of an id that people give at least."""


def check_id_prefix(beginning: str) -> str:
    """Return the beginning of an id; raises ForewarnError where it is too short to mean one thing."""
    if len(beginning) < MIN_ID_PREFIX:
        raise ForewarnError(f"{beginning!r} is too short: give at least the first {MIN_ID_PREFIX} characters of the id")
    return beginning
