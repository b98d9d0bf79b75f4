"""List posts, and approve or reject those that wait, by the first characters of their id, as the command line does."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, select

from models.enums import PostState, State
from models.errors import ForewarnError
from models.posts import Writer
from rules.posts.status import Posted, PostStatus, post_status
from tasks.context import Context
from tasks.db.lookup import find_one
from tasks.db.sql import in_list
from tasks.posts.approval import approve_post, withdraw_post
from tasks.posts.rows import PostChanged
from tasks.tables import OUTBOX, POST_MESSAGES, POSTS

WAITING = "posts that `forewarn posts list` shows"


def find_posts(connection: Connection, state: PostState | None = None) -> list[dict[str, Any]]:
    """Return the posts of one state, or all, the latest in the calendar first; each with its `status`."""
    query = select(POSTS).order_by(POSTS.c.calendar_at.desc(), POSTS.c.orders.desc(), POSTS.c.id)
    if state is not None:
        query = query.where(POSTS.c.state == state)
    rows = [dict(row) for row in connection.execute(query).mappings()]
    posted = load_posted(connection, [row["id"] for row in rows])
    return [row | {"status": _status(row, posted).progress} for row in rows]


def _status(row: dict[str, Any], posted: dict[str, list[Posted]]) -> PostStatus:
    return post_status(PostState(row["state"]), posted.get(row["id"], []))


def load_posted(connection: Connection, posts: Collection[str]) -> dict[str, list[Posted]]:
    """Return by post how it stands on each of its networks."""
    states = (OUTBOX.c.state, OUTBOX.c.reason, OUTBOX.c.trial)
    query = (
        select(POST_MESSAGES.c.post_id, POST_MESSAGES.c.network, *states)
        .join(OUTBOX, OUTBOX.c.id == POST_MESSAGES.c.id)
        .where(in_list(connection, POST_MESSAGES.c.post_id, posts))
        .order_by(POST_MESSAGES.c.id)
    )
    found: dict[str, list[Posted]] = {}
    for row in connection.execute(query) if posts else ():
        found.setdefault(row.post_id, []).append(Posted(row.network, State(row.state), row.reason or "", row.trial))
    return found


def review_post(context: Context, post: str, decision: State, who: str, why: str = "") -> str:
    """Approve (QUEUED) or reject (SKIPPED) a post that waits, by the beginning of its id; return the full id.

    Raises ForewarnError where no such post or more than one matches, where it must not be published as it is, where
    the policy asks for a second person, or where somebody else decides at the same time.
    """
    with context.engine.begin() as connection:
        key = find_one(connection, POSTS, post, POSTS.c.state == PostState.WAITS, WAITING)
        try:
            if decision is State.QUEUED:
                approve_post(context, connection, key, Writer(who))
            else:
                withdraw_post(context, connection, key, Writer(who), why or "not approved")
        except PostChanged as error:
            raise ForewarnError(f"somebody else decided on post {post} just now: {error}") from error
    return key
