"""Find orders by number, name, mail, phone or product: each look-up uses an index and reads no more than a page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Select, and_, or_, select

from models.search_keys import folded, is_phone, mail_key, phone_key, range_end, words_of
from rules.contact.addresses import phone_number, readable
from tasks.context import Context
from tasks.desk.near_names import near_names
from tasks.tables import CUSTOMER_SEARCH, ORDER_LINES, ORDERS, PRODUCT_WORDS, PRODUCTS

PAGE = 50
MAX_PRODUCTS = 10
"""How many products a search offers."""
MIN_CHARS = 2
Keys = tuple[str, str, str]
"""Where a search goes on: which key it looks in, the key of the last row, and its order."""


@dataclass(frozen=True, slots=True)
class FoundProduct:
    """A product whose name has the words."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: one order, or a page of them, and products with such a name."""

    exact: str | None = None
    orders: tuple[str, ...] = ()
    next: Keys | None = None
    products: tuple[FoundProduct, ...] = ()
    near: tuple[str, ...] = ()
    """Where nothing was found: families of customers that the text may have meant."""


def search(context: Context, connection: Connection, text: str, after: Keys | None = None) -> Found:
    """Return what a text finds: an order of exactly this number, or the customers and products that have it."""
    text = text.strip()
    if after is None and (exact := exact_order(connection, text)):
        return Found(exact=exact)
    keys = list(_keys(context, text))
    orders, following = _page(connection, keys, after)
    products = find_products(connection, text) if after is None and "@" not in text else ()
    near = () if orders or products or after or "@" in text else near_names(connection, text)
    return Found(orders=tuple(orders), next=following, products=products, near=near)


def exact_order(connection: Connection, text: str) -> str | None:
    """Return the order whose number a text is; a `#` before it does not count, nor do capitals."""
    number = text.strip().removeprefix("#").strip()
    for spelt in dict.fromkeys((number, number.upper(), number.lower())):
        if spelt and connection.execute(select(ORDERS.c.id).where(ORDERS.c.id == spelt)).first():
            return spelt
    return None


def find_products(connection: Connection, text: str) -> tuple[FoundProduct, ...]:
    """Return products whose names have all the words of a text; the last word may be its beginning."""
    words = words_of(text)
    if not words or len(words[-1]) < MIN_CHARS:
        return ()
    *whole, last = words
    column = PRODUCT_WORDS.c.word
    query = select(PRODUCT_WORDS.c.product_id).where(column >= last, column < range_end(last)).distinct()
    for word in whole:
        same = PRODUCT_WORDS.alias()
        having = select(same.c.product_id).where(same.c.word == word, same.c.product_id == PRODUCT_WORDS.c.product_id)
        query = query.where(having.exists())
    ids = query.limit(MAX_PRODUCTS).subquery()
    names = select(PRODUCTS.c.id, PRODUCTS.c.name).join(ids, ids.c.product_id == PRODUCTS.c.id)
    return tuple(FoundProduct(*row) for row in connection.execute(names.order_by(PRODUCTS.c.name, PRODUCTS.c.id)))


def product_orders(connection: Connection, product: str, after: str = "") -> tuple[list[str], str | None]:
    """Return a page of the orders with open lines of a product, by number, and where the next one begins."""
    rows = list(connection.execute(select_product_orders(product, after)).scalars())
    orders = list(dict.fromkeys(rows))[:PAGE]
    return orders, orders[-1] if len(rows) > PAGE else None


def select_product_orders(product: str, after: str) -> Select[Any]:
    """Return the SELECT of a page of orders with open lines of a product."""
    lines = ORDER_LINES.c
    return (
        select(lines.order_id)
        .where(lines.product_id == product, lines.shipped_at.is_(None), lines.order_id > after)
        .order_by(lines.product_id, lines.shipped_at, lines.order_id)
        .limit(2 * PAGE + 1)
    )


def _keys(context: Context, text: str) -> Iterator[tuple[str, str]]:
    """Yield in which keys to look for a text, each with its folded prefix."""
    if "@" in text:
        yield "mail", mail_key(text)
    elif is_phone(text):
        number = readable(lambda each: phone_number(each, context.shop.country), text)
        national = phone_key(text)
        yield "phone", national
        if number and phone_key(number) != national:
            yield "phone", phone_key(number)
        elif number:
            yield "phone", _without_country(number)
    elif len(prefix := folded(text)) >= MIN_CHARS:
        yield "family", prefix
        yield "name", prefix


def _without_country(number: str) -> str:
    """Return the key of a number in E.164 without its country code, as shops store numbers of their own country."""
    from phonenumbers import national_significant_number, parse

    return phone_key(national_significant_number(parse(number)))


def _page(connection: Connection, keys: Sequence[tuple[str, str]], after: Keys | None) -> tuple[list[str], Keys | None]:
    orders: list[str] = []
    last, begun = after, after is None
    for place, (name, prefix) in enumerate(keys):
        where = f"{place}:{name}"
        if not begun and after is not None and where != after[0]:
            continue
        since = (after[1], after[2]) if after is not None and where == after[0] else None
        begun = True
        rows = connection.execute(select_by_key(name, prefix, since)).all()
        for key, order in rows:
            if len(orders) == PAGE:
                return orders, last
            last = (where, key, order)
            if order not in orders:
                orders.append(order)
    return orders, None


def select_by_key(name: str, prefix: str, since: tuple[str, str] | None) -> Select[Any]:
    """Return the SELECT of a page of orders whose customers' key begins with a prefix."""
    column: Column[str] = CUSTOMER_SEARCH.c[name]
    which = and_(column >= prefix, column < range_end(prefix))
    if name == "name":
        # Those were found by their last word before.
        family = CUSTOMER_SEARCH.c.family
        which = and_(which, or_(family < prefix, family >= range_end(prefix)))
    if since is not None:
        # The first condition lets the index begin there.
        which = and_(which, column >= since[0], or_(column > since[0], ORDERS.c.id > since[1]))
    return (
        select(column.label("key"), ORDERS.c.id)
        .join(ORDERS, ORDERS.c.customer_id == CUSTOMER_SEARCH.c.customer_id)
        .where(which)
        .order_by(column, ORDERS.c.id)
        .limit(PAGE + 1)
    )


def orders_of_mail(connection: Connection, mail: str) -> list[str]:
    """Return the newest orders of a mail address, one page at most."""
    query = (
        select(ORDERS.c.id)
        .join(CUSTOMER_SEARCH, CUSTOMER_SEARCH.c.customer_id == ORDERS.c.customer_id)
        .where(CUSTOMER_SEARCH.c.mail == mail_key(mail))
        .order_by(ORDERS.c.placed_at.desc(), ORDERS.c.id)
        .limit(PAGE)
    )
    return list(connection.execute(query).scalars()) if "@" in mail else []
