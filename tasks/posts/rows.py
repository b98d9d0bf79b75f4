"""Rows of posts: load and lock one, and change it by compare-and-set."""

from typing import Any

from sqlalchemy import Connection, Row, select, update

from models.enums import PostState
from models.errors import ForewarnError
from tasks.context import Context
from tasks.tables import POSTS


class PostGone(ForewarnError):
    """Raised for a post that does not exist."""


class PostChanged(ForewarnError):
    """Raised where somebody else was faster, or the post is in another state than the act needs."""


PAST = {
    PostState.DRAFT: "it is a draft by now",
    PostState.WAITS: "it waits for approval by now",
    PostState.APPROVED: "it is approved by now",
    PostState.WITHDRAWN: "it is withdrawn by now",
}


def lock_post(connection: Connection, post_id: str, *states: PostState, version: int | None = None) -> Row[Any]:
    """Return a post in one of these states, locked; raises PostGone, and PostChanged for another state or version."""
    row = connection.execute(select(POSTS).where(POSTS.c.id == post_id).with_for_update()).first()
    if row is None:
        raise PostGone(f"there is no post {post_id}")
    if row.state not in states:
        raise PostChanged(PAST[PostState(row.state)])
    if version is not None and row.version != version:
        raise PostChanged(f"{row.author} changed it meanwhile")
    return row


def change_post(context: Context, connection: Connection, row: Row[Any], **values: Any) -> None:
    """Change a locked post; its version increases."""
    now = {"changed_at": context.started_at, "version": row.version + 1}
    changed = update(POSTS).where(POSTS.c.id == row.id, POSTS.c.version == row.version).values(**now, **values)
    if connection.execute(changed).rowcount != 1:
        raise PostChanged("somebody else changed it just now")
