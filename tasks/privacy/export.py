"""Give all that is held about one person, readable and unmasked."""

from typing import Any

from sqlalchemy import Connection, select

from tasks.context import Context
from tasks.privacy.holdings import HOLDINGS
from tasks.privacy.person import Person


def load_export(context: Context, connection: Connection, person: Person) -> dict[str, Any]:
    """Return every row of a person by what it is; secrets of the installation are left out."""
    return {
        "customer": person.customer,
        "shop": context.shop.name,
        "made_at": context.started_at,
        "held": {one.title: rows for one in HOLDINGS if (rows := _rows(connection, person, one))},
    }


def _rows(connection: Connection, person: Person, holding: Any) -> list[dict[str, Any]]:
    columns = [column for column in holding.table.c if column.name not in (*holding.hidden, "source_digest")]
    keys = list(holding.table.primary_key)
    query = select(*columns).where(holding.of(connection, person)).order_by(*keys)
    return [dict(row) for row in connection.execute(query).mappings()]
