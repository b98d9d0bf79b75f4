"""Open the transport to the shop's webhook, which FOREWARN_WEBHOOK_URL and FOREWARN_WEBHOOK_SECRET describe."""

import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit

from channels.signatures import SECRET_FORM, is_secret
from channels.webhook import WebhookTransport
from models.config.settings import Settings

URL, SECRET = "FOREWARN_WEBHOOK_URL", "FOREWARN_WEBHOOK_SECRET"


def webhook_problem(settings: Settings) -> str:
    """Return why no webhook event can be sent by these settings; empty where one can, or no webhook is wanted."""
    if not settings.webhook_url:
        return ""
    if problem := _url_problem(settings.webhook_url):
        return f"{URL}: {problem}"
    if settings.webhook_secret is None:
        return f"{SECRET} is missing; {SECRET_FORM} is right"
    if not is_secret(settings.webhook_secret.get_secret_value()):
        return f"{SECRET} has another form; {SECRET_FORM} is right"
    return ""


def webhook_host(settings: Settings) -> str:
    """Return the host of the webhook; its whole address may hold a secret."""
    return urlsplit(settings.webhook_url or "").hostname or ""


def _url_problem(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "it is no address; https://shop.example.com/hooks is right"
    if parts.scheme not in ("https", "http") or not host:
        return "it is no address; https://shop.example.com/hooks is right"
    if parts.scheme == "http" and not _is_loopback(host):
        return "it must begin with https://, because choices are not sent in the clear; http is for this machine only"
    return ""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@asynccontextmanager
async def open_webhook(settings: Settings) -> AsyncIterator[WebhookTransport | None]:
    """Yield the transport to the webhook, and close it after; None where none is wanted or none can be opened.

    Events are signed with the present time, also in a run for another day: a receiver refuses old signatures.
    """
    secret = settings.webhook_secret
    if not settings.webhook_url or secret is None or webhook_problem(settings):
        yield None
        return
    key = secret.get_secret_value()
    transport = WebhookTransport(settings.webhook_url, key, now=lambda: datetime.now(UTC), timeout=settings.timeout)
    try:
        yield transport
    finally:
        await transport.close()
