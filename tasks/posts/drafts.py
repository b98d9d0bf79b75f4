"""Write and change drafts of posts: text, networks, hour and picture. A draft is in no outbox."""

from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, delete, func, select, update

from models.enums import PostKind, PostState
from models.messages import Picture
from models.posts import PostWords, Writer
from tasks.context import Context
from tasks.db.events import record_events
from tasks.db.sql import insert
from tasks.posts.rows import change_post, lock_post
from tasks.tables import POST_PICTURES, POSTS


def write_post(
    context: Context,
    connection: Connection,
    words: PostWords,
    writer: Writer,
    product_id: str | None = None,
    kind: PostKind = PostKind.OWN,
) -> str:
    """Save a new draft about a product, or about none; return its id."""
    key, now = uuid4().hex, context.started_at
    row = {
        "id": key,
        "product_id": product_id,
        "kind": kind,
        "locale": context.shop.locale,
        "state": PostState.DRAFT,
        "created_at": now,
        "changed_at": now,
        **_values(words, writer),
        "calendar_at": words.publish_at or now,
    }
    connection.execute(insert(connection, POSTS).values(row))
    _save_picture(connection, key, words)
    record_events(connection, [("written", key, "")], now, writer.name)
    return key


def edit_post(
    context: Context, connection: Connection, post_id: str, words: PostWords, writer: Writer, version: int | None = None
) -> None:
    """Change a draft; one that waits for approval becomes a draft again. Raises PostGone and PostChanged."""
    row = lock_post(connection, post_id, PostState.DRAFT, PostState.WAITS, version=version)
    values = _values(words, writer)
    calendar_at = words.publish_at or row.created_at
    change_post(context, connection, row, **values, state=PostState.DRAFT, calendar_at=calendar_at)
    _save_picture(connection, post_id, words)
    record_events(connection, [("edited", post_id, "")], context.started_at, writer.name)


def _values(words: PostWords, writer: Writer) -> dict[str, Any]:
    return {
        "text": words.text,
        "texts": {network: text for network, text in words.texts.items() if text and text != words.text},
        "networks": list(words.networks),
        "publish_at": words.publish_at,
        "author": writer.name,
        "author_id": writer.person_id,
        "approver": "",
        "decided_at": None,
        "note": "",
    }


def _save_picture(connection: Connection, post_id: str, words: PostWords) -> None:
    own = POST_PICTURES.c.post_id == post_id
    if words.picture is not None or words.without_picture:
        connection.execute(delete(POST_PICTURES).where(own))
    if words.picture is not None:
        picture = words.picture
        row = {"post_id": post_id, "content": picture.content, "kind": picture.kind, "description": picture.description}
        connection.execute(insert(connection, POST_PICTURES).values(row))
    elif words.description and not words.without_picture:
        connection.execute(update(POST_PICTURES).where(own).values(description=words.description))


def load_picture(connection: Connection, post_id: str) -> Picture | None:
    """Return the picture of a post; None where it has none."""
    columns = (POST_PICTURES.c.content, POST_PICTURES.c.kind, POST_PICTURES.c.description)
    row = connection.execute(select(*columns).where(POST_PICTURES.c.post_id == post_id)).first()
    return None if row is None else Picture(row.content, row.kind, row.description)


def picture_description(connection: Connection, post_id: str) -> str | None:
    """Return the description of a post's picture; None where it has no picture."""
    query = select(func.coalesce(POST_PICTURES.c.description, "")).where(POST_PICTURES.c.post_id == post_id)
    return connection.execute(query).scalar()
