"""The JSON API as long as it has keys: FastAPI is imported with the first request that may need it."""

import re
import threading
from collections.abc import Callable, Collection
from datetime import datetime

from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from tasks.context import Context
from tasks.staff.keys import has_keys

PREFIX = "/api/v1"


class LazyApi:
    """Answers with the API once there is a key for it, in the settings or made on the desk, and else with 404."""

    def __init__(self, context: Context, keys: Collection[str], clock: Callable[[], datetime]) -> None:
        self._context, self._keys, self._clock = context, keys, clock
        self._lock = threading.Lock()
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        app = await run_in_threadpool(self._find)
        await (app or PlainTextResponse("Not Found", 404))(scope, receive, send)

    def _find(self) -> ASGIApp | None:
        if not self._keys and not has_keys(self._context.engine):
            return None
        with self._lock:
            if self._app is None:
                # Here, because only a shop that uses the API needs FastAPI.
                from web.api.application import api_app

                self._app = api_app(self._context, self._keys, self._clock)
            return self._app


def lazy_api_mount(context: Context, keys: Collection[str], clock: Callable[[], datetime]) -> Mount:
    """Return the API, mounted."""
    mount = Mount(PREFIX, app=LazyApi(context, keys, clock))
    # An id may have a line break, too.
    mount.path_regex = re.compile(mount.path_regex.pattern, re.DOTALL)
    return mount
