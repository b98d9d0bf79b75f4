"""Open the doors to vendors, as shop.toml says how and the environment with which secret."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from app.composition import App
from app.transports import is_provider_trial, open_transports
from channels.transport import DocumentTransport, MessageTransport
from channels.vendors.folder import FolderTransport
from channels.vendors.http import VendorHttpTransport
from channels.vendors.mail import VendorMailTransport
from channels.vendors.sftp import SftpTransport
from channels.vendors.signatures import SECRET_FORM, is_secret
from models.config.settings import Settings
from models.config.vendor_transports import ByFolder, ByHttp, BySftp, VendorDoor
from models.enums import Channel
from models.errors import ForewarnError
from models.purchasing import IDEMPOTENT
from tasks.purchasing.vendors import VendorFacts, channel_of, email_of

SETTING = "FOREWARN_VENDOR_KEYS"
ANSWERS = "/answers"
"""What follows a vendor's id where its answers are signed with another secret than its requests."""
_KEYS: TypeAdapter[dict[str, str]] = TypeAdapter(dict[str, str])


def keys_of(settings: Settings) -> dict[str, str]:
    """Return the vendors' secrets by vendor; raises ForewarnError that shows nothing of them."""
    if settings.vendor_keys is None:
        return {}
    try:
        return _KEYS.validate_json(settings.vendor_keys.get_secret_value())
    except ValidationError:
        raise ForewarnError(f'{SETTING} is no JSON object of texts; {{"V1": "..."}} is right') from None


def response_keys(settings: Settings) -> dict[str, str]:
    """Return the secrets that vendors sign their answers with, by vendor; an SFTP password is none and is left out.

    Raises ForewarnError for a secret of answers that has another form.
    """
    keys = keys_of(settings)
    for name, secret in keys.items():
        if name.endswith(ANSWERS) and not is_secret(secret):
            raise ForewarnError(f"{SETTING}: the secret of {name} has another form; {SECRET_FORM} is right")
    vendors = {name.removesuffix(ANSWERS) for name in keys}
    found = {vendor: keys.get(f"{vendor}{ANSWERS}") or keys.get(vendor, "") for vendor in vendors}
    return {vendor: secret for vendor, secret in found.items() if is_secret(secret)}


def secret_problem(vendor: str, way: VendorDoor | None, secret: str) -> str:
    """Say what is wrong with the secret that a vendor's transport needs; empty if nothing is."""
    match way:
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
    """Open a door to each vendor; one that lacks something stays shut, with the reason, and stops no other.

    In a trial by redirect or sandbox no file and no HTTP request goes to a vendor.
    """
    keys = keys_of(app.settings)
    trial = is_provider_trial(app.settings)
    async with open_transports(app, now, closed_channels) as (mails, shut):
        opened: dict[str, DocumentTransport] = {}
        closed: dict[str, str] = {}
        for vendor in vendors.values():
            if trial and channel_of(app.context.shop, vendor) in IDEMPOTENT:
                closed[vendor.id] = "a trial is on: only mails go out, to the test address"
                continue
            try:
                opened[vendor.id] = _open(app, vendor, keys.get(vendor.id, ""), now, mails.get(Channel.EMAIL))
            except ForewarnError as error:
                closed[vendor.id] = shut.get(Channel.EMAIL, str(error))
        try:
            yield opened, closed
        finally:
            for door in opened.values():
                await door.close()


def _open(
    app: App, vendor: VendorFacts, key: str, now: Callable[[], datetime], mail: MessageTransport | None
) -> DocumentTransport:
    timeout = app.settings.timeout
    way = app.context.shop.vendor.get(vendor.id)
    if problem := secret_problem(vendor.id, way, key):
        raise ForewarnError(problem)
    match way:
        case ByFolder():
            return FolderTransport((app.folder.path / way.path).resolve())
        case BySftp():
            return SftpTransport(way.host, way.port, way.user, way.path, way.host_key, key, timeout=timeout)
        case ByHttp():
            return VendorHttpTransport(way.url, key, now=now, timeout=timeout)
        case _:
            to = email_of(app.context.shop, vendor)
            if to is None or mail is None:
                raise ForewarnError(f"{vendor.id} has no mail address")
            return VendorMailTransport(mail, to, vendor.name)
