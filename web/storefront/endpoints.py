"""Serve the storefront's notices over HTTP: JSON, HTML pages, a script and a product feed."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models.storefront import StorefrontNotice
from tasks.context import Context
from tasks.db.sql import read_only
from tasks.storefront import payloads
from tasks.storefront.assets import load_script
from tasks.storefront.names import product_from_slug
from tasks.storefront.notices import SHORT_FILTER, find_notice, list_notices
from web.languages import requested_languages

MAX_AGE = timedelta(seconds=60)
"""How long a browser or a cache may reuse a response."""
REUSE_TIME = timedelta(seconds=5)
"""How long the server reuses a body that lists all products."""
CORS_HEADERS = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Age, Date, ETag"}
"""Any page may read what is public anyway; the script computes the server's time from these headers."""
JSON, HTML, CSV, SCRIPT = "application/json", "text/html", "text/csv", "text/javascript"
UNKNOWN_PRODUCT = {"detail": "this product is unknown or has no notice"}


Body = tuple[bytes, datetime | None]
"""A response's body, and until when it is valid; None: without end."""
BuildBody = Callable[[Connection, datetime], Body]
"""Builds the body that is valid at a moment."""


class Storefront:
    """The endpoints over one ledger; `now` returns the current moment."""

    def __init__(self, context: Context, now: Callable[[], datetime]) -> None:
        self._context, self._now = context, now
        self._lock = Lock()
        self._bodies: dict[str, tuple[datetime, Body]] = {}

    @property
    def routes(self) -> list[Route]:
        """The routes for a Starlette application."""
        return [
            Route("/stock.json", self.short_products),
            Route("/stock/{slug}.json", self.product),
            Route("/stock/{slug}.html", self.product_page),
            Route("/stock/{slug}", self.product_page),
            Route(f"/{payloads.SCRIPT}", self.script),
            Route("/feed.csv", self.product_feed),
        ]

    # Plain functions: the server runs them in threads, so that a query does not block other requests.
    def short_products(self, request: Request) -> Response:
        """Return as JSON every product that a new order would not get from stock."""
        locale = self._locale(request)

        def build(connection: Connection, now: datetime) -> Body:
            notices = list_notices(self._context, connection, now, SHORT_FILTER)
            payload, valid_until = payloads.short_products_payload(self._context, notices, locale)
            return payloads.as_json(payload), valid_until

        now, (body, valid_until) = self._reused(locale, build)
        return _response(request, body, JSON, now, valid_until)

    def product(self, request: Request) -> Response:
        """Return the notice of one product as JSON."""
        now = self._now()
        notice = self._notice(request, now)
        if notice is None:
            return _response(request, payloads.as_json(UNKNOWN_PRODUCT), JSON, now, status=404)
        body = payloads.as_json(payloads.product_payload(self._context, notice, self._locale(request)))
        return _response(request, body, JSON, now, notice.valid_until)

    def product_page(self, request: Request) -> Response:
        """Return the notice of one product as a page that needs no script."""
        now = self._now()
        notice = self._notice(request, now)
        body = payloads.product_page(self._context, notice, self._locale(request))
        if notice is None:
            return _response(request, body, HTML, now, status=404)
        return _response(request, body, HTML, now, notice.valid_until)

    def script(self, request: Request) -> Response:
        """Return the script for product pages."""
        return _response(request, load_script(), SCRIPT, self._now())

    def product_feed(self, request: Request) -> Response:
        """Return the availability columns of a product feed as CSV."""

        def build(connection: Connection, now: datetime) -> Body:
            return payloads.product_feed(self._context, list_notices(self._context, connection, now), now), None

        now, (body, _) = self._reused("feed", build)
        return _response(request, body, CSV, now)

    def _reused(self, key: str, build: BuildBody) -> tuple[datetime, Body]:
        """Return the current moment, and the body under a key: built at most REUSE_TIME ago, else built now."""
        with self._lock:
            now = self._now()
            if key in self._bodies:
                built_at, body = self._bodies[key]
                valid_until = body[1]
                if built_at <= now < built_at + REUSE_TIME and not (valid_until and valid_until <= now):
                    return now, body
            with read_only(self._context.engine) as connection:
                body = build(connection, now)
            # The clock again, because building may take longer than REUSE_TIME.
            self._bodies[key] = self._now(), body
        return now, body

    def _notice(self, request: Request, now: datetime) -> StorefrontNotice | None:
        product = product_from_slug(request.path_params["slug"])
        if product is None:
            return None
        with read_only(self._context.engine) as connection:
            return find_notice(self._context, connection, product, now)

    def _locale(self, request: Request) -> str:
        return self._context.renderer.storefront.choose_language(requested_languages(request))


def _response(
    request: Request,
    body: bytes,
    media_type: str,
    now: datetime,
    valid_until: datetime | None = None,
    *,
    status: int = 200,
) -> Response:
    """Return a response with its headers for caches; 304 without a body where the client has this version."""
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    max_age = min(MAX_AGE, valid_until - now) if valid_until else MAX_AGE
    headers = CORS_HEADERS | {
        "ETag": etag,
        "Cache-Control": f"public, max-age={int(max_age.total_seconds())}",
        "Vary": "Accept-Language",
        "X-Content-Type-Options": "nosniff",
    }
    cached = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if status == 200 and (etag in cached or cached == ["*"]):
        return Response(status_code=304, headers=headers)
    return Response(body, status, headers, media_type=media_type)
