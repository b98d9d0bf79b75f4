"""What is in doubt, for people: how much of it is theirs, what it is, and their word on it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, func, select, update

from models.enums import State
from models.errors import ForewarnError
from rules.contact.masking import masked
from tasks.context import Desk
from tasks.db.events import happened
from tasks.db.lookup import find_ids
from tasks.db.sql import reading
from tasks.delivery.queue import FORGET
from tasks.delivery.worker import TABLES
from tasks.tables import NOTICES, POSTS

PEOPLE = "people"
"""Who has a message in doubt that no provider can settle."""


def for_people(connection: Connection) -> int:
    """Return how many notices and posts in doubt wait for people."""
    return sum(connection.execute(select(func.count()).where(_peoples(table))).scalar_one() for table in TABLES)


def _peoples(table: Table) -> ColumnElement[bool]:
    return and_(table.c.state == State.IN_DOUBT, table.c.claimed_by == PEOPLE)


def in_doubt(desk: Desk) -> list[dict[str, Any]]:
    """Return the notices and posts in doubt, the oldest first, and who has to look; addresses masked."""
    names = ("id", "channel", "sending_at", "reason", "claimed_by")
    about = ((NOTICES, NOTICES.c.order_id, NOTICES.c.address), (POSTS, POSTS.c.product_id, None))
    found: list[dict[str, Any]] = []
    with reading(desk.engine) as connection:
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
        "to": masked(row["address"]) if row.get("address") else None,
        "left_at": row["sending_at"],
        "waits_for": PEOPLE if row["claimed_by"] == PEOPLE else "provider",
        "reason": row["reason"],
    }


def settle_by_hand(desk: Desk, now: datetime, beginning: str, who: str, *, sent: bool, why: str = "") -> str:
    """Settle one message in doubt as a person says; one that was not sent leaves again. Return its id.

    Raises ForewarnError where none, or more than one, in doubt begins so.
    """
    with desk.engine.begin() as connection:
        table, key = _meant(connection, beginning)
        said = f"{who} says that it was {'' if sent else 'not '}sent"
        verdict: dict[str, Any] = (
            {"state": State.SENT, "settled_at": now} if sent else {"state": State.QUEUED, "not_before": now}
        )
        mine = update(table).where(table.c.id == key, table.c.state == State.IN_DOUBT)
        if connection.execute(mine.values(**FORGET, **verdict, reason=said)).rowcount != 1:
            raise ForewarnError(f"somebody else settled {beginning} just now; `forewarn settle list` shows the rest")
        happened(connection, [("settled_sent" if sent else "settled_not_sent", key, why or said)], now, who)
    return key


def _meant(connection: Connection, beginning: str) -> tuple[Table, str]:
    found = [
        (table, key)
        for table in TABLES
        for key in find_ids(connection, table, beginning, table.c.state == State.IN_DOUBT)
    ]
    if len(found) != 1:
        raise ForewarnError(
            f"{len(found) or 'no'} messages in doubt begin with {beginning!r}; `forewarn settle list` shows them"
        )
    return found[0]
