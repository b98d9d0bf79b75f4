"""`forewarn demo --serve`: the demo's order pages, product pages, outbox and desk on this machine."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from app.clock import make_clock
from app.composition import App, isolated_settings, open_app
from cli import console as printing
from cli.demo_people import PASSWORD, PEOPLE, add_demo_people
from cli.serve import HOST, serve_on
from models.config.settings import GivenSettings, TransportKind
from models.enums import Channel
from tasks.customers.links import create_link
from tasks.db.sql import read_only
from tasks.orders.told import NOTICES_WITH_STATE
from tasks.runs.records import last_run_date
from tasks.tables import NOTICES

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from web.demo.site import Row

SAMPLE_URL = "https://shop.example.com"
FIRST_ORDER = "1041"
WITH_LINKS = ("shop.toml", "sources/products.sql")
OWN_ORDER_PAGES = f"'{SAMPLE_URL}/orders/' || order_no"
SERVED = """
[order_pages]
url = "{url}"

[desk]
edits = true
"""


def use_local_links(shop: Path, port: int) -> None:
    """Let the links of the sample shop lead to this machine, and its customers to order pages."""
    url = f"http://{HOST}:{port}"
    for name in WITH_LINKS:
        file = shop / name
        file.write_text(file.read_text("utf-8").replace(SAMPLE_URL, url), "utf-8")
    orders = shop / "sources" / "orders.sql"
    orders.write_text(orders.read_text("utf-8").replace(OWN_ORDER_PAGES, "CAST(NULL AS VARCHAR)"), "utf-8")
    with (shop / "shop.toml").open("a", encoding="utf-8") as config:
        config.write(SERVED.format(url=url))


def serve_demo(into: Path, port: int) -> None:
    """Serve the demo that is in a folder, until stopped."""
    kept = TransportKind.OUTBOX  # as X: posts can be tried on networks of their own, and nothing leaves
    settings = GivenSettings(shop=into / "shop", home=into, bluesky=kept, mastodon=kept)
    with isolated_settings(settings), open_app(follows_words=True) as app:
        serve_on(HOST, port, lambda: demo_service(app, f"http://{HOST}:{port}"), "/")


def demo_service(app: App, home: str) -> "ASGIApp":
    """Return the application of the demo, which `home` is the address of; a policy saved on its desk counts at once."""
    from web.demo.site import DemoSite, Row
    from web.live_service import LiveService
    from web.service import build_service

    clock: Callable[[], datetime] = make_clock(app.folder.shop.zone, last_run_date(app.context.engine)).now
    pages = _order_pages(app, clock())
    for page in pages[:1]:
        printing.out.print(f"An order as its customer sees it: {page.url}", markup=False)
    add_demo_people(app.context, clock())
    printing.out.print(f"The desk of customer service and marketing: {home}/desk", markup=False)
    printing.out.print(f"Sign in with the password: {PASSWORD}", markup=False)
    for person in PEOPLE:
        printing.out.print(f"  {person.mail}  ({person.about})", markup=False)
    mails = ", ".join(f"{person.mail} ({person.about})" for person in PEOPLE)
    desk = Row("The desk", "/desk", f"Sign in with the password: {PASSWORD}. Mail addresses: {mails}.")

    def build(live: App) -> "ASGIApp":
        return build_service(live, clock, DemoSite(live.context, clock, live.outbox, pages, desk).routes)

    return LiveService(app, build)


def _order_pages(app: App, now: datetime) -> "list[Row]":
    """Return fresh links to the pages of some orders: that of FIRST_ORDER, and one for each kind of mail."""
    from web.demo.site import Row

    query = (
        select(*(NOTICES.c[name] for name in ("order_id", "subject", "bucket", "html")))
        .select_from(NOTICES_WITH_STATE)
        .where(NOTICES.c.channel == Channel.EMAIL, NOTICES.c.link_id.is_not(None), NOTICES.c.subject != "")
        .order_by(NOTICES.c.order_id != FIRST_ORDER, NOTICES.c.order_id)
    )
    with read_only(app.context.engine) as connection:
        rows = connection.execute(query).all()
    by_kind: dict[Any, Any] = {}
    for row in rows:
        by_kind.setdefault((row.bucket, "offer" in row.html, "Parcel 1" in row.html), row)
    context = replace(app.context, started_at=now)
    return [
        Row(f"Order {row.order_id}", create_link(context, row.order_id).url, row.subject) for row in by_kind.values()
    ]
