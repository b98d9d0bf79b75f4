"""The products that are late in orders: how many people wait, how late, until when, and what is on its way."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from statistics import median_low

from sqlalchemy import Connection, and_, func, select

from models.enums import PostKind, PostState
from models.policy.policy import NOT_OPEN, ON_TIME
from rules.posts.status import PostStatus, post_status
from tasks.context import Context
from tasks.db.counters import count_orders_by_bucket
from tasks.db.sql import in_list, read_only
from tasks.desk.bounded import PAGE, Listed, listed
from tasks.orders.filters import CURRENT_DATE_FILTER, EXPECTED_ON_CLAUSE, late_filter
from tasks.orders.order_rows import PROMISED_COLUMNS
from tasks.posts.compose import STREAM_OPTIONS, iso_week
from tasks.posts.review import load_posted
from tasks.tables import CUSTOMERS, EXPECTED_DATES, INBOUNDS, ORDER_LINES, ORDERS, POSTS, PRODUCTS, VENDORS

COUNTED_AT_ONCE = 1_000
"""Late orders up to which products are counted while a person waits; more are counted beside, and shown as of then."""
FRESH_FOR = timedelta(minutes=10)
Place = tuple[int, str]


@dataclass(frozen=True, slots=True)
class LateLine:
    """A line that is late."""

    order_id: str
    number: str
    customer_id: str
    product_id: str
    days: int
    expected_on: date | None
    source: str
    """Who said the date: a DateSource, or `shop`; empty where there is none."""


@dataclass(frozen=True, slots=True)
class LateProduct:
    """A product and the orders that wait for it."""

    id: str
    name: str
    category: str
    vendor_id: str
    vendor: str
    orders: int
    people: int
    days: int
    """Of the median line."""
    worst_days: int
    first_on: date | None
    last_on: date | None
    """The first and the last day on which it is expected for one of them; None: no date is known."""
    undated: int
    """Orders without a date."""
    sources: tuple[str, ...]

    @property
    def place(self) -> Place:
        """Where it stands in the list."""
        return -self.orders, self.id


@dataclass(frozen=True, slots=True)
class NextDelivery:
    """The next delivery of a product."""

    id: str
    quantity: str
    expected_on: date | None


@dataclass(frozen=True, slots=True)
class ProductPost:
    """The post of a week about a product."""

    id: str
    status: PostStatus
    at: datetime
    """When it is published."""
    text: str


def late_lines(context: Context, connection: Connection, products: Sequence[str] | None = None) -> Iterator[LateLine]:
    """Yield the lines that are late; of these products, or of all."""
    names = ("order_id", "number", "product_id")
    query = (
        select(*(ORDER_LINES.c[name] for name in names), ORDERS.c.customer_id, EXPECTED_ON_CLAUSE.label("day"))
        .add_columns(EXPECTED_DATES.c.id, EXPECTED_DATES.c.source, *PROMISED_COLUMNS)
        .select_from(
            ORDER_LINES.join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id)
            .outerjoin(CUSTOMERS, CUSTOMERS.c.id == ORDERS.c.customer_id)
            .outerjoin(EXPECTED_DATES, CURRENT_DATE_FILTER)
        )
        .where(late_filter(context, context.as_of))
    )
    if products is not None:
        query = query.where(in_list(connection, ORDER_LINES.c.product_id, products))
    for order, number, product, customer, stored, date_id, source, *promised in connection.execute(
        query, execution_options=STREAM_OPTIONS
    ):
        expected_on = stored if date_id is not None else context.expected_day(stored, promised[1])
        day = expected_on if expected_on is not None and expected_on >= context.as_of else None
        days = context.calendar.days_late(context.promised_day(*promised), day or context.as_of)
        if days > 0:
            yield LateLine(order, number, customer, product, days, day, (source or "shop") if day else "")


def count_late_products(
    context: Context, connection: Connection, products: Sequence[str] | None = None
) -> tuple[LateProduct, ...]:
    """Return the late products, those that most orders wait for first; of these ids, or of all."""
    lines: dict[str, list[LateLine]] = {}
    for line in late_lines(context, connection, products):
        lines.setdefault(line.product_id, []).append(line)
    if not lines:
        return ()
    query = (
        select(
            PRODUCTS.c.id, PRODUCTS.c.name, PRODUCTS.c.category, PRODUCTS.c.vendor_id, VENDORS.c.name.label("vendor")
        )
        .select_from(PRODUCTS.outerjoin(VENDORS, VENDORS.c.id == PRODUCTS.c.vendor_id))
        .where(in_list(connection, PRODUCTS.c.id, lines))
    )
    counted = [
        _late_product(lines[row.id], row.id, row.name, row.category, row.vendor_id, row.vendor)
        for row in connection.execute(query)
    ]
    return tuple(sorted(counted, key=lambda product: product.place))


def _late_product(
    lines: Sequence[LateLine], key: str, name: str, category: str | None, vendor_id: str | None, vendor: str | None
) -> LateProduct:
    dates = [line.expected_on for line in lines if line.expected_on is not None]
    return LateProduct(
        id=key,
        name=name,
        category=category or "",
        vendor_id=vendor_id or "",
        vendor=vendor or vendor_id or "",
        orders=len({line.order_id for line in lines}),
        people=len({line.customer_id for line in lines}),
        days=median_low(line.days for line in lines),
        worst_days=max(line.days for line in lines),
        first_on=min(dates, default=None),
        last_on=max(dates, default=None),
        undated=len({line.order_id for line in lines if line.expected_on is None}),
        sources=tuple(sorted({line.source for line in lines if line.source})),
    )


def load_next_deliveries(connection: Connection, products: Sequence[str]) -> dict[str, NextDelivery]:
    """Return by product the delivery that comes next."""
    day = func.coalesce(INBOUNDS.c.expected_on, INBOUNDS.c.promised_on, type_=INBOUNDS.c.expected_on.type)
    query = (
        select(INBOUNDS.c.product_id, INBOUNDS.c.id, INBOUNDS.c.quantity, day.label("day"))
        .where(in_list(connection, INBOUNDS.c.product_id, products), INBOUNDS.c.received_at.is_(None))
        .order_by(day.is_(None), day, INBOUNDS.c.id)
    )
    found: dict[str, NextDelivery] = {}
    for row in connection.execute(query) if products else ():
        found.setdefault(row.product_id, NextDelivery(row.id, f"{row.quantity:g}", row.day))
    return found


def load_posts(context: Context, connection: Connection, products: Sequence[str]) -> dict[str, ProductPost]:
    """Return by product this week's post about its delay."""
    of_week = and_(POSTS.c.week == iso_week(context.as_of), POSTS.c.kind == PostKind.LATE)
    query = select(POSTS.c.product_id, POSTS.c.id, POSTS.c.text, POSTS.c.state, POSTS.c.calendar_at).where(
        in_list(connection, POSTS.c.product_id, products), of_week
    )
    rows = connection.execute(query).all() if products else []
    posted = load_posted(connection, [row.id for row in rows])
    return {
        row.product_id: ProductPost(
            row.id, post_status(PostState(row.state), posted.get(row.id, ())), row.calendar_at, row.text
        )
        for row in rows
    }


