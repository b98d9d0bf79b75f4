"""A web application on a free port of this machine, for as long as a test needs it."""

import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn


@dataclass(frozen=True, slots=True)
class Got:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@contextmanager
def serving(app: Any, **config: Any) -> Iterator[str]:
    """Serve an application, and give its address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()  # who asks before the server is ready waits, and is not turned away
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", ws="none", **config))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)


def get(url: str, body: bytes | None = None, **headers: str) -> Got:
    """Ask for an address, or post a body to it; names of headers are written with `_`."""
    asked = urllib.request.Request(url, body, headers={key.replace("_", "-"): value for key, value in headers.items()})  # noqa: S310
    try:
        with urllib.request.urlopen(asked, timeout=20) as answer:  # noqa: S310 - our own server
            return Got(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Got(error.code, error.headers, error.read())
