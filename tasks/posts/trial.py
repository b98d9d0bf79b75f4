"""Let posts that were approved in a trial wait for approval again when a network goes live: others read them now."""

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import Connection, and_, delete, or_, select, update

from models.enums import PostState, SkipReason, State
from tasks.context import Context
from tasks.db.outbox import UNSENT_FILTER, skip_messages
from tasks.db.settled_counts import uncount_settled
from tasks.db.sql import in_list
from tasks.tables import OUTBOX, POST_MESSAGES, POSTS


def wait_again(connection: Connection, context: Context, networks: Collection[str]) -> None:
    """Let posts wait whose messages on these networks left in the trial this week, or are still to leave.

    Those that left in the trial are taken out of the outbox; the others are skipped until their post is approved.
    """
    monday = context.start_of(context.as_of - timedelta(days=context.as_of.weekday()))
    query = (
        select(POST_MESSAGES.c.id, POST_MESSAGES.c.post_id, OUTBOX.c.state)
        .join(OUTBOX, OUTBOX.c.id == POST_MESSAGES.c.id)
        .join(POSTS, POSTS.c.id == POST_MESSAGES.c.post_id)
        .where(
            POST_MESSAGES.c.network.in_(sorted(networks)),
            or_(
                UNSENT_FILTER,
                and_(OUTBOX.c.state == State.SENT, OUTBOX.c.trial.is_(True), POSTS.c.calendar_at >= monday),
            ),
        )
    )
    rows = connection.execute(query).all()
    if not rows:
        return
    sent = [row.id for row in rows if row.state == State.SENT]
    tried = in_list(connection, OUTBOX.c.id, sent)
    uncount_settled(connection, and_(tried, OUTBOX.c.settled_at.is_not(None)))
    connection.execute(delete(OUTBOX).where(tried))
    connection.execute(delete(POST_MESSAGES).where(in_list(connection, POST_MESSAGES.c.id, sent)))
    of_trial = {row.post_id for row in rows}
    others = select(POST_MESSAGES.c.id).where(in_list(connection, POST_MESSAGES.c.post_id, of_trial))
    # What is still to come on another network waits with its post, and leaves as that is approved then.
    to_come = and_(in_list(connection, OUTBOX.c.id, set(connection.execute(others).scalars())), UNSENT_FILTER)
    skip_messages(connection, to_come, SkipReason.DROPPED, context.started_at)
    posts = in_list(connection, POSTS.c.id, of_trial)
    undecided = {"state": PostState.WAITS, "approver": "", "decided_at": None, "version": POSTS.c.version + 1}
    connection.execute(update(POSTS).where(posts).values(**undecided, changed_at=context.started_at))
