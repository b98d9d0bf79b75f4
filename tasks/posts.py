"""Social posts about products, late, back or running low: composed, held for approval, then sent like notices."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from statistics import median
from typing import Any

from sqlalchemy import Connection, select, update

from models.errors import ForewarnError
from models.facts import ProductDelay, ProductFacts, ProductStock
from models.ledger import Post
from models.values import Channel, PostKind, Skip, State
from rules.delays import bucket_for
from rules.fingerprints import post_id
from tasks.db import insert, reading
from tasks.desk import Desk
from tasks.lookup import find_one
from tasks.orders import (
    CURRENT,
    CUSTOMERS,
    EXPECTATIONS,
    EXPECTED_ON,
    LINES,
    ORDERS,
    PRODUCT,
    PRODUCTS,
    PROMISED,
    still_late,
    table_of,
)
from tasks.outbox import Settled, happened
from tasks.runs import Now
from tasks.stock_posts import stocked_products, untrue_posts

POSTS = table_of(Post)
STREAMED = {"yield_per": 5000}


def late_products(
    desk: Desk, connection: Connection, as_of: date, among: Sequence[str] | None = None
) -> list[ProductDelay]:
    """Return the products late in enough orders to be worth a post, the most orders first; of some products, or all."""
    terms = desk.policy.posts
    late: dict[ProductFacts, list[tuple[str, int, date | None]]] = {}
    query = (
        select(LINES.c.order_id, EXPECTED_ON, EXPECTATIONS.c.id, *PROMISED, *PRODUCT)
        .select_from(
            LINES.join(ORDERS, ORDERS.c.id == LINES.c.order_id)
            .join(PRODUCTS, PRODUCTS.c.id == LINES.c.product_id)
            .outerjoin(CUSTOMERS, CUSTOMERS.c.id == ORDERS.c.customer_id)
            .outerjoin(EXPECTATIONS, CURRENT)
        )
        .where(still_late(desk, as_of))
    )
    if among is not None:
        query = query.where(PRODUCTS.c.id.in_(among))
    for order, given, ours, *found in connection.execute(query, execution_options=STREAMED):
        promised, product = found[: len(PROMISED)], found[len(PROMISED) :]
        expected_on = given if ours is not None else desk.expected_day(given, promised[1])
        day = expected_on if expected_on is not None and expected_on >= as_of else None
        days = desk.calendar.days_late(desk.promised_day(*promised), day or as_of)
        if days >= terms.days:
            late.setdefault(ProductFacts(*product), []).append((order, days, day))
    worth = {product: found for product, found in late.items() if len({order for order, *_ in found}) >= terms.orders}
    delays = [_delay(desk, product, found, as_of) for product, found in worth.items()]
    return sorted(delays, key=lambda one: (-one.orders, one.product.id))


def _delay(
    desk: Desk, product: ProductFacts, found: Sequence[tuple[str, int, date | None]], as_of: date
) -> ProductDelay:
    dates = [day for *_, day in found]
    days = round(median(days for _, days, _ in found))
    bucket = bucket_for(days, desk.policy)
    return ProductDelay(
        product=product,
        as_of=as_of,
        orders=len({order for order, *_ in found}),
        days=days,
        expected_on=None if None in dates else max(day for day in dates if day is not None),
        bucket=bucket.name if bucket else desk.policy.bucket[0].name,
    )


def compose(desk: Desk, now: Now) -> list[dict[str, Any]]:
    """Write this week's posts about late products; see `hold`."""
    with reading(desk.engine) as connection:
        late = late_products(desk, connection, now.as_of)
    return hold(desk, now, late)


def compose_stock(desk: Desk, now: Now) -> list[dict[str, Any]]:
    """Write this week's posts about products that are back or running low; see `hold`."""
    with reading(desk.engine) as connection:
        stocked = stocked_products(desk, connection, now)
    return hold(desk, now, stocked)


def hold(desk: Desk, now: Now, about: Sequence[ProductDelay | ProductStock]) -> list[dict[str, Any]]:
    """Write posts, held until somebody approves them; at most one a product, week and kind. Return the new ones."""
    name = iso_week(now.as_of)
    rows = [_post(desk, now, one, name) for one in about]
    if not rows:
        return []
    with desk.engine.begin() as connection:
        there = set(connection.execute(select(POSTS.c.id).where(POSTS.c.week == name)).scalars())
        new = [row for row in rows if row["id"] not in there]
        if new:
            connection.execute(insert(connection, POSTS).on_conflict_do_nothing(), new)
    return new


def _post(desk: Desk, now: Now, about: ProductDelay | ProductStock, week: str) -> dict[str, Any]:
    key = post_id(about.product.id, week, about.kind)
    words = desk.words.post(about, id=key)
    return {
        "id": key,
        "run_id": now.run,
        "product_id": about.product.id,
        "week": week,
        "kind": about.kind,
        "channel": Channel.X,
        "state": State.HELD,
        "locale": words.locale,
        "text": words.text,
        "orders": about.orders,
        "left": about.left if isinstance(about, ProductStock) else None,
        "expected_on": about.expected_on if isinstance(about, ProductDelay) else None,
        "created_at": now.moment,
        "not_before": now.moment,
    }


def iso_week(day: date) -> str:
    """Return the ISO week of a day, as 2026-W48."""
    return f"{day:%G-W%V}"


def listed(connection: Connection, state: State | None = None) -> list[dict[str, Any]]:
    """Return the posts, newest week first, of one state or all."""
    query = select(POSTS).order_by(POSTS.c.week.desc(), POSTS.c.orders.desc(), POSTS.c.id)
    if state is not None:
        query = query.where(POSTS.c.state == state)
    return [dict(row) for row in connection.execute(query).mappings()]


def decide_on(desk: Desk, now: Now, post: str, verdict: State, who: str, why: str = "") -> str:
    """Approve (QUEUED) or turn down (SKIPPED) a held post, named by the beginning of its id; return the whole id.

    Raises ForewarnError where no held post, or more than one, is meant.
    """
    with desk.engine.begin() as connection:
        held = "held posts that `forewarn posts list` shows"
        key = find_one(connection, POSTS, post, POSTS.c.state == State.HELD, held)
        reason = None if verdict is State.QUEUED else why or "not approved"
        moved = connection.execute(
            update(POSTS)
            .where(POSTS.c.id == key, POSTS.c.state == State.HELD)
            .values(state=verdict, reason=reason, not_before=now.moment)
        )
        if moved.rowcount != 1:
            raise ForewarnError(f"somebody else decided on post {post} just now; `forewarn posts list --all` shows it")
        kind = "approved" if verdict is State.QUEUED else "turned_down"
        happened(connection, [(kind, key, why)], now.moment, who)
    return key


def stale(
    desk: Desk, connection: Connection, posts: Sequence[Mapping[str, Any]], as_of: date, _: datetime
) -> list[Settled]:
    """Return the posts that are not true any more, such as one whose product is expected on another day."""
    about_late = [row for row in posts if row["kind"] == PostKind.LATE]
    late = late_products(desk, connection, as_of, [row["product_id"] for row in about_late])
    dates = {one.product.id: one.expected_on for one in late}
    changed = {
        row["id"]
        for row in about_late
        if row["product_id"] not in dates or row["expected_on"] != dates[row["product_id"]]
    }
    changed |= untrue_posts(connection, [row for row in posts if row["kind"] != PostKind.LATE])
    return [Settled(key, State.SKIPPED, Skip.CHANGED) for key in sorted(changed)]
