"""Load the products in stock that could replace a late one: a category at a time, each once in a run."""

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
from tasks.orders.order_rows import PRODUCT_COLUMNS
from tasks.orders.owed_pieces import wanted_pieces_clause
from tasks.tables import AVAILABILITIES, ORDER_LINES, ORDERS, PRODUCTS, STOCKS, WATCHES


@dataclass(slots=True)
class SubstituteStock:
    """The products in stock in the categories loaded so far, and which of them are late."""

    all_orders: bool = False
    """Whether to search all orders for late products, rather than those that watches know to be late or due.

    A dry run on another day needs it: the watches stand at the last run's day.
    """
    late_products: set[str] = field(default_factory=set)
    _index: SubstituteIndex | None = None
    _candidates: list[Candidate] = field(default_factory=list)
    _loaded: set[str] = field(default_factory=set)

    def load_categories(
        self, context: Context, connection: Connection, categories: Iterable[str | None], as_of: date
    ) -> None:
        """Load the categories that are not loaded yet; None stands for products without a category."""
        new = sorted({category for category in categories if category is not None} - self._loaded)
        if not new:
            return
        self._loaded.update(new)
        self._candidates += _load_candidates(context, connection, new, as_of)
        self.late_products |= _load_late_products(context, connection, new, as_of, all_orders=self.all_orders)
        self._index = None

    @property
    def index(self) -> SubstituteIndex:
        """Return an index of the products loaded so far."""
        if self._index is None:
            self._index = SubstituteIndex(self._candidates)
        return self._index


def _load_candidates(context: Context, connection: Connection, categories: list[str], as_of: date) -> list[Candidate]:
    """Return the products of categories with pieces free for a new order.

    The last allocation says how many are free. Without one it is the stock on hand less what is allocated, and where
    the source names no allocated pieces, less what open lines still need.
    """
    day_over = context.end_of(as_of)
    needed = (
        select(func.coalesce(func.sum(wanted_pieces_clause(day_over)), 0))
        .select_from(ORDER_LINES.join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id))
        .where(ORDER_LINES.c.product_id == PRODUCTS.c.id, not_packed_filter(context, as_of))
        .correlate(PRODUCTS)
        .scalar_subquery()
    )
    allocated = func.coalesce(func.sum(STOCKS.c.allocated), needed)
    free_by_source = type_coerce(func.sum(STOCKS.c.on_hand) - allocated, Pieces)
    availability = AVAILABILITIES.c
    free = case(
        (availability.state.is_(None), free_by_source),
        (availability.state == StockStatus.IN_STOCK, availability.free_quantity),
        else_=0,
    )
    query = (
        select(*PRODUCT_COLUMNS, free.label("free"))
        .select_from(
            PRODUCTS.join(STOCKS, STOCKS.c.product_id == PRODUCTS.c.id).outerjoin(
                AVAILABILITIES, availability.product_id == PRODUCTS.c.id
            )
        )
        .where(PRODUCTS.c.category.in_(categories))
        .group_by(*PRODUCT_COLUMNS, availability.state, availability.free_quantity)
        .having(func.sum(STOCKS.c.on_hand) > 0)
    )
    return [Candidate(ProductFacts(*product), free) for *product, free in connection.execute(query) if free > 0]


def _load_late_products(
    context: Context, connection: Connection, categories: list[str], as_of: date, *, all_orders: bool
) -> set[str]:
    """Return the ids of a category's products that are late in an order; see `SubstituteStock.all_orders`."""
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
    if not all_orders:
        query = query.where(ORDER_LINES.c.order_id.in_(_known_late_orders(context, as_of)))
    return set(connection.execute(query).scalars())


def _known_late_orders(context: Context, as_of: date) -> CompoundSelect[Any]:
    buckets = [bucket.name for bucket in context.policy.bucket]
    late = select(WATCHES.c.order_id).where(WATCHES.c.bucket.in_(buckets))
    return late.union(select(WATCHES.c.order_id).where(WATCHES.c.next_check_on <= as_of))
