"""Load the products in stock that could replace a late one: a category at a time, each once in a run."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Connection, case, func, select, type_coerce

from models.customers import STANDING, Act
from models.inventory import StockStatus
from models.orders import ProductFacts
from models.quantities import Quantity
from models.tables.column_types import Pieces
from rules.offers.substitutes import Candidate, SubstituteIndex
from tasks.context import Context
from tasks.db.sql import in_list
from tasks.orders.filters import late_filter, not_packed_filter
from tasks.orders.order_rows import PRODUCT_COLUMNS
from tasks.orders.owed_pieces import wanted_pieces_clause
from tasks.tables import AVAILABILITIES, CUSTOMER_CHOICES, ORDER_LINES, ORDERS, PRODUCTS, STOCKS, WATCHES


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
        self._candidates += _load_candidates(context, connection, PRODUCTS.c.category.in_(new), as_of)
        self.late_products |= _load_late_products(context, connection, new, as_of, all_orders=self.all_orders)
        self._index = None

    @property
    def index(self) -> SubstituteIndex:
        """Return an index of the products loaded so far."""
        if self._index is None:
            self._index = SubstituteIndex(self._candidates)
        return self._index


def load_free_products(
    context: Context, connection: Connection, products: Collection[str], as_of: date
) -> dict[str, Candidate]:
    """Return those of the products that have pieces free for a new order, by id."""
    free = _load_candidates(context, connection, in_list(connection, PRODUCTS.c.id, products), as_of)
    return {candidate.product.id: candidate for candidate in free}


def _load_candidates(
    context: Context, connection: Connection, which: ColumnElement[bool], as_of: date
) -> list[Candidate]:
    """Return the products that match and have pieces free for a new order.

    The last allocation says how many are free. Without one it is the stock on hand less what is allocated, and where
    the source names no allocated pieces, less what open lines still need. Pieces that are reserved for customers who
    swapped a late product are not free.
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
        .where(which)
        .group_by(*PRODUCT_COLUMNS, availability.state, availability.free_quantity)
        .having(func.sum(STOCKS.c.on_hand) > 0)
    )
    reserved = _reserved_pieces(connection, context.started_at)
    candidates = (
        Candidate(ProductFacts(*product), free - reserved.get(product[0], 0))
        for *product, free in connection.execute(query)
    )
    return [candidate for candidate in candidates if candidate.available > 0]


def _reserved_pieces(connection: Connection, now: datetime) -> dict[str, Quantity]:
    """Return by product the pieces that are reserved for customers who swapped a late product for it."""
    choices = CUSTOMER_CHOICES.c
    query = (
        select(choices.product_id, type_coerce(func.sum(choices.quantity), Pieces))
        .where(choices.reserved_until > now, choices.act == Act.SWAP, choices.state.in_(STANDING))
        .group_by(choices.product_id)
    )
    return dict(connection.execute(query).all())


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
