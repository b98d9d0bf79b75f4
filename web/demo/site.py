"""The sample shop's own pages, so that every link of the demo leads somewhere: products, categories, help, outbox."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, or_, select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from tasks.context import Context
from tasks.db.sql import read_only
from tasks.storefront.names import slug_of
from tasks.storefront.notices import SHORT_FILTER, list_notices
from tasks.storefront.payloads import SCRIPT as STOREFRONT_SCRIPT
from tasks.tables import PRODUCTS
from web.page_templates import render_page
from web.security import SecurityHeaders
from web.static_files import SCRIPT, STYLE, brand_file, shared_file

MAX_PRODUCTS = 12
PAGES = {
    "/help": ("Help", "This is where a real shop answers questions. Write to {mail}, or call {phone}."),
    "/imprint": ("Legal notice", "{legal}"),
    "/privacy": ("Privacy", "The sample shop and its customers are made up. Nothing leaves this machine."),
}
OUTBOX_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


@dataclass(frozen=True, slots=True)
class Row:
    """A link with a sentence about it."""

    name: str
    url: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Links under a heading."""

    title: str
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class NoticeLink:
    """Where the storefront's script puts a product's notice."""

    product: str
    url: str


@dataclass(frozen=True, slots=True)
class DemoView:
    """A page of the sample shop."""

    shop: str
    title: str
    texts: Sequence[str] = ()
    sections: Sequence[Section] = ()
    notice: NoticeLink | None = None


@dataclass(frozen=True, slots=True)
class DemoFrame:
    """What stands around each page."""

    lang: str
    style: str
    brand: str
    script: str


def _has_name(name: str) -> ColumnElement[bool]:
    """Return the SQL of the product with this id, or with this last part of its address."""
    return or_(PRODUCTS.c.id == name, PRODUCTS.c.url.endswith(f"/{name}", autoescape=True))


class DemoSite:
    """The sample shop; `order_pages` are the links to some customers' order pages, `desk` that to the desk."""

    def __init__(
        self, context: Context, clock: Callable[[], datetime], outbox: Path, order_pages: Sequence[Row], desk: Row
    ) -> None:
        self._context, self._clock, self._outbox = context, clock, outbox
        self._order_pages, self._desk = order_pages, desk
        self._brand = brand_file(context.shop.brand.accent) if context.shop.brand.accent else None

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes for a Starlette application. The last one takes every address that no other route takes."""
        pages = [
            Route("/", self.front),
            Route("/products/{product}", self.product),
            Route("/shop/{category}", self.category),
            *(Route(path, self.text_page) for path in PAGES),
        ]
        outbox = StaticFiles(directory=self._outbox, html=True, check_dir=False)
        return [
            Mount("/outbox", SecurityHeaders(outbox, OUTBOX_HEADERS)),
            Mount("", SecurityHeaders(Starlette(routes=pages))),
        ]

    def front(self, _: Request) -> Response:
        """Return the first page: what the demo shows, and where."""
        with read_only(self._context.engine) as connection:
            short = list(list_notices(self._context, connection, self._clock(), SHORT_FILTER))[:MAX_PRODUCTS]
        products = [Row(notice.product.name, f"/products/{notice.product.id}") for notice in short]
        outbox = Row("The outbox", "/outbox/", "Every mail and text of today. The links in them work.")
        return self._page(
            self._context.shop.name,
            "This is the sample shop of the demo. Some of its orders are late today.",
            sections=[
                Section("What customers get", [outbox]),
                Section("What customers see and choose", self._order_pages),
                Section("What shoppers see", products),
                Section("What customer service and marketing see and do", [self._desk]),
            ],
        )

    def product(self, request: Request) -> Response:
        """Return a product's page, with its notice."""
        key = request.path_params["product"]
        columns = [PRODUCTS.c[name] for name in ("id", "name", "price", "category")]
        with read_only(self._context.engine) as connection:
            row = connection.execute(select(*columns).where(_has_name(key))).first()
        if row is None:
            return self._missing(f"There is no product {key}.")
        price = f"{row.price} {self._context.shop.currency}" if row.price is not None else "Price on request"
        category = [Section("More like this", [Row(row.category, f"/shop/{row.category}")])] if row.category else []
        notice = NoticeLink(row.id, f"/stock/{slug_of(row.id)}.html")
        return self._page(row.name, price, sections=category, notice=notice)

    def category(self, request: Request) -> Response:
        """Return the products of a category."""
        category = request.path_params["category"]
        with read_only(self._context.engine) as connection:
            rows = self._products_of(connection, category)
        if not rows:
            return self._missing(f"There is no category {category}.")
        return self._page(category, sections=[Section("Products", rows)])

    def _products_of(self, connection: Connection, category: str) -> list[Row]:
        query = select(PRODUCTS.c.id, PRODUCTS.c.name).where(PRODUCTS.c.category == category).order_by(PRODUCTS.c.name)
        return [Row(name, f"/products/{key}") for key, name in connection.execute(query)]

    def text_page(self, request: Request) -> Response:
        """Return a page of one sentence."""
        title, text = PAGES[request.url.path]
        shop = self._context.shop
        legal = shop.brand.legal if isinstance(shop.brand.legal, str) else (shop.brand.legal or {}).get("en", shop.name)
        return self._page(title, text.format(mail=shop.help.email, phone=shop.help.phone, legal=legal))

    def _missing(self, text: str) -> Response:
        return self._page("Not found", text, status=404)

    def _page(
        self,
        title: str,
        *texts: str,
        sections: Sequence[Section] = (),
        notice: NoticeLink | None = None,
        status: int = 200,
    ) -> Response:
        view = DemoView(self._context.shop.name, title, texts, sections, notice)
        style, script = shared_file(STYLE), shared_file(SCRIPT)
        frame = DemoFrame(
            lang="en",
            style=f"/{style.name}?v={style.digest}",
            brand=f"/{self._brand.name}?v={self._brand.digest}" if self._brand else "",
            script=f"/{STOREFRONT_SCRIPT}" if notice else f"/{script.name}?v={script.digest}",
        )
        return HTMLResponse(render_page("demo.html", view=view, frame=frame), status)
