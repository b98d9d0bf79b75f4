"""Open a transport to each vendor: shop.toml configures it, and FOREWARN_VENDOR_KEYS has its secret."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from app.composition import App
from app.transports import is_provider_trial, open_transports
from channels.signatures import SECRET_FORM, is_secret
from channels.transport import DocumentTransport, MessageTransport
from channels.vendors.folder import FolderTransport
from channels.vendors.http import VendorHttpTransport
from channels.vendors.mail import VendorMailTransport
from channels.vendors.sftp import SftpTransport
from models.config.settings import Settings
from models.config.vendor_transports import ByFolder, ByHttp, BySftp, VendorTransport
from models.enums import Channel
from models.errors import ForewarnError
from models.purchasing import IDEMPOTENT
from tasks.purchasing.vendors import VendorFacts, channel_of, email_of

SETTING = "FOREWARN_VENDOR_KEYS"
RESPONSE_KEY_SUFFIX = "/answers"
"""Follows a vendor's id in the name of a separate secret for its responses."""
_KEYS_ADAPTER: TypeAdapter[dict[str, str]] = TypeAdapter(dict[str, str])


def keys_of(settings: Settings) -> dict[str, str]:
    """Return the vendors' secrets by vendor id. Raises ForewarnError, which shows no secret."""
    if settings.vendor_keys is None:
        return {}
    try:
        return _KEYS_ADAPTER.validate_json(settings.vendor_keys.get_secret_value())
    except ValidationError:
        raise ForewarnError(f'{SETTING} is not a JSON object of texts; {{"V1": "..."}} is right') from None


def response_keys(settings: Settings) -> dict[str, str]:
    """Return the secrets that vendors sign their responses with, by vendor id. SFTP passwords are left out.

    Raises ForewarnError for a malformed secret of responses.
    """
    keys = keys_of(settings)
    for name, secret in keys.items():
        if name.endswith(RESPONSE_KEY_SUFFIX) and not is_secret(secret):
            raise ForewarnError(f"{SETTING}: the secret of {name} has another form; {SECRET_FORM} is right")
    vendors = {name.removesuffix(RESPONSE_KEY_SUFFIX) for name in keys}
    secrets = {vendor: keys.get(f"{vendor}{RESPONSE_KEY_SUFFIX}") or keys.get(vendor, "") for vendor in vendors}
    return {vendor: secret for vendor, secret in secrets.items() if is_secret(secret)}


def secret_problem(vendor: str, transport: VendorTransport | None, secret: str) -> str:
    """Return what is wrong with the secret that a vendor's transport needs; empty if nothing is."""
    match transport:
        case BySftp() if not secret:
            return f"{SETTING} has no password or private key for {vendor}"
        case ByHttp() if not secret:
            return f"{SETTING} has no secret for {vendor}; {SECRET_FORM} is right"
        case ByHttp() if not is_secret(secret):
            return f"{SETTING}: the secret of {vendor} has another form; {SECRET_FORM} is right"
        case _:
            return ""


@asynccontextmanager
async def open_vendor_transports(
    app: App,
    vendors: Mapping[str, VendorFacts],
    now: Callable[[], datetime],
    closed_channels: Mapping[str, str] | None = None,
) -> AsyncIterator[tuple[dict[str, DocumentTransport], dict[str, str]]]:
    """Yield the open transports, and why each other vendor has none, both by vendor id.

    A transport that cannot be opened does not stop the others. In a trial by redirect or sandbox, only mails are sent.
    """
    keys = keys_of(app.settings)
    trial = is_provider_trial(app.settings)
    async with open_transports(app, now, closed_channels, [Channel.EMAIL]) as (message_transports, closed_messages):
        opened: dict[str, DocumentTransport] = {}
        closed: dict[str, str] = {}
        for vendor in vendors.values():
            if trial and channel_of(app.context.shop, vendor) in IDEMPOTENT:
                closed[vendor.id] = "a trial is on: only mails are sent, to the test address"
                continue
            try:
                mail = message_transports.get(Channel.EMAIL)
                opened[vendor.id] = _open(app, vendor, keys.get(vendor.id, ""), now, mail)
            except ForewarnError as error:
                closed[vendor.id] = closed_messages.get(Channel.EMAIL, str(error))
        try:
            yield opened, closed
        finally:
            for transport in opened.values():
                await transport.close()


def _open(
    app: App, vendor: VendorFacts, key: str, now: Callable[[], datetime], mail: MessageTransport | None
) -> DocumentTransport:
    timeout = app.settings.timeout
    config = app.context.shop.vendor.get(vendor.id)
    if problem := secret_problem(vendor.id, config, key):
        raise ForewarnError(problem)
    match config:
        case ByFolder():
            return FolderTransport((app.folder.path / config.path).resolve())
        case BySftp():
            return SftpTransport(
                config.host, config.port, config.user, config.path, config.host_key, key, timeout=timeout
            )
        case ByHttp():
            return VendorHttpTransport(config.url, key, now=now, timeout=timeout)
        case _:
            to = email_of(app.context.shop, vendor)
            if to is None or mail is None:
                raise ForewarnError(f"{vendor.id} has no mail address")
            return VendorMailTransport(mail, to, vendor.name)
