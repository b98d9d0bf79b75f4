"""What to order, on the desk: the most urgent product first, as a page and as a file."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response

from models.quantities import Quantity, as_number, counted, plain
from models.staff import Right
from tasks.csv_files import csv_text
from tasks.desk.stock import StockRow, iterate_stock, levels_computed_at, load_stock
from web.staff.addresses import desk_address
from web.staff.cursors import read_cursor, write_cursor
from web.staff.desk import Desk, StaffRoute
from web.staff.visit import Visit

PAGE_SIZE = 50
BAR_WIDTH = 100
COLUMNS = (
    "product",
    "name",
    "vendor",
    "order",
    "free",
    "waiting_orders",
    "on_its_way",
    "lasts_until",
    "safety_stock",
    "reorder_point",
    "why",
)


@dataclass(frozen=True, slots=True)
class Bar:
    """A product's pieces beside its safety stock and reorder point; all in parts of BAR_WIDTH."""

    available: int
    safety_stock: int
    reorder_point: int
    label: str


@dataclass(frozen=True, slots=True)
class ProductView:
    """A product to order."""

    id: str
    name: str
    vendor: str
    lasts: str
    shortage: str
    """In words, where customers wait for pieces that nobody has ordered."""
    free: str
    waiting: str
    on_its_way: str
    order: str
    why: str
    bar: Bar


def routes(_: Desk) -> Sequence[StaffRoute]:
    """Return the pages about stock."""
    return [
        StaffRoute("/stock", Right.SEE, show),
        StaffRoute("/stock/order-list.csv", Right.SEE, download),
    ]


def show(visit: Visit) -> Response:
    """Return the products to order."""
    after = read_cursor(visit.query("after"), float, str)
    with visit.reading() as connection:
        page = load_stock(visit.context, connection, PAGE_SIZE, after)
        computed_at = levels_computed_at(connection)
    last = page.rows[-1] if page.rows else None
    following = write_cursor(last.slack, last.product_id) if page.has_more and last else ""
    return visit.page(
        "desk/stock.html",
        title="Stock",
        heading="What to order today",
        products=[_view(visit, row) for row in page.rows],
        computed=visit.full_moment(computed_at) if computed_at else "",
        file=desk_address("stock", "order-list.csv") if page.rows else "",
        next=desk_address("stock", after=following) if following else "",
        first=desk_address("stock") if after else "",
    )


def download(visit: Visit) -> Response:
    """Return every product to order as CSV."""
    headers = {"Content-Disposition": f'attachment; filename="order-list-{visit.today}.csv"'}
    return Response(_csv(visit), media_type="text/csv; charset=utf-8", headers=headers)


def _csv(visit: Visit) -> str:
    with visit.reading() as connection:
        rows = [
            (
                row.product_id,
                row.name,
                row.vendor,
                as_number(row.order),
                None if row.free is None else as_number(row.free),
                row.waiting,
                as_number(row.on_its_way),
                row.lasts_until,
                as_number(row.safety_stock),
                as_number(row.reorder_point),
                row.why,
            )
            for row in iterate_stock(visit.context, connection)
        ]
    return csv_text(COLUMNS, rows)


def _view(visit: Visit, row: StockRow) -> ProductView:
    return ProductView(
        row.product_id,
        row.name,
        row.vendor,
        _lasts(visit, row),
        _shortage(row),
        "not counted yet" if row.free is None else plain(row.free),
        f"{row.waiting:,}",
        plain(row.on_its_way),
        plain(row.order),
        row.why,
        _bar(row),
    )


def _lasts(visit: Visit, row: StockRow) -> str:
    if row.available <= 0:
        return "already short" if row.available < 0 else "used up"
    return visit.day(row.lasts_until) if row.lasts_until else "no sale for a long time"


def _shortage(row: StockRow) -> str:
    if row.available >= 0:
        return ""
    missing: Quantity = -row.available
    pieces = "1 piece" if missing == 1 else f"{plain(missing)} pieces"
    if not row.waiting:
        return f"Orders wait for {pieces} that nobody has ordered"
    waits = "waits" if row.waiting == 1 else "wait"
    return f"{counted(row.waiting, 'order')} {waits} for {pieces} that nobody has ordered"


def _bar(row: StockRow) -> Bar:
    available, safety, reorder = (float(max(0, one)) for one in (row.available, row.safety_stock, row.reorder_point))
    most = max(available, reorder, safety, 1.0)
    words = f"{plain(row.available)} pieces there or on their way and not promised to anybody; "
    if row.available < 0:
        words = f"{plain(-row.available)} pieces short; "
    return Bar(
        round(BAR_WIDTH * available / most),
        round(BAR_WIDTH * safety / most),
        round(BAR_WIDTH * reorder / most),
        f"{words}safety stock {plain(row.safety_stock)}, to order from {plain(row.reorder_point)}",
    )
