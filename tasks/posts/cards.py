"""The card of a post's link, from the shop's own data: nothing is looked up outside."""

from urllib.parse import urlsplit

from sqlalchemy import Connection, select

from models.messages import LinkCard
from models.orders import ProductFacts
from tasks.context import Context
from tasks.orders.order_rows import PRODUCT_COLUMNS
from tasks.tables import PRODUCTS
from templates.rendering.fill_variables import product_view
from templates.rendering.social import find_links


def link_card(context: Context, text: str, product: ProductFacts | None) -> LinkCard | None:
    """Return the card of the first link of a text; None where it has none."""
    first = next(iter(find_links(text)), None)
    if first is None:
        return None
    host, own = shown_host(first[0]), shown_host(str(context.shop.links.home))
    page = product_view(product, context.shop) if product else None
    if page is not None and page.url and first[0].rstrip("/") == page.url.rstrip("/"):
        return LinkCard(first[0], page.name, page.category or context.shop.name)
    return LinkCard(first[0], context.shop.name if host == own else host)


def shown_host(url: str) -> str:
    """Return the host of a link as people read it."""
    return urlsplit(url).netloc.removeprefix("www.")


def load_product(connection: Connection, product_id: str | None) -> ProductFacts | None:
    """Return the product that a post is about; None for a post about none, or about one that is not known."""
    if product_id is None:
        return None
    row = connection.execute(select(*PRODUCT_COLUMNS).where(PRODUCTS.c.id == product_id)).first()
    return None if row is None else ProductFacts(*row)
