"""Posts for the desk: a week of them, those to approve, one with all that happened to it, and what customers get."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select

from models.enums import DIRECT, PostState, State
from models.orders import ProductFacts
from models.search_keys import folded, words_of
from rules.posts.status import Posted, PostStatus, post_status
from tasks.context import Context
from tasks.db.sql import in_list
from tasks.desk.bounded import Count, count_up_to
from tasks.desk.queue import load_hours
from tasks.posts.cards import load_product
from tasks.posts.checks import CheckedPost, checked_post
from tasks.posts.drafts import picture_description
from tasks.posts.review import load_posted
from tasks.tables import EVENTS, OUTBOX, POST_MESSAGES, POSTS, PRODUCT_WORDS, PRODUCTS

MOST_POSTS = 200
"""Posts of a week that are shown; a shop that publishes more looks at one network."""
MOST_WAITING = 50
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class ListedPost:
    """A post in the calendar."""

    id: str
    kind: str
    product: str
    text: str
    at: datetime
    has_hour: bool
    """Whether it is for this hour; else it was drafted then."""
    networks: tuple[str, ...]
    status: PostStatus
    author: str


@dataclass(frozen=True, slots=True)
class PostedMessage:
    """A post on one network, as it was approved."""

    network: str
    text: str
    state: State
    reason: str
    reference: str
    at: datetime
    """When it left; before, when it is to."""
    trial: bool


@dataclass(frozen=True, slots=True)
class PostEvent:
    """What happened to a post."""

    at: datetime
    kind: str
    who: str
    why: str
    network: str
    """Empty: the post as a whole."""


@dataclass(frozen=True, slots=True)
class PostDetail:
    """One post with all that is known of it."""

    checked: CheckedPost
    state: PostState
    status: PostStatus
    version: int
    publish_at: datetime | None
    at: datetime
    author: str
    author_id: str | None
    approver: str
    decided_at: datetime | None
    note: str
    orders: int
    product: ProductFacts | None
    description: str | None
    """Of its picture; None: it has none."""
    messages: tuple[PostedMessage, ...] = ()
    history: tuple[PostEvent, ...] = field(default=(), repr=False)

    @property
    def id(self) -> str:
        """Return its id."""
        return self.checked.id

    @property
    def may_reopen(self) -> bool:
        """Return whether it can be a draft again: nothing of it has left."""
        unsent = all(one.state in (State.QUEUED, State.SKIPPED) for one in self.messages)
        return self.state in (PostState.APPROVED, PostState.WITHDRAWN) and unsent

    @property
    def may_withdraw(self) -> bool:
        """Return whether any of it can still be kept from leaving."""
        if self.state is PostState.APPROVED:
            return any(one.state in (State.QUEUED, State.HELD) for one in self.messages)
        return self.state is not PostState.WITHDRAWN


@dataclass(frozen=True, slots=True)
class DayMessages:
    """What customers get on a day, before it leaves."""

    by_channel: Counter[str] = field(default_factory=Counter)
    first_at: datetime | None = None
    """When the first may leave; None: at once."""


def load_week(context: Context, connection: Connection, monday: date, network: str = "") -> list[ListedPost]:
    """Return the posts of a week in the order of the calendar."""
    begin, end = context.start_of(monday), context.start_of(monday + WEEK)
    found = _list(connection, POSTS.c.calendar_at >= begin, POSTS.c.calendar_at < end)
    return [post for post in found if network in ("", *post.networks)]


def list_to_approve(connection: Connection) -> list[ListedPost]:
    """Return the posts that wait for approval, the next first."""
    return _list(connection, POSTS.c.state == PostState.WAITS, limit=MOST_WAITING)


def count_to_approve(connection: Connection) -> Count:
    """Return how many posts wait for approval."""
    return count_up_to(connection, select(POSTS.c.id).where(POSTS.c.state == PostState.WAITS))


def _list(connection: Connection, *which: ColumnElement[bool], limit: int = MOST_POSTS) -> list[ListedPost]:
    names = ("id", "kind", "text", "calendar_at", "publish_at", "decided_at", "networks", "state", "author")
    query = (
        select(*(POSTS.c[name] for name in names), PRODUCTS.c.name.label("product"))
        .select_from(POSTS.outerjoin(PRODUCTS, PRODUCTS.c.id == POSTS.c.product_id))
        .where(*which)
        .order_by(POSTS.c.calendar_at, POSTS.c.id)
        .limit(limit)
    )
    rows = connection.execute(query).all()
    posted = load_posted(connection, [row.id for row in rows])
    return [_listed(row, posted.get(row.id, [])) for row in rows]


def _listed(row: Any, posted: Sequence[Posted]) -> ListedPost:
    return ListedPost(
        id=row.id,
        kind=row.kind,
        product=row.product or "",
        text=row.text,
        at=row.calendar_at,
        has_hour=row.publish_at is not None or row.state == PostState.APPROVED,
        networks=tuple(row.networks),
        status=post_status(PostState(row.state), posted),
        author=row.author,
    )


def load_post(connection: Connection, post_id: str) -> PostDetail | None:
    """Return a post; None for an unknown one."""
    row = connection.execute(select(POSTS).where(POSTS.c.id == post_id)).first()
    if row is None:
        return None
    messages = _messages(connection, post_id)
    posted = [Posted(one.network, one.state, one.reason, one.trial) for one in messages.values()]
    state = PostState(row.state)
    return PostDetail(
        checked=checked_post(row),
        state=state,
        status=post_status(state, posted),
        version=row.version,
        publish_at=row.publish_at,
        at=row.calendar_at,
        author=row.author,
        author_id=row.author_id,
        approver=row.approver,
        decided_at=row.decided_at,
        note=row.note,
        orders=row.orders,
        product=load_product(connection, row.product_id),
        description=picture_description(connection, post_id),
        messages=tuple(messages.values()),
        history=tuple(_history(connection, row, messages)),
    )


def _messages(connection: Connection, post_id: str) -> dict[str, PostedMessage]:
    """Return by its id each message of a post."""
    names = ("state", "reason", "reference", "not_before", "settled_at", "trial")
    query = (
        select(POST_MESSAGES.c.id, POST_MESSAGES.c.network, POST_MESSAGES.c.text, *(OUTBOX.c[name] for name in names))
        .join(OUTBOX, OUTBOX.c.id == POST_MESSAGES.c.id)
        .where(POST_MESSAGES.c.post_id == post_id)
        .order_by(POST_MESSAGES.c.network)
    )
    return {
        row.id: PostedMessage(
            network=row.network,
            text=row.text,
            state=State(row.state),
            reason=row.reason or "",
            reference=row.reference or "",
            at=row.settled_at or row.not_before,
            trial=row.trial,
        )
        for row in connection.execute(query)
    }


def _history(connection: Connection, row: Row[Any], messages: dict[str, PostedMessage]) -> list[PostEvent]:
    """Return what happened to a post, the newest first."""
    columns = (EVENTS.c.at, EVENTS.c.kind, EVENTS.c.who, EVENTS.c.why, EVENTS.c.subject, EVENTS.c.id)
    query = select(*columns).where(in_list(connection, EVENTS.c.subject, {row.id, *messages}))
    events = [
        PostEvent(one.at, one.kind, one.who, one.why, messages[one.subject].network if one.subject in messages else "")
        for one in connection.execute(query.order_by(EVENTS.c.id))
    ]
    if not any(event.kind == "written" for event in events):
        events.insert(0, PostEvent(row.created_at, "drafted", "", "", ""))
    # Of one that a person found there, that says it already.
    found = {event.network for event in events if event.kind == "settled_sent"}
    sent = [
        PostEvent(one.at, "published", "", one.reason, one.network)
        for one in messages.values()
        if one.state in (State.SENT, State.DELIVERED) and one.network not in found
    ]
    return sorted([*events, *sent], key=lambda event: event.at)[::-1]


def find_products(connection: Connection, text: str, limit: int = 6) -> list[ProductFacts]:
    """Return the product with this number or name, or else those that have all the words."""
    exact = load_product(connection, text)
    words = words_of(text)
    if exact is not None or not words:
        return [exact] if exact else []
    with_word = select(PRODUCT_WORDS.c.product_id).where(PRODUCT_WORDS.c.word == max(words, key=len)).limit(500)
    columns = (PRODUCTS.c.id, PRODUCTS.c.name)
    found = connection.execute(select(*columns).where(PRODUCTS.c.id.in_(with_word)).order_by(PRODUCTS.c.id)).all()
    matching = [row for row in found if set(words) <= set(words_of(row.name))]
    same = [row for row in matching if folded(row.name) == folded(text)]
    products = (load_product(connection, row.id) for row in (same or matching)[:limit])
    return [product for product in products if product is not None]


def customer_messages(context: Context, connection: Connection, now: datetime) -> dict[date, DayMessages]:
    """Return by day the mails and texts to customers that wait, as far as the queue is counted."""
    days: dict[date, DayMessages] = {}
    for hour in load_hours(context, connection, now, DIRECT):
        day = (hour.begin or now).astimezone(context.zone).date()
        known = days.get(day, DayMessages(Counter(), hour.begin))
        counted = known.by_channel + Counter({hour.channel: hour.messages})
        earlier = None if None in (known.first_at, hour.begin) else min(filter(None, (known.first_at, hour.begin)))
        days[day] = DayMessages(counted, earlier)
    return days
