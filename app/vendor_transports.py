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
from channels.vendors.signatures import SHORTEST
from models.config.settings import Settings
from models.config.vendor_transports import ByFolder, ByHttp, BySftp
from models.enums import Channel
from models.errors import ForewarnError
from models.purchasing import IDEMPOTENT, VendorChannel
from tasks.purchasing.vendors import VendorFacts, channel_of, email_of

SETTING = "FOREWARN_VENDOR_KEYS"
ANSWERS = "/answers"
"""What follows a vendor's id where its answers are signed with another secret than its requests."""
WITH_SECRET = (VendorChannel.SFTP, VendorChannel.HTTP)
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
    """Return the secrets that vendors sign their answers with, by vendor; those too short to sign with are left out."""
    keys = keys_of(settings)
    vendors = {name.removesuffix(ANSWERS) for name in keys}
    found = {vendor: keys.get(f"{vendor}{ANSWERS}") or keys.get(vendor, "") for vendor in vendors}
    return {vendor: key for vendor, key in found.items() if len(key) >= SHORTEST}


@asynccontextmanager
async def open_vendor_transports(
    house: App,
    vendors: Mapping[str, VendorFacts],
    now: Callable[[], datetime],
    closed_channels: Mapping[str, str] | None = None,
) -> AsyncIterator[tuple[dict[str, DocumentTransport], dict[str, str]]]:
    """Open a door to each vendor; one that lacks something stays shut, with the reason, and stops no other.

    In a trial by redirect or sandbox no file and no HTTP request goes to a vendor.
    """
    keys = keys_of(house.settings)
    trial = is_provider_trial(house.settings)
    async with open_transports(house, now, closed_channels) as (mails, shut):
        opened: dict[str, DocumentTransport] = {}
        closed: dict[str, str] = {}
        for vendor in vendors.values():
            if trial and channel_of(house.desk.shop, vendor) in IDEMPOTENT:
                closed[vendor.id] = "a trial is on: only mails go out, to the test address"
                continue
            try:
                opened[vendor.id] = _open(house, vendor, keys.get(vendor.id, ""), now, mails.get(Channel.EMAIL))
            except ForewarnError as error:
                closed[vendor.id] = shut.get(Channel.EMAIL, str(error))
        try:
            yield opened, closed
        finally:
            for door in opened.values():
                await door.close()


def _open(
    house: App, vendor: VendorFacts, key: str, now: Callable[[], datetime], mail: MessageTransport | None
) -> DocumentTransport:
    timeout = house.settings.timeout
    match house.desk.shop.vendor.get(vendor.id):
        case ByFolder() as way:
            return FolderTransport((house.folder.path / way.path).resolve())
        case BySftp() as way:
            if not key:
                raise ForewarnError(f"{SETTING} has no password or private key for {vendor.id}")
            return SftpTransport(way.host, way.port, way.user, way.path, way.host_key, key, timeout=timeout)
        case ByHttp() as way:
            if len(key) < SHORTEST:
                raise ForewarnError(f"{SETTING} has no key of {SHORTEST} or more characters for {vendor.id}")
            return VendorHttpTransport(way.url, key, now=now, timeout=timeout)
        case _:
            to = email_of(house.desk.shop, vendor)
            if to is None or mail is None:
                raise ForewarnError(f"{vendor.id} has no mail address")
            return VendorMailTransport(mail, to, vendor.name)
