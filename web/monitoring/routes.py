"""What monitors ask: `/healthz`, `/readyz` and `/metrics`."""

import hmac
from collections.abc import Callable
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from tasks.context import Context
from tasks.desk.health import examine

LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
"""Headers of a request that a proxy passed on: then this machine asks for somebody else."""
NO_STORE = {"Cache-Control": "no-store"}
REFUSED = (
    "Only this machine may ask, or whoever sends the key of FOREWARN_METRICS_KEY as `Authorization: Bearer KEY`.\n"
)


def monitoring_routes(context: Context, key: str, clock: Callable[[], datetime]) -> list[BaseRoute]:
    """Return the routes; without a key only this machine gets numbers and reasons."""

    def is_alive(_: Request) -> Response:
        return PlainTextResponse("alive\n", headers=NO_STORE)

    def is_ready(request: Request) -> Response:
        conditions = examine(context.engine, clock())
        ready = all(one.is_met for one in conditions)
        trusted = is_trusted(request, key)
        checks = [
            {"name": one.name, "ok": one.is_met} | ({"found": one.found} if trusted else {}) for one in conditions
        ]
        return JSONResponse({"ready": ready, "checks": checks}, 200 if ready else 503, headers=NO_STORE)

    def metrics(request: Request) -> Response:
        if not is_trusted(request, key):
            return PlainTextResponse(REFUSED, 401, headers=NO_STORE | {"WWW-Authenticate": "Bearer"})
        # Here, because most services are asked by no Prometheus.
        from prometheus_client import CONTENT_TYPE_LATEST

        from web.monitoring.metrics import metrics_text

        try:
            return Response(metrics_text(context, clock), headers=NO_STORE | {"Content-Type": CONTENT_TYPE_LATEST})
        except SQLAlchemyError as error:
            return PlainTextResponse(f"the database does not answer ({type(error).__name__})\n", 503, headers=NO_STORE)

    return [
        Route("/healthz", is_alive, include_in_schema=False),
        Route("/readyz", is_ready, include_in_schema=False),
        Route("/metrics", metrics, include_in_schema=False),
    ]


def is_trusted(request: Request, key: str) -> bool:
    """Return whether a request comes from this machine itself, or has the key."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if key and scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), key.encode()):
        return True
    from_here = request.client is not None and request.client.host in LOOPBACK
    return from_here and not any(name in request.headers for name in FORWARDED)
