"""One notice as scripts, shoppers and product feeds read it."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from models.inventory import ProductAvailability, StockStatus
from models.quantities import as_number
from models.storefront import StorefrontNotice
from tasks.context import Context
from tasks.storefront.names import slug_of

FOLDER = "stock"
SCRIPT = "forewarn.js"
SCHEMA = {
    StockStatus.IN_STOCK: "https://schema.org/InStock",
    StockStatus.BACKORDER: "https://schema.org/BackOrder",
    StockStatus.OUT_OF_STOCK: "https://schema.org/OutOfStock",
}
"""https://schema.org/ItemAvailability"""
FEED = {
    StockStatus.IN_STOCK: "in_stock",
    StockStatus.BACKORDER: "backorder",
    StockStatus.OUT_OF_STOCK: "out_of_stock",
}
"""Google's product data specification, `availability`; a backorder needs `availability_date`."""
FEED_COLUMNS = ("id", "availability", "availability_date")
FEED_AHEAD = timedelta(days=365)
"""The specification takes dates of one year ahead, and no later ones."""


def as_json(data: Any) -> bytes:
    """Write JSON as the storefront serves it."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


def product_payload(context: Context, notice: StorefrontNotice, locale: str) -> dict[str, Any]:
    """Return what is served of a product: its text in one language, then in all of them; raises TemplateError."""
    available = notice.available
    if available.state is StockStatus.IN_STOCK:
        return {"product": available.product, "state": available.state}
    renderer = context.renderer.storefront
    texts = {language: renderer.render_text(available, language) for language in renderer.languages}
    return {
        "product": available.product,
        "state": available.state,
        "expected_on": available.expected_on and available.expected_on.isoformat(),
        "latest_on": available.latest_on and available.latest_on.isoformat(),
        "left": as_number(available.left) or None,
        "lang": texts[locale].lang,
        "title": texts[locale].title,
        "text": texts[locale].text,
        "texts": {each.lang: {"title": each.title, "text": each.text} for each in texts.values()},
        "schema": schema(available),
        "page": f"{FOLDER}/{slug_of(available.product)}.html",
        "set_at": notice.set_at.isoformat(),
        "valid_until": notice.valid_until.isoformat(),
    }


def short_products_payload(
    context: Context, notices: Iterable[StorefrontNotice], locale: str
) -> tuple[dict[str, Any], datetime | None]:
    """Return what is served of all products that are short, and until when; `generated` is when it was last found so.

    Raises TemplateError.
    """
    products, generated, until = {}, None, None
    for notice in notices:
        products[notice.product.id] = product_payload(context, notice, locale)
        generated = max(generated or notice.set_at, notice.set_at)
        until = min(until or notice.valid_until, notice.valid_until)
    return {
        "generated": generated and generated.isoformat(),
        "valid_until": until and until.isoformat(),
        "products": products,
    }, until


def schema(available: ProductAvailability) -> dict[str, str]:
    """Return the offer's part of a page's JSON-LD."""
    found = {
        "@context": "https://schema.org",
        "@type": "Offer",
        "sku": available.product,
        "availability": SCHEMA[available.state],
    }
    if available.expected_on:
        found["availabilityStarts"] = available.expected_on.isoformat()
    return found


def product_page(context: Context, notice: StorefrontNotice | None, locale: str) -> bytes:
    """Return the page that works without a script, as it lies in the folder `stock`; raises TemplateError."""
    given = schema(notice.available) if notice else None
    return context.renderer.storefront.render_page(notice, locale, given, f"../{SCRIPT}").encode()


def product_feed(context: Context, notices: Iterable[StorefrontNotice], now: datetime) -> bytes:
    """Return the columns that a product feed takes in by `id`, of every product of which anything is known."""
    # Not tasks.csv_files: an id that looks like a formula must stay the shop's own, or the feed's rows do not meet.
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(FEED_COLUMNS)
    writer.writerows(_feed_rows(context, notices, now))
    return stream.getvalue().encode()


def _feed_rows(context: Context, notices: Iterable[StorefrontNotice], now: datetime) -> Iterator[tuple[str, str, str]]:
    @cache
    def dated(day: date) -> str | None:
        begins = context.start_of(day)
        return None if begins > now + FEED_AHEAD else f"{begins.astimezone(context.zone):%Y-%m-%dT%H:%M%z}"

    for notice in notices:
        available = notice.available
        day = dated(available.expected_on) if available.expected_on else ""
        yield available.product, FEED[StockStatus.OUT_OF_STOCK if day is None else available.state], day or ""
