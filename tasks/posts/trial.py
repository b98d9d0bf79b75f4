"""Let this week's posts that were published in a trial only wait for approval again, when a network goes live."""

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import Connection, and_, delete, select, update

from models.enums import PostState, State
from tasks.context import Context
from tasks.db.settled_counts import uncount_settled
from tasks.db.sql import in_list
from tasks.tables import OUTBOX, POST_MESSAGES, POSTS


def wait_again(connection: Connection, context: Context, networks: Collection[str]) -> None:
    """Take the messages of these networks out of the outbox that left in the trial this week; their posts wait."""
    monday = context.start_of(context.as_of - timedelta(days=context.as_of.weekday()))
    query = (
        select(POST_MESSAGES.c.id, POST_MESSAGES.c.post_id)
        .join(OUTBOX, OUTBOX.c.id == POST_MESSAGES.c.id)
        .join(POSTS, POSTS.c.id == POST_MESSAGES.c.post_id)
        .where(
            POSTS.c.calendar_at >= monday,
            POST_MESSAGES.c.network.in_(sorted(networks)),
            OUTBOX.c.state == State.SENT,
            OUTBOX.c.trial.is_(True),
        )
    )
    rows = connection.execute(query).all()
    if not rows:
        return
    tried = in_list(connection, OUTBOX.c.id, [row.id for row in rows])
    uncount_settled(connection, and_(tried, OUTBOX.c.settled_at.is_not(None)))
    connection.execute(delete(OUTBOX).where(tried))
    connection.execute(delete(POST_MESSAGES).where(in_list(connection, POST_MESSAGES.c.id, [row.id for row in rows])))
    posts = in_list(connection, POSTS.c.id, {row.post_id for row in rows})
    undecided = {"state": PostState.WAITS, "approver": "", "decided_at": None, "version": POSTS.c.version + 1}
    connection.execute(update(POSTS).where(posts).values(**undecided, changed_at=context.started_at))
