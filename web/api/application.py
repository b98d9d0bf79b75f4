"""Build the JSON API of one shop, for its own order pages and systems: docs/choices.md."""

import re
from collections.abc import Callable, Collection
from datetime import datetime
from functools import partial
from importlib.metadata import version

from fastapi import APIRouter, FastAPI, Security
from fastapi.security import HTTPBearer
from starlette.routing import Mount
from starlette.types import ASGIApp

from tasks.context import Context
from tasks.staff.keys import is_key
from web.api.choices import Choices
from web.api.guards import Guards
from web.api.ledger import Ledger
from web.api.orders import REFUSALS, Orders
from web.api.problems import add_handlers
from web.api.stories import Stories

PREFIX = "/api/v1"
"""Where the API is mounted."""
SUMMARY = "See late orders, record what their customers choose, and tell Forewarn what the shop has done."


def api_mount(context: Context, keys: Collection[str], clock: Callable[[], datetime]) -> Mount:
    """Return the application, mounted."""
    mount = Mount(PREFIX, app=api_app(context, keys, clock))
    # An id may have a line break, too.
    mount.path_regex = re.compile(mount.path_regex.pattern, re.DOTALL)
    return mount


def api_app(context: Context, keys: Collection[str], clock: Callable[[], datetime]) -> ASGIApp:
    """Return the application. It answers requests with one of the keys, or with one that was made on the desk."""
    api = FastAPI(
        title="Forewarn",
        summary=SUMMARY,
        version=version("forewarn"),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    # The guard checks the key; here it is only described.
    router = APIRouter(responses=REFUSALS, dependencies=[Security(HTTPBearer(auto_error=False))])
    ledger = Ledger(context, clock)
    Orders(ledger).add_to(router)
    Stories(ledger).add_to(router)
    Choices(ledger).add_to(router)
    api.include_router(router)
    add_handlers(api)
    return Guards(api, keys, partial(is_key, context.engine))
