"""Posts that a person writes or schedules by the command line."""

from datetime import datetime

from sqlalchemy import select

from models.enums import PostState
from models.errors import ForewarnError
from models.posts import PostWords, Writer
from rules.posts.local_times import NoSuchTimeError, moment_of
from tasks.context import Context
from tasks.db.events import record_events
from tasks.db.lookup import find_one
from tasks.posts.approval import ask_for_approval
from tasks.posts.drafts import write_post
from tasks.posts.review import WAITING
from tasks.posts.rows import change_post, lock_post
from tasks.tables import POSTS, PRODUCTS


def write_and_ask(context: Context, words: PostWords, writer: Writer, product_id: str | None = None) -> str:
    """Save a post that waits for approval; return its id. Raises ForewarnError where it must not be published so."""
    with context.engine.begin() as connection:
        known = select(PRODUCTS.c.id).where(PRODUCTS.c.id == product_id)
        if product_id is not None and connection.execute(known).first() is None:
            raise ForewarnError(f"there is no product {product_id}")
        key = write_post(context, connection, words, writer, product_id)
        ask_for_approval(context, connection, key, writer)
    return key


def schedule_post(context: Context, post: str, at: datetime, writer: Writer) -> str:
    """Set when a post that waits is published, by the beginning of its id; return the full id."""
    with context.engine.begin() as connection:
        key = find_one(connection, POSTS, post, POSTS.c.state == PostState.WAITS, WAITING)
        row = lock_post(connection, key, PostState.WAITS)
        change_post(context, connection, row, publish_at=at, calendar_at=at)
        record_events(connection, [("scheduled", key, f"{at:%Y-%m-%d %H:%M} UTC")], context.started_at, writer.name)
    return key


def hour_of_shop(context: Context, local: datetime) -> datetime:
    """Return a day and a time of the shop's zone as a moment; raises ForewarnError for a skipped or a past one."""
    try:
        at = moment_of(local.date(), local.time(), context.zone).at
    except NoSuchTimeError as error:
        raise ForewarnError(f"{local:%Y-%m-%d %H:%M}: {error}") from error
    if at <= context.started_at:
        raise ForewarnError(f"{local:%Y-%m-%d %H:%M} has passed; leave it out to publish as soon as it is approved")
    return at
