"""Posts that are not so any more when they are to be published, or that waited too long for it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, or_, select

from models.enums import PostKind, PostState, SkipReason, State
from models.messages import DeliveryOutcome
from models.policy.messaging import PostPolicy
from tasks.context import Context
from tasks.db.sql import in_list
from tasks.posts.compose import late_products
from tasks.posts.stock import stale_stock_posts
from tasks.tables import OUTBOX, POST_MESSAGES, POSTS

LATE_AT_ALL = PostPolicy(orders=1, days=1)
"""What a person wrote about a late product is so while a single order waits for it."""


def stale_posts(context: Context, connection: Connection, posts: Sequence[Mapping[str, Any]], as_of: date) -> set[str]:
    """Return the ids of the posts that are not so any more, such as one whose product is not late by now.

    What a person wrote in words of their own (PostKind.OWN), or about no product, is never stale.
    """
    about = [row for row in posts if row["product_id"] is not None and row["kind"] != PostKind.OWN]
    late = [row for row in about if row["kind"] == PostKind.LATE]
    stocked = [row for row in about if row["kind"] != PostKind.LATE]
    drafted = [row for row in late if row["week"] is not None]
    written = [row for row in late if row["week"] is None]
    return (
        _moved(context, connection, drafted, as_of)
        | _not_late(context, connection, written, as_of)
        | (stale_stock_posts(connection, stocked) if stocked else set())
    )


def _moved(context: Context, connection: Connection, posts: Sequence[Mapping[str, Any]], as_of: date) -> set[str]:
    """Return the drafts whose product is late in fewer orders than a post needs, or expected on another day."""
    if not posts:
        return set()
    late = late_products(context, connection, as_of, [row["product_id"] for row in posts])
    dates = {delay.product.id: delay.expected_on for delay in late}
    return {
        row["id"] for row in posts if row["product_id"] not in dates or row["expected_on"] != dates[row["product_id"]]
    }


def _not_late(context: Context, connection: Connection, posts: Sequence[Mapping[str, Any]], as_of: date) -> set[str]:
    if not posts:
        return set()
    late = late_products(context, connection, as_of, [row["product_id"] for row in posts], LATE_AT_ALL)
    return {row["id"] for row in posts} - {
        row["id"] for row in posts if row["product_id"] in {delay.product.id for delay in late}
    }


def skip_stale(
    context: Context, connection: Connection, messages: Sequence[Mapping[str, Any]], as_of: date, now: datetime
) -> list[DeliveryOutcome]:
    """Return the outcomes of the messages of posts that must not leave: withdrawn, not so any more, or days late."""
    posts = {row["post_id"]: {**row, "id": row["post_id"]} for row in messages}
    withdrawn = _not_approved(connection, posts)
    stale = stale_posts(context, connection, list(posts.values()), as_of)
    oldest = now - timedelta(hours=context.policy.sending.max_age_hours)
    outcomes = []
    for row in messages:
        if row["post_id"] in withdrawn:
            outcomes.append(DeliveryOutcome(row["id"], State.SKIPPED, SkipReason.DROPPED))
        elif row["post_id"] in stale:
            outcomes.append(DeliveryOutcome(row["id"], State.SKIPPED, SkipReason.CHANGED))
        elif max(filter(None, (row["publish_at"], row["decided_at"], row["queued_at"]))) < oldest:
            outcomes.append(DeliveryOutcome(row["id"], State.SKIPPED, SkipReason.TOO_OLD))
    return outcomes


def _not_approved(connection: Connection, posts: Collection[str]) -> set[str]:
    """Return the posts that were withdrawn, or wait again, while a message of theirs was on its way and came back.

    Of one that is on a network already, the rest was skipped at the moment of the withdrawal.
    """
    rest_withdrawn = and_(
        OUTBOX.c.state == State.SKIPPED,
        OUTBOX.c.reason == SkipReason.DROPPED,
        OUTBOX.c.settled_at == POSTS.c.decided_at,
    )
    query = (
        select(POSTS.c.id)
        .select_from(
            POSTS.join(POST_MESSAGES, POST_MESSAGES.c.post_id == POSTS.c.id).join(
                OUTBOX, OUTBOX.c.id == POST_MESSAGES.c.id
            )
        )
        .where(in_list(connection, POSTS.c.id, posts), or_(POSTS.c.state != PostState.APPROVED, rest_withdrawn))
    )
    return set(connection.execute(query).scalars()) if posts else set()
