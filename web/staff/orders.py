"""The list of orders: found by number, name, mail, phone or product, or filtered."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response

from models.staff import Right
from tasks.desk.last_import import last_import_words
from tasks.desk.order_list import STATES, OrderRow, late_ranges, list_page, load_rows, vendors
from tasks.desk.order_search import Found, product_orders, search
from tasks.desk.staff_words import days_words
from web.staff.addresses import desk_address, order_address
from web.staff.cursors import read_cursor, write_cursor
from web.staff.desk import Desk, StaffRoute
from web.staff.visit import Visit

ANSWERS = {
    "wait": "Waits",
    "ship": "Wants what is ready",
    "swap": "Swaps",
    "cancel": "Cancels",
    "offer": "Took the discount",
    "withdraw": "Withdraws",
}
MAX_SEARCH_CHARS = 120


@dataclass(frozen=True, slots=True)
class RowView:
    """An order in the list."""

    order: str
    url: str
    why: str
    late: str
    expected: str
    customer: str
    contact: str
    answer: str


def routes(_: Desk) -> Sequence[StaffRoute]:
    """Return the list of orders."""
    return (StaffRoute("/orders", Right.SEE, show),)


def show(visit: Visit) -> Response:
    """Show what was searched, or the orders of a filter; an order's own number leads to its story at once."""
    text = visit.query("q").replace("\x00", "").strip()[:MAX_SEARCH_CHARS]
    if visit.query("product"):
        return _of_product(visit, visit.query("product"))
    return _search(visit, text) if text else _filtered(visit)


def _search(visit: Visit, text: str) -> Response:
    after = read_cursor(visit.query("after"), str, str, str)
    with visit.reading() as connection:
        found = search(visit.context, connection, text, after)
        if found.exact:
            return visit.see(order_address(found.exact))
        rows = load_rows(visit.context, connection, found.orders)
        imported = "" if rows or found.products else last_import_words(visit.context, connection)
    return _page(
        visit,
        rows,
        title=f"Orders: {text}",
        heading="Orders",
        text=text,
        products=[(one.name, desk_address("orders", product=one.id)) for one in found.products],
        next=desk_address("orders", q=text, after=write_cursor(*found.next)) if found.next else "",
        first=desk_address("orders", q=text) if after else "",
        empty=_nothing(text, found, imported),
        near=[(name.title(), desk_address("orders", q=name)) for name in found.near],
    )


def _nothing(text: str, found: Found, imported: str) -> str:
    if found.orders or found.products:
        return ""
    how = "Search by order number, name, mail address, phone or product; the beginning of a name is enough."
    if any(one.isdigit() for one in text) and "@" not in text:
        return f"No order {text} here. {imported} Phone numbers work with or without their country code."
    return f"No order matches '{text}'. {how} {imported}"


def _of_product(visit: Visit, product: str) -> Response:
    after = read_cursor(visit.query("after"), str)
    with visit.reading() as connection:
        orders, following = product_orders(connection, product, after[0] if after else "")
        rows = load_rows(visit.context, connection, orders)
    return _page(
        visit,
        rows,
        title="Orders that wait for a product",
        heading="Orders that wait for a product",
        next=desk_address("orders", product=product, after=write_cursor(following)) if following else "",
        first=desk_address("orders", product=product) if after else "",
        empty="" if rows else "No open order waits for this product.",
    )


def _filtered(visit: Visit) -> Response:
    with visit.reading() as connection:
        ranges = late_ranges(connection, visit.context.policy)
        known = dict(vendors(connection))
        chosen = {
            "late": visit.query("late") if visit.query("late") in {one.key for one in ranges} else "",
            "state": visit.query("state") if visit.query("state") in STATES else "",
            "vendor": visit.query("vendor") if visit.query("vendor") in known else "",
        }
        text = visit.query("after")
        after = read_cursor(text, str, str) or read_cursor(text, str, str, str)
        try:
            page = list_page(connection, visit.context.policy, **chosen, after=after)
        except ValueError:
            after, page = None, list_page(connection, visit.context.policy, **chosen, after=None)
        rows = load_rows(visit.context, connection, page.orders)
    ignored = [name for name in chosen if visit.query(name) and not chosen[name]]
    looked = f"{page.looked_at:,} orders were looked through for this page. The next page looks further."
    return _page(
        visit,
        rows,
        title="Orders",
        heading="Orders",
        filters={
            "late": [("", "Any"), *((one.key, f"{one.words} ({one.orders:,})") for one in ranges)],
            "state": [("", "Any"), *STATES.items()],
            "vendor": [("", "Any"), *known.items()],
        },
        chosen=chosen,
        note=f"There is no such {' or '.join(ignored)} here, so it was left out." if ignored else "",
        looked=looked if page.looked_at else "",
        next=desk_address("orders", **chosen, after=write_cursor(*page.next)) if page.next else "",
        first=desk_address("orders", **chosen) if after else "",
        empty="" if rows or page.looked_at else _empty(chosen),
    )


def _empty(chosen: dict[str, str]) -> str:
    if any(chosen.values()):
        return "No order is like this now. Choose another filter."
    return "No open order is here yet. Orders come with `forewarn import`."


def _page(
    visit: Visit,
    rows: Sequence[OrderRow],
    *,
    title: str,
    heading: str,
    text: str = "",
    products: Sequence[tuple[str, str]] = (),
    near: Sequence[tuple[str, str]] = (),
    filters: dict[str, list[tuple[str, str]]] | None = None,
    chosen: dict[str, str] | None = None,
    note: str = "",
    looked: str = "",
    next: str = "",  # noqa: A002 - as the pager calls it
    first: str = "",
    empty: str = "",
) -> Response:
    return visit.page(
        "desk/orders.html",
        title=title,
        heading=heading,
        search=text,
        rows=[_row(visit, row) for row in rows],
        products=products,
        near=near,
        filters=filters,
        chosen=chosen or {},
        note=note,
        looked=looked,
        next=next,
        first=first,
        empty=empty,
    )


def _row(visit: Visit, row: OrderRow) -> RowView:
    return RowView(
        order=row.order,
        url=order_address(row.order),
        why=row.why,
        late=f"{days_words(row.days_late)}" if row.days_late else "No" if row.is_open else "Over",
        expected=visit.day(row.expected_on) if row.expected_on else "No date" if row.days_late else "",
        customer=row.customer,
        contact=row.contact,
        answer=ANSWERS.get(row.answer, ""),
    )
