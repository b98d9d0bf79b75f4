"""List social posts, and approve or reject those that are held."""

from typing import Any

from sqlalchemy import Connection, and_, select

from models.enums import NETWORKS, State
from models.errors import ForewarnError
from tasks.context import Context
from tasks.db.events import record_events
from tasks.db.lookup import find_one
from tasks.db.outbox import queue_messages, skip_messages
from tasks.tables import OUTBOX, POSTS


def find_posts(connection: Connection, state: State | None = None) -> list[dict[str, Any]]:
    """Return the posts of one state, or all, the newest week first."""
    states = [OUTBOX.c[name] for name in ("state", "reason", "settled_at", "reference", "trial")]
    query = (
        select(POSTS, *states)
        .join(OUTBOX, OUTBOX.c.id == POSTS.c.id)
        .order_by(POSTS.c.week.desc(), POSTS.c.orders.desc(), POSTS.c.id)
    )
    if state is not None:
        query = query.where(OUTBOX.c.state == state)
    return [dict(row) for row in connection.execute(query).mappings()]


def review_post(context: Context, post: str, decision: State, who: str, why: str = "") -> str:
    """Approve (QUEUED) or reject (SKIPPED) a held post, given by the first characters of its id; return the full id.

    Raises ForewarnError where no held post or more than one matches, or somebody else decides at the same time.
    """
    with context.engine.begin() as connection:
        held = and_(OUTBOX.c.state == State.HELD, OUTBOX.c.channel.in_(NETWORKS))
        key = find_one(connection, OUTBOX, post, held, "held posts that `forewarn posts list` shows")
        still_held = and_(OUTBOX.c.id == key, held)
        if decision is State.QUEUED:
            now = context.started_at
            decided = queue_messages(connection, still_held, now, reason=None, not_before=now)
        else:
            decided = skip_messages(connection, still_held, why or "not approved", context.started_at)
        if not decided:
            raise ForewarnError(f"somebody else decided on post {post} just now; `forewarn posts list --all` shows it")
        kind = "approved" if decision is State.QUEUED else "turned_down"
        record_events(connection, [(kind, key, why)], context.started_at, who)
    return key
