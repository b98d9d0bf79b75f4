"""Messages in doubt, for staff: count them, list them, and resolve one by hand."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, and_, func, select, update

from models.enums import Channel, State
from models.errors import ForewarnError
from rules.contact.masking import mask_address
from tasks.context import Context
from tasks.db.events import record_events
from tasks.db.lookup import find_one
from tasks.db.outbox import CLEAR_LEASE
from tasks.db.sql import in_list, read_only
from tasks.orders.due import mark_due
from tasks.tables import NOTICES, OUTBOX, POST_MESSAGES, POSTS

IN_DOUBT_FILTER = and_(
    OUTBOX.c.state == State.IN_DOUBT, OUTBOX.c.settled_at.is_(None), OUTBOX.c.channel.in_(list(Channel))
)
"""The SQL of a notice or a post in doubt; `ix_outbox_due` finds it."""
STAFF = "people"
"""Value of `lease_holder` of a message in doubt that only staff can resolve."""


def count_waiting_for_staff(connection: Connection) -> int:
    """Return how many notices and posts in doubt only staff can resolve."""
    waiting = select(func.count()).select_from(OUTBOX).where(IN_DOUBT_FILTER, OUTBOX.c.lease_holder == STAFF)
    return connection.execute(waiting).scalar_one()


def list_in_doubt(context: Context) -> list[dict[str, Any]]:
    """Return the notices and posts in doubt, oldest first, each with who must resolve it; addresses are masked."""
    columns = [OUTBOX.c[name] for name in ("id", "channel", "sending_at", "reason", "lease_holder")]
    query = (
        select(*columns, NOTICES.c.order_id, NOTICES.c.address, POSTS.c.product_id, POST_MESSAGES.c.post_id)
        .select_from(
            OUTBOX.outerjoin(NOTICES, NOTICES.c.id == OUTBOX.c.id)
            .outerjoin(POST_MESSAGES, POST_MESSAGES.c.id == OUTBOX.c.id)
            .outerjoin(POSTS, POSTS.c.id == POST_MESSAGES.c.post_id)
        )
        .where(IN_DOUBT_FILTER)
        .order_by(OUTBOX.c.sending_at, OUTBOX.c.id)
    )
    with read_only(context.engine) as connection:
        return [_row_for_staff(row) for row in connection.execute(query)]


def _row_for_staff(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": "post" if row.post_id else "notice",
        "about": row.product_id or row.post_id or row.order_id,
        "channel": row.channel,
        "to": mask_address(row.address) if row.address else None,
        "left_at": row.sending_at,
        "waits_for": STAFF if row.lease_holder == STAFF else "provider",
        "reason": row.reason,
    }


def resolve_manually(context: Context, now: datetime, id_prefix: str, who: str, *, sent: bool, why: str = "") -> str:
    """Resolve one message in doubt as sent, or as not sent: then it is queued again. Return its id.

    Raises ForewarnError when no message in doubt, or more than one, has an id that begins with `id_prefix`.
    """
    with context.engine.begin() as connection:
        return settle_doubt(context, connection, now, id_prefix, who, sent=sent, why=why)


def settle_doubt(
    context: Context, connection: Connection, now: datetime, id_prefix: str, who: str, *, sent: bool, why: str = ""
) -> str:
    """Do what `resolve_manually` does, in the caller's transaction."""
    what = "messages in doubt that `forewarn in-doubt list` shows"
    key = find_one(connection, OUTBOX, id_prefix, IN_DOUBT_FILTER, what)
    reason = f"{who} says that it was {'' if sent else 'not '}sent"
    changes: dict[str, Any] = (
        {"state": State.SENT, "settled_at": now} if sent else {"state": State.QUEUED, "not_before": now}
    )
    in_doubt = update(OUTBOX).where(OUTBOX.c.id == key, IN_DOUBT_FILTER)
    if connection.execute(in_doubt.values(**CLEAR_LEASE, **changes, reason=reason)).rowcount != 1:
        raise ForewarnError(f"somebody else resolved {id_prefix} just now; `forewarn in-doubt list` shows the rest")
    record_events(connection, [("settled_sent" if sent else "settled_not_sent", key, why or reason)], now, who)
    mark_settled_orders_due(connection, [key], context.as_of)
    return key


def mark_settled_orders_due(connection: Connection, ids: Collection[str], as_of: date) -> None:
    """Make the orders of notices due whose doubt is settled: what their customers know is known again."""
    orders = select(NOTICES.c.order_id).where(in_list(connection, NOTICES.c.id, ids))
    mark_due(connection, set(connection.execute(orders).scalars()), as_of)
