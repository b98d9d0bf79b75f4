"""Open the transport to the shop's webhook, which FOREWARN_WEBHOOK_URL and FOREWARN_WEBHOOK_SECRET describe."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit
from uuid import uuid4

from channels.http_client import json_body
from channels.signatures import SECRET_FORM, is_secret
from channels.transport import OutcomeUnknown, PermanentFailure, TemporaryFailure
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


def send_test_event(settings: Settings) -> str:
    """Send an event of the type `test`, without a choice; return what became of it, to be read after `the webhook`."""
    if problem := webhook_problem(settings):
        return f"cannot be told: {problem}"
    return asyncio.run(_send_test(settings))


async def _send_test(settings: Settings) -> str:
    key = uuid4().hex
    payload = {"id": key, "type": "test", "timestamp": datetime.now(UTC).isoformat(timespec="seconds"), "data": {}}
    async with open_webhook(settings) as transport:
        if transport is None:
            return "cannot be told: none is set"
        try:
            await transport.send(key, json_body(payload))
        except (PermanentFailure, TemporaryFailure) as error:
            return f"did not take it: {error}"
        except OutcomeUnknown as error:
            return f"may have it or not: {error}"
    return "took it"
