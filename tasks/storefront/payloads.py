"""Storefront notices as JSON, as a page and as a product feed."""

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
MAX_FEED_AHEAD = timedelta(days=365)
"""The same specification: `availability_date` is at most one year ahead."""


def as_json(data: Any) -> bytes:
    """Return data as compact JSON in UTF-8."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


def product_payload(context: Context, notice: StorefrontNotice, locale: str) -> dict[str, Any]:
    """Return a product's notice as data, its text in one language, then in all of them; raises TemplateError."""
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
        "units_left": as_number(available.free_quantity) or None,
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
    """Return the notices of all short products as data, and the moment until which all of them are valid.

    `generated` is when the newest of them was confirmed. Raises TemplateError.
    """
    products, generated, valid_until = {}, None, None
    for notice in notices:
        products[notice.product.id] = product_payload(context, notice, locale)
        generated = max(generated or notice.set_at, notice.set_at)
        valid_until = min(valid_until or notice.valid_until, notice.valid_until)
    return {
        "generated": generated and generated.isoformat(),
        "valid_until": valid_until and valid_until.isoformat(),
        "products": products,
    }, valid_until


def schema(available: ProductAvailability) -> dict[str, str]:
    """Return the JSON-LD of a product's offer."""
    offer = {
        "@context": "https://schema.org",
        "@type": "Offer",
        "sku": available.product,
        "availability": SCHEMA[available.state],
    }
    if available.expected_on:
        offer["availabilityStarts"] = available.expected_on.isoformat()
    return offer


def product_page(context: Context, notice: StorefrontNotice | None, locale: str) -> bytes:
    """Return the HTML page in the folder `stock`, which works without a script; raises TemplateError."""
    offer = schema(notice.available) if notice else None
    return context.renderer.storefront.render_page(notice, locale, offer, f"../{SCRIPT}").encode()


def product_feed(context: Context, notices: Iterable[StorefrontNotice], now: datetime) -> bytes:
    """Return as CSV the availability columns of a product feed, with a row for each product with a notice."""
    # Not tasks.csv_files, which escapes formulas: an id must stay the shop's own, or the feed does not match it.
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(FEED_COLUMNS)
    writer.writerows(_feed_rows(context, notices, now))
    return stream.getvalue().encode()


def _feed_rows(context: Context, notices: Iterable[StorefrontNotice], now: datetime) -> Iterator[tuple[str, str, str]]:
    @cache
    def feed_date(day: date) -> str | None:
        start = context.start_of(day)
        return None if start > now + MAX_FEED_AHEAD else f"{start.astimezone(context.zone):%Y-%m-%dT%H:%M%z}"

    for notice in notices:
        available = notice.available
        availability_date = feed_date(available.expected_on) if available.expected_on else ""
        state = StockStatus.OUT_OF_STOCK if availability_date is None else available.state
        yield available.product, FEED[state], availability_date or ""
