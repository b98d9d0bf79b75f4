"""The storefront's notices over HTTP: JSON, plain pages, a script and a product feed."""

import hashlib
import re
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
from tasks.storefront import payloads as stock
from tasks.storefront.assets import load_script
from tasks.storefront.names import product_from_slug
from tasks.storefront.notices import SHORT, find_notice, list_notices

FRESH_FOR = timedelta(seconds=60)
"""How long a browser or a cache may keep an answer without asking again."""
REUSED_FOR = timedelta(seconds=5)
"""How long the server keeps what it wrote about all products."""
LANGUAGES_ASKED, LONGEST_LANGUAGE = 10, 35
"""Languages of one request that are looked at, and characters of each: RFC 5646, section 4.4.1, asks for no more."""
CORS_HEADERS = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Age, Date, ETag"}
"""Any page may read what is public anyway; the script reads the time from these headers."""
JSON, HTML, CSV, SCRIPT = "application/json", "text/html", "text/csv", "text/javascript"
UNKNOWN_PRODUCT = {"detail": "nothing is known of this product"}

_RANGE = re.compile(r"\s*([\w-]+|\*)\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*)?")


Write = Callable[[Connection, datetime], tuple[bytes, datetime | None]]
"""Writes what holds of all products at a moment, and until when."""


class Storefront:
    """The endpoints, over one ledger; `now` is the clock."""

    def __init__(self, context: Context, now: Callable[[], datetime]) -> None:
        self._context, self._now = context, now
        self._turn = Lock()
        self._kept: dict[str, tuple[datetime, bytes, datetime | None]] = {}

    @property
    def routes(self) -> list[Route]:
        """Return what a server mounts."""
        return [
            Route("/stock.json", self.bulk),
            Route("/stock/{name}.json", self.one),
            Route("/stock/{name}.html", self.page),
            Route("/stock/{name}", self.page),
            Route(f"/{stock.SCRIPT}", self.script),
            Route("/feed.csv", self.feed),
        ]

    # Plain functions: the server runs them in threads, and a query holds up nobody.
    def bulk(self, request: Request) -> Response:
        """Answer with every product that a new order would not get from stock."""
        locale = self._locale(request)

        def write(connection: Connection, now: datetime) -> tuple[bytes, datetime | None]:
            found, until = stock.short_products_payload(
                self._context, list_notices(self._context, connection, now, SHORT), locale
            )
            return stock.as_json(found), until

        now, body, until = self._whole(locale, write)
        return _answer(request, body, JSON, now, until)

    def one(self, request: Request) -> Response:
        """Answer with what holds of one product."""
        context = self._now()
        notice = self._notice(request, context)
        if notice is None:
            return _answer(request, stock.as_json(UNKNOWN_PRODUCT), JSON, context, status=404)
        body = stock.as_json(stock.product_payload(self._context, notice, self._locale(request)))
        return _answer(request, body, JSON, context, notice.valid_until)

    def page(self, request: Request) -> Response:
        """Answer with a page for people, which needs no script."""
        context = self._now()
        notice = self._notice(request, context)
        body = stock.product_page(self._context, notice, self._locale(request))
        if notice is None:
            return _answer(request, body, HTML, context, status=404)
        return _answer(request, body, HTML, context, notice.valid_until)

    def script(self, request: Request) -> Response:
        """Answer with the script for product pages."""
        return _answer(request, load_script(), SCRIPT, self._now())

    def feed(self, request: Request) -> Response:
        """Answer with the columns for a product feed."""

        def write(connection: Connection, now: datetime) -> tuple[bytes, None]:
            return stock.product_feed(self._context, list_notices(self._context, connection, now), now), None

        now, body, _ = self._whole("feed", write)
        return _answer(request, body, CSV, now)

    def _whole(self, what: str, write: Write) -> tuple[datetime, bytes, datetime | None]:
        """Return the moment, and what is written of all products then, kept or anew, with its end."""
        with self._turn:
            context = self._now()
            written, body, until = self._kept.get(what, (None, b"", None))
            if written is None or not written <= context < written + REUSED_FOR or (until and until <= context):
                with read_only(self._context.engine) as connection:
                    body, until = write(connection, context)
                # From now on, for it may have taken longer than it is kept.
                self._kept[what] = self._now(), body, until
        return context, body, until

    def _notice(self, request: Request, now: datetime) -> StorefrontNotice | None:
        product = product_from_slug(request.path_params["name"])
        if product is None:
            return None
        with read_only(self._context.engine) as connection:
            return find_notice(self._context, connection, product, now)

    def _locale(self, request: Request) -> str:
        asked = request.query_params.getlist("lang") or _accepted_languages(request.headers.get("accept-language", ""))
        return self._context.renderer.storefront.choose_language(
            [name[:LONGEST_LANGUAGE] for name in asked[:LANGUAGES_ASKED]]
        )


def _accepted_languages(header: str) -> list[str]:
    """Return the languages of an Accept-Language header, the most wanted first."""
    named = header.split(",", 2 * LANGUAGES_ASKED)[: 2 * LANGUAGES_ASKED]
    found = [(name[1], float(name[2] or 1)) for name in map(_RANGE.fullmatch, named) if name]
    return [name for name, wanted in sorted(found, key=lambda one: -one[1]) if wanted and name != "*"]


def _answer(
    request: Request, body: bytes, kind: str, now: datetime, until: datetime | None = None, *, status: int = 200
) -> Response:
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    left = min(FRESH_FOR, until - now) if until else FRESH_FOR
    headers = CORS_HEADERS | {
        "ETag": tag,
        "Cache-Control": f"public, max-age={int(left.total_seconds())}",
        "Vary": "Accept-Language",
        "X-Content-Type-Options": "nosniff",
    }
    known = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    if status == 200 and (tag in known or known == ["*"]):
        return Response(status_code=304, headers=headers)
    return Response(body, status, headers, media_type=kind)
