"""What is in stock and could take a late product's place, read a category at a time, once a run."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import CompoundSelect, Connection, case, func, select, type_coerce

from models.inventory import StockStatus
from models.orders import ProductFacts
from models.tables.column_types import Pieces
from rules.offers.substitutes import Candidate, SubstituteIndex
from tasks.context import Context
from tasks.orders.filters import late_filter, not_packed_filter
from tasks.orders.owed_pieces import wanted_pieces_clause
from tasks.orders.queries import PRODUCT
from tasks.tables import AVAILABILITIES, ORDER_LINES, ORDERS, PRODUCTS, STOCKS, WATCHES


@dataclass(slots=True)
class SubstituteStock:
    """The categories read so far in a run, and the products in them that are late themselves."""

    whole: bool = False
    """Whether to look for late products among all orders: where a past day is seen again, watches stand elsewhere."""
    late: set[str] = field(default_factory=set)
    _shelf: SubstituteIndex | None = None
    _candidates: list[Candidate] = field(default_factory=list)
    _known: set[str] = field(default_factory=set)

    def stock(self, context: Context, connection: Connection, categories: Iterable[str | None], as_of: date) -> None:
        """Read the categories that were not read yet."""
        new = sorted({name for name in categories if name is not None} - self._known)
        if not new:
            return
        self._known.update(new)
        found = _in_stock(context, connection, new, as_of)
        self._candidates += found
        self.late |= _late(context, connection, new, as_of, whole=self.whole)
        self._shelf = None

    @property
    def shelf(self) -> SubstituteIndex:
        """Return what was read so far, ready to search."""
        if self._shelf is None:
            self._shelf = SubstituteIndex(self._candidates)
        return self._shelf


def _in_stock(context: Context, connection: Connection, categories: list[str], as_of: date) -> list[Candidate]:
    """Return the products with units free: what a new order would get, where allocation has found it.

    Else it is on hand less allocated. Where a stock's source does not say how many are allocated, what open lines ask
    for counts as such.
    """
    over = context.end_of(as_of)
    waiting = (
        select(func.coalesce(func.sum(wanted_pieces_clause(over)), 0))
        .select_from(ORDER_LINES.join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id))
        .where(ORDER_LINES.c.product_id == PRODUCTS.c.id, not_packed_filter(context, as_of))
        .correlate(PRODUCTS)
        .scalar_subquery()
    )
    allocated = func.coalesce(func.sum(STOCKS.c.allocated), waiting)
    by_source = type_coerce(func.sum(STOCKS.c.on_hand) - allocated, Pieces)
    found = AVAILABILITIES.c
    free = case((found.state.is_(None), by_source), (found.state == StockStatus.IN_STOCK, found.left), else_=0)
    query = (
        select(*PRODUCT, free.label("free"))
        .select_from(
            PRODUCTS.join(STOCKS, STOCKS.c.product_id == PRODUCTS.c.id).outerjoin(
                AVAILABILITIES, found.product_id == PRODUCTS.c.id
            )
        )
        .where(PRODUCTS.c.category.in_(categories))
        .group_by(*PRODUCT, found.state, found.left)
        .having(func.sum(STOCKS.c.on_hand) > 0)
    )
    return [Candidate(ProductFacts(*product), free) for *product, free in connection.execute(query) if free > 0]


def _late(context: Context, connection: Connection, categories: list[str], as_of: date, *, whole: bool) -> set[str]:
    """Return the products of categories that are late in an order: among those that watches know to be late or due."""
    query = (
        select(ORDER_LINES.c.product_id)
        .distinct()
        .select_from(
            ORDER_LINES.join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id).join(
                PRODUCTS, PRODUCTS.c.id == ORDER_LINES.c.product_id
            )
        )
        .where(PRODUCTS.c.category.in_(categories), late_filter(context, as_of))
    )
    if not whole:
        query = query.where(ORDER_LINES.c.order_id.in_(_known_late(context, as_of)))
    return set(connection.execute(query).scalars())


def _known_late(context: Context, as_of: date) -> CompoundSelect[Any]:
    buckets = [bucket.name for bucket in context.policy.bucket]
    late = select(WATCHES.c.order_id).where(WATCHES.c.bucket.in_(buckets))
    return late.union(select(WATCHES.c.order_id).where(WATCHES.c.next_check_on <= as_of))
