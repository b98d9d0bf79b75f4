"""List social posts, and approve or reject those that are held."""

from typing import Any

from sqlalchemy import Connection, select, update

from models.enums import State
from models.errors import ForewarnError
from tasks.context import Context
from tasks.db.events import record_events
from tasks.db.lookup import find_one
from tasks.tables import POSTS


def find_posts(connection: Connection, state: State | None = None) -> list[dict[str, Any]]:
    """Return the posts of one state, or all, the newest week first."""
    query = select(POSTS).order_by(POSTS.c.week.desc(), POSTS.c.orders.desc(), POSTS.c.id)
    if state is not None:
        query = query.where(POSTS.c.state == state)
    return [dict(row) for row in connection.execute(query).mappings()]


def review_post(context: Context, post: str, decision: State, who: str, why: str = "") -> str:
    """Approve (QUEUED) or reject (SKIPPED) a held post, given by the first characters of its id; return the full id.

    Raises ForewarnError where no held post or more than one matches, or somebody else decides at the same time.
    """
    with context.engine.begin() as connection:
        what = "held posts that `forewarn posts list` shows"
        key = find_one(connection, POSTS, post, POSTS.c.state == State.HELD, what)
        reason = None if decision is State.QUEUED else why or "not approved"
        decided = connection.execute(
            update(POSTS)
            .where(POSTS.c.id == key, POSTS.c.state == State.HELD)
            .values(state=decision, reason=reason, not_before=context.started_at)
        )
        if decided.rowcount != 1:
            raise ForewarnError(f"somebody else decided on post {post} just now; `forewarn posts list --all` shows it")
        kind = "approved" if decision is State.QUEUED else "turned_down"
        record_events(connection, [(kind, key, why)], context.started_at, who)
    return key
