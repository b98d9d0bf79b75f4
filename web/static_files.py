"""Serve the style sheets and the script of the pages, each under an address that changes with its content."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from templates.rendering.brand import Accent, accent_pair

STATIC = Path(__file__).parent / "static"
FOREVER = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
STYLE, SCRIPT, BRAND, DESK_STYLE = "ui.css", "ui.js", "brand.css", "desk.css"
MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript"}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file's name, content and digest."""

    name: str
    content: bytes

    @property
    def digest(self) -> str:
        """Return what tells this content from another one."""
        return hashlib.sha256(self.content).hexdigest()[:12]

    def route(self) -> Route:
        """Return the route that serves it."""

        async def serve(_: Request) -> Response:
            return Response(self.content, headers=FOREVER, media_type=MEDIA_TYPES[Path(self.name).suffix])

        return Route(f"/{self.name}", serve)


@cache
def shared_file(name: str) -> StaticFile:
    """Return a file that all shops share."""
    return StaticFile(name, (STATIC / name).read_bytes())


def brand_file(accent: str) -> StaticFile:
    """Return the style sheet with a shop's accent, readable by day and by night."""
    day, night = accent_pair(accent)
    css = f":root{{{_properties(day)}}}@media (prefers-color-scheme:dark){{:root{{{_properties(night)}}}}}\n"
    # In the layer of the tokens and after them, so that printing still sets its own.
    return StaticFile(BRAND, f"@layer tokens{{{css}}}".encode())


def _properties(accent: Accent) -> str:
    return (
        f"--accent:{accent.link};--accent-hover:{accent.link};"
        f"--button:{accent.button};--button-hover:{accent.button};--on-accent:{accent.on_button}"
    )
