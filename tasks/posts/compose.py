"""Compose social posts about products that are late, back in stock or nearly sold out; staff approve them."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from statistics import median
from typing import Any

from sqlalchemy import Connection, select

from models.enums import PostState
from models.messages import Message
from models.orders import ProductFacts
from models.policy.messaging import PostPolicy
from models.posts import ProductDelay, ProductStock
from rules.delays.buckets import bucket_for_days
from rules.ids import post_id
from tasks.context import Context
from tasks.db.sql import insert, read_only
from tasks.orders.filters import CURRENT_DATE_FILTER, EXPECTED_ON_CLAUSE, late_filter
from tasks.orders.order_rows import PRODUCT_COLUMNS, PROMISED_COLUMNS
from tasks.posts.stock import stocked_products
from tasks.staff.audit import MACHINE
from tasks.tables import CUSTOMERS, EXPECTED_DATES, ORDER_LINES, ORDERS, POSTS, PRODUCTS
from templates.rendering.environment import TemplateError

STREAM_OPTIONS = {"yield_per": 5000}


def late_products(
    context: Context,
    connection: Connection,
    as_of: date,
    products: Sequence[str] | None = None,
    terms: PostPolicy | None = None,
) -> list[ProductDelay]:
    """Return the products late in enough orders for a post, the most orders first; of these ids, or of all.

    `terms` are those of the policy where none are given.
    """
    terms = terms or context.policy.posts
    late: dict[ProductFacts, list[tuple[str, int, date | None]]] = {}
    query = (
        select(ORDER_LINES.c.order_id, EXPECTED_ON_CLAUSE, EXPECTED_DATES.c.id, *PROMISED_COLUMNS, *PRODUCT_COLUMNS)
        .select_from(
            ORDER_LINES.join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id)
            .join(PRODUCTS, PRODUCTS.c.id == ORDER_LINES.c.product_id)
            .outerjoin(CUSTOMERS, CUSTOMERS.c.id == ORDERS.c.customer_id)
            .outerjoin(EXPECTED_DATES, CURRENT_DATE_FILTER)
        )
        .where(late_filter(context, as_of))
    )
    if products is not None:
        query = query.where(PRODUCTS.c.id.in_(products))
    for order, stored_date, date_id, *values in connection.execute(query, execution_options=STREAM_OPTIONS):
        promised, product = values[: len(PROMISED_COLUMNS)], values[len(PROMISED_COLUMNS) :]
        expected_on = stored_date if date_id is not None else context.expected_day(stored_date, promised[1])
        day = expected_on if expected_on is not None and expected_on >= as_of else None
        days = context.calendar.days_late(context.promised_day(*promised), day or as_of)
        if days >= terms.days:
            late.setdefault(ProductFacts(*product), []).append((order, days, day))
    delays = [_delay(context, product, late_lines, as_of) for product, late_lines in late.items()]
    worth_a_post = [delay for delay in delays if delay.orders >= terms.orders]
    return sorted(worth_a_post, key=lambda delay: (-delay.orders, delay.product.id))


def _delay(
    context: Context, product: ProductFacts, late_lines: Sequence[tuple[str, int, date | None]], as_of: date
) -> ProductDelay:
    dates = [day for *_, day in late_lines]
    days = round(median(days for _, days, _ in late_lines))
    bucket = bucket_for_days(days, context.policy)
    return ProductDelay(
        product=product,
        as_of=as_of,
        orders=len({order for order, *_ in late_lines}),
        days=days,
        expected_on=None if None in dates else max(day for day in dates if day is not None),
        bucket=bucket.name if bucket else context.policy.bucket[0].name,
    )


def compose_delay_posts(context: Context) -> list[dict[str, Any]]:
    """Save this week's posts about late products; see `save_posts`."""
    with read_only(context.engine) as connection:
        late = late_products(context, connection, context.as_of)
    return save_posts(context, late)


def compose_stock_posts(context: Context) -> list[dict[str, Any]]:
    """Save this week's posts about products that are back in stock or nearly sold out; see `save_posts`."""
    with read_only(context.engine) as connection:
        stocked = stocked_products(context, connection)
    return save_posts(context, stocked)


def save_posts(context: Context, subjects: Sequence[ProductDelay | ProductStock]) -> list[dict[str, Any]]:
    """Save posts that wait for approval, at most one a product, week and kind; return the new ones."""
    if not subjects:
        return []
    with context.engine.begin() as connection:
        return save_drafts(context, connection, subjects)


def save_drafts(
    context: Context, connection: Connection, subjects: Sequence[ProductDelay | ProductStock]
) -> list[dict[str, Any]]:
    """Do what `save_posts` does, in the caller's transaction."""
    week = iso_week(context.as_of)
    rows = [_post(context, subject, week) for subject in subjects]
    existing = set(connection.execute(select(POSTS.c.id).where(POSTS.c.week == week)).scalars())
    new = [row for row in rows if row["id"] not in existing]
    if new:
        connection.execute(insert(connection, POSTS).on_conflict_do_nothing(), new)
    return new


def _post(context: Context, about: ProductDelay | ProductStock, week: str) -> dict[str, Any]:
    key = post_id(about.product.id, week, about.kind)
    words = context.renderer.render_post(about, id=key)
    return {
        "id": key,
        "run_id": context.run_id,
        "product_id": about.product.id,
        "week": week,
        "kind": about.kind,
        "locale": words.locale,
        "text": words.text,
        "texts": _other_texts(context, about, words),
        "networks": list(context.networks),
        "orders": about.orders,
        "left": about.left if isinstance(about, ProductStock) else None,
        "expected_on": about.expected_on if isinstance(about, ProductDelay) else None,
        "state": PostState.WAITS,
        "author": MACHINE,
        "calendar_at": context.started_at,
        "created_at": context.started_at,
        "changed_at": context.started_at,
    }


def _other_texts(context: Context, about: ProductDelay | ProductStock, words: Message) -> dict[str, str]:
    """Return the text for each network that has room for less: Bluesky counts the whole link, X does not.

    One that has no room at all keeps the draft's text; nobody can approve that before it is shortened.
    """
    texts: dict[str, str] = {}
    for network in context.networks:
        with suppress(TemplateError):
            text = context.renderer.render_post(about, id=words.id, network=network).text
            if text != words.text:
                texts[str(network)] = text
    return texts


def iso_week(day: date) -> str:
    """Return the ISO week of a day, as 2026-W48."""
    return f"{day:%G-W%V}"
