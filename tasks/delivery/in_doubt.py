"""What is in doubt, for people: how much of it is theirs, what it is, and their word on it."""

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
"""Who has a message in doubt that no provider can settle."""


def count_waiting_for_staff(connection: Connection) -> int:
    """Return how many notices and posts in doubt wait for people."""
    return sum(
        connection.execute(select(func.count()).where(_waiting_for_staff_filter(table))).scalar_one()
        for table in TABLES
    )


def _waiting_for_staff_filter(table: Table) -> ColumnElement[bool]:
    return and_(table.c.state == State.IN_DOUBT, table.c.claimed_by == STAFF)


def list_in_doubt(context: Context) -> list[dict[str, Any]]:
    """Return the notices and posts in doubt, the oldest first, and who has to look; addresses masked."""
    names = ("id", "channel", "sending_at", "reason", "claimed_by")
    about = ((NOTICES, NOTICES.c.order_id, NOTICES.c.address), (POSTS, POSTS.c.product_id, None))
    found: list[dict[str, Any]] = []
    with read_only(context.engine) as connection:
        for table, subject, address in about:
            columns = [*(table.c[name] for name in names), subject.label("about")]
            columns += [address.label("address")] if address is not None else []
            query = select(*columns).where(table.c.state == State.IN_DOUBT)
            found += [_listed(dict(row), table.name) for row in connection.execute(query).mappings()]
    return sorted(found, key=lambda one: (one["left_at"], one["id"]))


def _listed(row: Mapping[str, Any], kind: str) -> dict[str, Any]:
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


def resolve_manually(context: Context, now: datetime, beginning: str, who: str, *, sent: bool, why: str = "") -> str:
    """Settle one message in doubt as a person says; one that was not sent leaves again. Return its id.

    Raises ForewarnError where none, or more than one, in doubt begins so.
    """
    with context.engine.begin() as connection:
        table, key = _find_message(connection, beginning)
        said = f"{who} says that it was {'' if sent else 'not '}sent"
        verdict: dict[str, Any] = (
            {"state": State.SENT, "settled_at": now} if sent else {"state": State.QUEUED, "not_before": now}
        )
        mine = update(table).where(table.c.id == key, table.c.state == State.IN_DOUBT)
        if connection.execute(mine.values(**CLEAR_LEASE, **verdict, reason=said)).rowcount != 1:
            raise ForewarnError(f"somebody else settled {beginning} just now; `forewarn in-doubt list` shows the rest")
        record_events(connection, [("settled_sent" if sent else "settled_not_sent", key, why or said)], now, who)
    return key


def _find_message(connection: Connection, beginning: str) -> tuple[Table, str]:
    found = [
        (table, key)
        for table in TABLES
        for key in find_ids(connection, table, beginning, table.c.state == State.IN_DOUBT)
    ]
    if len(found) != 1:
        raise ForewarnError(
            f"{len(found) or 'no'} messages in doubt begin with {beginning!r}; `forewarn in-doubt list` shows them"
        )
    return found[0]