@dataclass(frozen=True, slots=True)
class LateSnapshot:
    """The late products as they were counted at a moment."""

    products: tuple[LateProduct, ...] = ()
    counted_at: datetime | None = None
    """None: they are being counted for the first time."""
    is_counting: bool = False

    def page(self, vendor: str, category: str, place: Place | None, limit: int = PAGE) -> Listed[LateProduct]:
        """Return a page of the products of a vendor and a category, or of all."""
        wanted = (
            product
            for product in self.products
            if vendor in ("", product.vendor_id) and category in ("", product.category)
            if place is None or product.place > place
        )
        return listed([product for product, _ in zip(wanted, range(limit + 1), strict=False)], limit)

    @property
    def vendors(self) -> tuple[tuple[str, str], ...]:
        """Return the vendors of late products, by name."""
        found = {product.vendor_id: product.vendor for product in self.products if product.vendor_id}
        return tuple(sorted(found.items(), key=lambda pair: pair[1].casefold()))

    @property
    def categories(self) -> tuple[str, ...]:
        """Return the categories of late products, by name."""
        return tuple(sorted({product.category for product in self.products if product.category}, key=str.casefold))


class LateProducts:
    """Counts late products: at once where few orders are late, or else beside the requests, every ten minutes."""

    def __init__(self, run: Callable[[Callable[[], None]], None] | None = None) -> None:
        self._run = run or _run_beside
        self._lock = threading.Lock()
        self._last = LateSnapshot()
        self._counting = False

    def load(self, context: Context) -> LateSnapshot:
        """Return the late products of the context's day."""
        with read_only(context.engine) as connection:
            by_bucket = count_orders_by_bucket(connection)
            late = sum(n for bucket, n in by_bucket.items() if bucket not in (*NOT_OPEN, ON_TIME))
            if late <= COUNTED_AT_ONCE:
                return LateSnapshot(count_late_products(context, connection), context.started_at)
        with self._lock:
            last = self._last
            is_fresh = (
                last.counted_at is not None
                and context.day(last.counted_at) == context.as_of
                and context.started_at - last.counted_at < FRESH_FOR
            )
            if not is_fresh and not self._counting:
                self._counting = True
                self._run(lambda: self._count(context))
            return replace(self._last, is_counting=self._counting)

    def forget(self) -> None:
        """Have the products counted again at the next request: somebody changed a date."""
        with self._lock:
            self._last = replace(self._last, counted_at=self._last.counted_at and self._last.counted_at - FRESH_FOR)

    def _count(self, context: Context) -> None:
        try:
            with read_only(context.engine) as connection:
                counted = LateSnapshot(count_late_products(context, connection), context.started_at)
            with self._lock:
                self._last = counted
        finally:
            self._counting = False


def _run_beside(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="late products", daemon=True).start()
