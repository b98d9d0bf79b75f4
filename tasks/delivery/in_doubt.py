"""Messages in doubt, for staff: count them, list them, and resolve one by hand."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, func, select, update

from models.enums import State
from models.errors import ForewarnError
from rules.contact.masking import mask_address
from tasks.context import Context
from tasks.db.events import record_events
from tasks.db.lookup import find_ids
from tasks.db.sql import read_only
from tasks.delivery.queue import CLEAR_LEASE
from tasks.delivery.worker import TABLES
from tasks.tables import NOTICES, POSTS

STAFF = "people"
"""Value of `claimed_by` of a message in doubt that only staff can resolve."""


def count_waiting_for_staff(connection: Connection) -> int:
    """Return how many notices and posts in doubt wait for staff."""
    return sum(
        connection.execute(select(func.count()).where(_waiting_for_staff_filter(table))).scalar_one()
        for table in TABLES
    )


def _waiting_for_staff_filter(table: Table) -> ColumnElement[bool]:
    return and_(table.c.state == State.IN_DOUBT, table.c.claimed_by == STAFF)


def list_in_doubt(context: Context) -> list[dict[str, Any]]:
    """Return the notices and posts in doubt, oldest first, each with who must resolve it; addresses are masked."""
    names = ("id", "channel", "sending_at", "reason", "claimed_by")
    sources = ((NOTICES, NOTICES.c.order_id, NOTICES.c.address), (POSTS, POSTS.c.product_id, None))
    rows: list[dict[str, Any]] = []
    with read_only(context.engine) as connection:
        for table, subject, address in sources:
            columns = [*(table.c[name] for name in names), subject.label("about")]
            columns += [address.label("address")] if address is not None else []
            query = select(*columns).where(table.c.state == State.IN_DOUBT)
            rows += [_row_for_staff(dict(row), table.name) for row in connection.execute(query).mappings()]
    return sorted(rows, key=lambda row: (row["left_at"], row["id"]))


def _row_for_staff(row: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {
        "id": row["id"],
        "kind": kind,
        "about": row["about"],
        "channel": row["channel"],
        "to": mask_address(row["address"]) if row.get("address") else None,
        "left_at": row["sending_at"],
        "waits_for": STAFF if row["claimed_by"] == STAFF else "provider",
        "reason": row["reason"],
    }


def resolve_manually(context: Context, now: datetime, id_prefix: str, who: str, *, sent: bool, why: str = "") -> str:
    """Resolve one message in doubt as sent, or as not sent: then it is queued again. Return its id.

    Raises ForewarnError when no message in doubt, or more than one, has an id that begins with `id_prefix`.
    """
    with context.engine.begin() as connection:
        table, key = _find_message(connection, id_prefix)
        reason = f"{who} says that it was {'' if sent else 'not '}sent"
        changes: dict[str, Any] = (
            {"state": State.SENT, "settled_at": now} if sent else {"state": State.QUEUED, "not_before": now}
        )
        in_doubt = update(table).where(table.c.id == key, table.c.state == State.IN_DOUBT)
        if connection.execute(in_doubt.values(**CLEAR_LEASE, **changes, reason=reason)).rowcount != 1:
            raise ForewarnError(f"somebody else resolved {id_prefix} just now; `forewarn in-doubt list` shows the rest")
        record_events(connection, [("settled_sent" if sent else "settled_not_sent", key, why or reason)], now, who)
    return key


def _find_message(connection: Connection, id_prefix: str) -> tuple[Table, str]:
    matches = [
        (table, key)
        for table in TABLES
        for key in find_ids(connection, table, id_prefix, table.c.state == State.IN_DOUBT)
    ]
    if len(matches) != 1:
        raise ForewarnError(
            f"{len(matches) or 'no'} messages in doubt begin with {id_prefix!r}; `forewarn in-doubt list` shows them"
        )
    return matches[0]
