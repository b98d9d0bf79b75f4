"""`forewarn serve`: order pages, product page notices, the JSON API and vendors' responses over HTTP."""

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from app.clock import make_clock
from app.composition import App, open_app
from cli import console as printing
from cli.options import Shop
from models.errors import ForewarnError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

HOST, PORT = "127.0.0.1", 8080


def serve(
    host: Annotated[str, typer.Option(help="address to listen on; 0.0.0.0 is all of this machine")] = HOST,
    port: Annotated[int, typer.Option(min=1, max=65535, help="port to listen on")] = PORT,
    shop: Shop = None,
) -> None:
    """Serve the desk, order pages, notices and the JSON API, and receive vendors' responses, until stopped."""
    with open_app(shop, follows_words=True) as app:
        serve_on(host, port, lambda: _service(app), "/desk")


def _service(app: App) -> "ASGIApp":
    from web.live_service import LiveService
    from web.service import build_service

    clock = make_clock(app.folder.shop.zone, None).now
    return LiveService(app, lambda live: build_service(live, clock))


def serve_on(host: str, port: int, build: "Callable[[], ASGIApp]", path: str) -> None:
    """Listen, build the application, print its address and serve it until stopped.

    Raises ForewarnError where the port is taken, before anything is built.
    """
    import uvicorn

    from web.server import server_config

    with listen(host, port) as listening_socket:
        server = uvicorn.Server(server_config(build()))
        printing.out.print(f"Serving http://{host}:{port}{path}; press Ctrl-C to stop.", markup=False)
        with suppress(KeyboardInterrupt):
            server.run([listening_socket])


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; raises ForewarnError where it cannot."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (while")[0].lower()
        raise ForewarnError(f"cannot listen on {host}, port {port}: {reason}") from error
