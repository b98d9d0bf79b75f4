"""Save what a new order for each product would get, and list the products that orders wait for."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, select

from models.inventory import ProductAvailability, StockStatus
from tasks.context import Context
from tasks.db.sql import in_list, insert, read_only, upsert
from tasks.orders.due import recheck_notices_about
from tasks.tables import AVAILABILITIES, PRODUCTS

MAX_LISTED = 200


def save_availability(
    connection: Connection, available: Iterable[tuple[ProductAvailability, int]], now: datetime
) -> None:
    """Save the availability of products, each with the number of orders that wait for it.

    Unchanged rows are written too, because a storefront notice is valid for a time from `set_at` on. `since` is when
    the state began, `waited` how many orders waited when the product came back. Notices that have not left and offer a
    product of which another number is free are checked again.
    """
    rows = [_row(each, waiting, now) for each, waiting in available]
    recheck_notices_about(connection, _moved(connection, rows), offered_only=True)
    new, stored = insert(connection, AVAILABILITIES).excluded, AVAILABILITIES.c
    is_same_state, is_back = stored.state == new.state, new.state == StockStatus.IN_STOCK
    upsert(
        connection,
        AVAILABILITIES,
        rows,
        since=case((is_same_state, stored.since), else_=new.since),
        waited=case((is_same_state, stored.waited), (is_back, stored.waiting), else_=0),
    )


def _moved(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """Return the ids of products whose state or number of free pieces differs from the stored one."""
    columns = (AVAILABILITIES.c.product_id, AVAILABILITIES.c.state, AVAILABILITIES.c.free_quantity)
    query = select(*columns).where(
        in_list(connection, AVAILABILITIES.c.product_id, [row["product_id"] for row in rows])
    )
    stored = {key: (state, free) for key, state, free in connection.execute(query)}
    return {row["product_id"] for row in rows if stored.get(row["product_id"]) != (row["state"], row["free_quantity"])}


def _row(available: ProductAvailability, waiting: int, now: datetime) -> dict[str, Any]:
    return {
        "product_id": available.product,
        "state": available.state,
        "free_quantity": available.free_quantity,
        "expected_on": available.expected_on,
        "latest_on": available.latest_on,
        "waiting": waiting,
        "waited": 0,
        "since": now,
        "set_at": now,
    }


def short_products(context: Context) -> list[dict[str, Any]]:
    """Return the products that open orders wait for, those with most waiting orders first; MAX_LISTED at most."""
    names = ("product_id", "state", "waiting", "expected_on", "latest_on")
    query = (
        select(PRODUCTS.c.name, *(AVAILABILITIES.c[name] for name in names))
        .join(PRODUCTS, PRODUCTS.c.id == AVAILABILITIES.c.product_id)
        .where(AVAILABILITIES.c.waiting > 0)
        .order_by(AVAILABILITIES.c.waiting.desc(), AVAILABILITIES.c.product_id)
        .limit(MAX_LISTED)
    )
    with read_only(context.engine) as connection:
        return [dict(row) for row in connection.execute(query).mappings()]
