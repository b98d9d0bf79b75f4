"""Gather what open lines want from vendors, what was asked of them, and how each vendor takes it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, select

from models.purchases import Asked, By, Need
from models.shopfolder import ShopConfig
from models.supply import Cover
from models.vendor_doors import ByMail
from rules.forwarding import Line
from tasks.db import among, reading
from tasks.desk import Desk
from tasks.orders import LINES, ORDERS, PRODUCTS, not_yet
from tasks.runs import Now
from tasks.supply_tables import ALLOCATIONS, PURCHASED, REQUESTS, VENDORS


@dataclass(frozen=True, slots=True)
class Wanted:
    """What open lines want from vendors, and what was asked for them before."""

    needs: tuple[Need, ...]
    asked: Mapping[Line, Sequence[Asked]]


@dataclass(frozen=True, slots=True)
class VendorFacts:
    """A vendor, as far as asking it needs it."""

    id: str
    name: str
    email: str | None = None


def still_wanted(day_over: datetime) -> ColumnElement[bool]:
    """Return the SQL of a line that has not left at a day's end, and is not cancelled; wants ORDERS joined."""
    ends = (LINES.c.shipped_at, LINES.c.delivered_at, LINES.c.cancelled_at, ORDERS.c.cancelled_at)
    return and_(ORDERS.c.placed_at < day_over, *(not_yet(end, day_over) for end in ends))


def wanted(desk: Desk, now: Now) -> Wanted:
    """Return what is wanted from vendors on a day, of every open line."""
    day_over = desk.end_of(now.as_of)
    with reading(desk.engine) as connection:
        needs = (*_backordered(connection, day_over), *_drop_shipped(connection, day_over))
        return Wanted(needs, _asked(connection, day_over))


def _backordered(connection: Connection, day_over: datetime) -> Iterator[Need]:
    key = (LINES.c.order_id, LINES.c.number, LINES.c.product_id, PRODUCTS.c.vendor_id)
    query = (
        select(*key, func.sum(ALLOCATIONS.c.quantity))
        .select_from(ALLOCATIONS)
        .join(LINES, and_(LINES.c.order_id == ALLOCATIONS.c.order_id, LINES.c.number == ALLOCATIONS.c.line))
        .join(ORDERS, ORDERS.c.id == LINES.c.order_id)
        .join(PRODUCTS, PRODUCTS.c.id == LINES.c.product_id)
        .where(ALLOCATIONS.c.cover == Cover.NOTHING, PRODUCTS.c.vendor_id.is_not(None), ~PRODUCTS.c.drop_shipped)
        .where(still_wanted(day_over))
        .group_by(*key)
    )
    for order, line, product, vendor, quantity in connection.execute(query):
        yield Need(order, line, product, vendor, int(quantity))


def _drop_shipped(connection: Connection, day_over: datetime) -> Iterator[Need]:
    addressed = and_(func.coalesce(ORDERS.c.street, "") != "", func.coalesce(ORDERS.c.city, "") != "")
    query = (
        select(LINES.c.order_id, LINES.c.number, LINES.c.product_id, PRODUCTS.c.vendor_id, LINES.c.quantity, addressed)
        .select_from(LINES)
        .join(ORDERS, ORDERS.c.id == LINES.c.order_id)
        .join(PRODUCTS, PRODUCTS.c.id == LINES.c.product_id)
        .where(PRODUCTS.c.drop_shipped, PRODUCTS.c.vendor_id.is_not(None), still_wanted(day_over))
    )
    for order, line, product, vendor, quantity, has_address in connection.execute(query):
        yield Need(order, line, product, vendor, quantity, drop_shipped=True, addressed=bool(has_address))


def _asked(connection: Connection, day_over: datetime) -> dict[Line, list[Asked]]:
    found: dict[Line, list[Asked]] = defaultdict(list)
    query = (
        select(PURCHASED.c.order_id, PURCHASED.c.line, REQUESTS.c.vendor_id)
        .add_columns(PURCHASED.c.quantity, PURCHASED.c.nth, PURCHASED.c.answer)
        .select_from(PURCHASED)
        .join(REQUESTS, REQUESTS.c.id == PURCHASED.c.request_id)
        .join(LINES, and_(LINES.c.order_id == PURCHASED.c.order_id, LINES.c.number == PURCHASED.c.line))
        .join(ORDERS, ORDERS.c.id == LINES.c.order_id)
        .where(still_wanted(day_over))
    )
    for order, line, *asked in connection.execute(query):
        found[order, line].append(Asked(*asked))
    return found


def vendors(connection: Connection, ids: Iterable[str] | None = None) -> dict[str, VendorFacts]:
    """Return vendors by their ids; all of them where none are named."""
    query = select(VENDORS.c.id, VENDORS.c.name, VENDORS.c.email).order_by(VENDORS.c.id)
    if ids is not None:
        query = query.where(among(connection, VENDORS.c.id, list(ids)))
    return {row.id: VendorFacts(*row) for row in connection.execute(query)}


def way_of(shop: ShopConfig, vendor: VendorFacts) -> By | None:
    """Return how a vendor takes purchase requests: as shop.toml says, or else by mail; None where it has no address."""
    door = shop.vendor.get(vendor.id)
    if door is None or isinstance(door, ByMail):
        return By.MAIL if mail_of(shop, vendor) else None
    return By(door.by)


def mail_of(shop: ShopConfig, vendor: VendorFacts) -> str | None:
    """Return the address that a vendor's mails go to."""
    door = shop.vendor.get(vendor.id)
    return (door.to if isinstance(door, ByMail) else None) or vendor.email
