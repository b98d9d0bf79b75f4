"""Open, mint, list and revoke the links to order pages."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, update

from models.enums import State
from models.errors import ForewarnError
from rules.customers.link_tokens import hash_of_token, token_of
from tasks.context import Context
from tasks.db.events import record_events
from tasks.orders.links import insert_links, new_link
from tasks.orders.told import NOTICES_WITH_STATE
from tasks.tables import NOTICES, ORDER_LINKS, ORDERS, OUTBOX

REVOKED = "link_revoked"
MAX_TOKEN_CHARS = 64


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """A link that opens an order's page now."""

    id: str
    order_id: str
    customer_id: str


def order_page_url(context: Context, token: str) -> str:
    """Return the address of an order page; raises ForewarnError where the shop has none."""
    if context.shop.order_pages is None:
        raise ForewarnError("shop.toml has no [order_pages]: set its `url`, where customers reach `forewarn serve`")
    return f"{context.shop.order_pages.url}/o/{token}"


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link that was made now. Its address cannot be read from the ledger later."""

    id: str
    url: str
    expires_at: datetime


def customer_of(connection: Connection, order_id: str) -> str:
    """Return the id of an order's customer; raises ForewarnError for an unknown order."""
    customer = connection.execute(select(ORDERS.c.customer_id).where(ORDERS.c.id == order_id)).scalar()
    if customer is None:
        raise ForewarnError(f"no order {order_id!r} is known: `forewarn import` imports new orders")
    return str(customer)


def create_link(context: Context, order_id: str) -> NewLink:
    """Make a link to an order's page for its customer, from the context's moment on.

    Raises ForewarnError for an unknown order, or where the shop has no order pages.
    """
    order_page_url(context, "")
    with context.engine.begin() as connection:
        key, token = mint_link(context, connection, order_id, customer_of(connection, order_id))
    expires_at = context.started_at + timedelta(days=context.policy.order_page.link_days)
    return NewLink(key, order_page_url(context, token), expires_at)


def mint_link(context: Context, connection: Connection, order_id: str, customer_id: str) -> tuple[str, str]:
    """Make a link to an order's page; return its id and its token, which the ledger does not hold."""
    link = new_link(context, order_id, customer_id)
    insert_links(connection, [link])
    return link["id"], token_of(context.link_key, link["id"])


def open_link(context: Context, connection: Connection, token: str, now: datetime) -> OpenedLink | None:
    """Return what a token opens; None where it is unknown, expired, revoked, or one of too many of its order.

    A link opens nothing once the order belongs to another customer.
    """
    if len(token) > MAX_TOKEN_CHARS:
        return None
    link = ORDER_LINKS.alias()
    is_newer = and_(ORDER_LINKS.c.order_id == link.c.order_id, ORDER_LINKS.c.created_at > link.c.created_at)
    newer = select(func.count()).select_from(ORDER_LINKS).where(is_newer, _alive_filter()).scalar_subquery()
    query = (
        select(link.c.id, link.c.order_id, link.c.customer_id)
        .join(ORDERS, and_(ORDERS.c.id == link.c.order_id, ORDERS.c.customer_id == link.c.customer_id))
        .where(link.c.token_hash == hash_of_token(token), link.c.revoked_at.is_(None), link.c.expires_at > now)
        .where(newer < context.policy.order_page.links_alive)
    )
    row = connection.execute(query).first()
    return None if row is None else OpenedLink(*row)


def _alive_filter() -> ColumnElement[bool]:
    """Return the SQL of a link that counts among the newest of its order: it may be in somebody's hands.

    That of notices which are held or were skipped is not: it must not end the link that the customer has.
    """
    of_link = and_(NOTICES.c.order_id == ORDER_LINKS.c.order_id, NOTICES.c.link_id == ORDER_LINKS.c.id)
    notices = select(NOTICES.c.id).select_from(NOTICES_WITH_STATE).where(of_link).correlate(ORDER_LINKS)
    gone_out = notices.where(OUTBOX.c.state.not_in((State.HELD, State.SKIPPED)))
    return and_(ORDER_LINKS.c.revoked_at.is_(None), or_(~notices.exists(), gone_out.exists()))


def list_links(context: Context, connection: Connection, order_id: str, now: datetime) -> list[dict[str, Any]]:
    """Return the links of an order, the newest first, with `works`: whether it opens the page now."""
    query = (
        select(ORDER_LINKS, ORDERS.c.customer_id.label("present_customer"), _alive_filter().label("is_alive"))
        .outerjoin(ORDERS, ORDERS.c.id == ORDER_LINKS.c.order_id)
        .where(ORDER_LINKS.c.order_id == order_id)
        .order_by(ORDER_LINKS.c.created_at.desc(), ORDER_LINKS.c.id)
    )
    rows, alive = [], 0
    for row in connection.execute(query):
        may_work = row.revoked_at is None and row.expires_at > now and row.customer_id == row.present_customer
        works = may_work and alive < context.policy.order_page.links_alive
        alive += row.is_alive
        times = {name: getattr(row, name) for name in ("created_at", "expires_at", "revoked_at", "revoked_by")}
        rows.append({"id": row.id, "works": works, **times})
    return rows


def revoke_links(connection: Connection, orders: Iterable[str], now: datetime, who: str, why: str = "") -> int:
    """Revoke all links of orders; return how many."""
    revoked = 0
    for order in sorted(set(orders)):
        alive = and_(ORDER_LINKS.c.order_id == order, ORDER_LINKS.c.revoked_at.is_(None))
        changed = connection.execute(update(ORDER_LINKS).where(alive).values(revoked_at=now, revoked_by=who)).rowcount
        if changed:
            record_events(connection, [(REVOKED, order, why)], now, who)
        revoked += changed
    return revoked
