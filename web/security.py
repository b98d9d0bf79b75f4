"""Set the security headers of pages for customers, and refuse forms that another site sent."""

import logging
import re
from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src https: data:; "
    "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""Of a mail as it was sent, in the frame of its page: mails carry their styles in their tags, and run nothing."""
FRAGMENT_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Of the choices alone, which a shop's server puts into its own page: its policy holds there, and not this one."""
PAGE_HEADERS = {
    "Content-Security-Policy": PAGE_POLICY,
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
_PANEL_TOKEN = re.compile(r"([?&]token=)[^&\s\"']+")
_TOKEN = re.compile(r"/(o|u|desk/password)/(?!link(?:[/?\s]|$))[^/?\s\"']+")


class SecurityHeaders:
    """Adds headers to every response of an application, errors included; one that it sets itself stays."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str] = PAGE_HEADERS) -> None:
        self._app, self._headers = app, headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def is_from_another_site(headers: Headers) -> bool:
    """Return whether a browser says that a form was sent by another site than ours.

    A browser that does not say leaves it to the form's signed token: under `no-referrer` its Origin is `null`.
    """
    return headers.get("sec-fetch-site", "same-origin") != "same-origin"


def cut_tokens(text: str) -> str:
    """Return a text without the tokens of links to order pages, to unsubscribe and to the side panel."""
    return _PANEL_TOKEN.sub(r"\1...", _TOKEN.sub(r"/\1/...", text))


class TokensCut(logging.Filter):
    """Cuts the tokens of links from the paths in a server's log."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Cut them; every record stays."""
        record.msg = cut_tokens(str(record.msg))
        if isinstance(record.args, tuple):
            record.args = tuple(cut_tokens(each) if isinstance(each, str) else each for each in record.args)
        return True
