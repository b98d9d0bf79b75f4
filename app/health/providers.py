"""Checks of the transports: their settings, and whether the providers accept the credentials."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from app.health.check import Check
from app.transports import configured_transports, missing_credentials, open_provider
from channels.sms.twilio import MESSAGING_SERVICE
from channels.transport import CredentialCheck, LookupUnavailable, TemporaryFailure
from models.config.settings import Settings, TransportKind
from models.config.shop import ShopFolder
from models.enums import Channel
from models.errors import ForewarnError
from rules.contact.addresses import BadAddress, phone_number

TIMEOUT = 5.0
"""Seconds that a provider may take to answer a check; FOREWARN_TIMEOUT holds for messages."""
TOO_MANY_REQUESTS = "429"


def check_transports(settings: Settings, _: ShopFolder) -> Iterator[Check]:
    """Check each channel's settings: its credentials are present and its sender is valid."""
    try:
        transports = configured_transports(settings)
    except ForewarnError as error:
        yield Check("transports", str(error), "correct the setting", bad=True)
        return
    for channel, kind in transports.items():
        missing = missing_credentials(settings, kind)
        if missing:
            yield Check(f"transport {channel}", f"{kind} lacks credentials", f"set {', '.join(missing)}", bad=True)
        elif kind is TransportKind.OUTBOX:
            yield Check(f"transport {channel}", "local outbox", f"set FOREWARN_{channel.upper()} to send by a provider")
        elif kind is TransportKind.TWILIO and not _is_sender(settings.twilio_from or ""):
            found = "FOREWARN_TWILIO_FROM is neither a phone number nor a messaging service"
            remedy = "set it to a number as +4915112345678, or to the service's SID: MG and 32 hexadecimal digits"
            yield Check(f"transport {channel}", found, remedy, bad=True)
        else:
            yield Check(f"transport {channel}", f"{kind}, credentials are present")


def _is_sender(sender: str) -> bool:
    """Return whether this can send texts: a valid number in E.164, or the SID of a messaging service."""
    if MESSAGING_SERVICE.fullmatch(sender):
        return True
    try:
        return phone_number(sender, None) == sender
    except BadAddress:
        return False


def check_credentials(settings: Settings, folder: ShopFolder) -> list[Check]:
    """Ask all providers concurrently whether they accept the credentials. Nothing is sent."""
    try:
        transports = configured_transports(settings).items()
    except ForewarnError:  # check_transports reports it
        return []
    asked = {
        channel: kind
        for channel, kind in transports
        if kind is not TransportKind.OUTBOX and not missing_credentials(settings, kind)
    }
    return asyncio.run(_check_all(settings, folder, asked))


async def _check_all(settings: Settings, folder: ShopFolder, asked: Mapping[Channel, TransportKind]) -> list[Check]:
    quick = settings.model_copy(update={"timeout": min(TIMEOUT, settings.timeout)})
    return await asyncio.gather(*(_check_one(quick, folder, channel, kind) for channel, kind in asked.items()))


async def _check_one(settings: Settings, folder: ShopFolder, channel: Channel, kind: TransportKind) -> Check:
    what = f"provider {channel}"
    transport = open_provider(kind, settings, folder.shop.sender, lambda: datetime.now(UTC))
    try:
        if not isinstance(transport, CredentialCheck):
            return Check(what, f"{kind} cannot be asked", "send a message to yourself")
        return Check(what, f"{kind}: {await transport.check()}")
    except LookupUnavailable as error:
        return Check(what, error.reason, "the account may not be asked; the first message shows whether it is accepted")
    except TemporaryFailure as error:
        if error.channel_down:
            remedy = f"correct the account, or the settings FOREWARN_{kind.upper()}_...: docs/settings.md"
            return Check(what, error.reason, remedy, bad=True)
        remedy = "look at the provider's status page and at this machine's way out, and look again"
        return Check(what, error.reason, remedy, bad=error.code != TOO_MANY_REQUESTS)
    finally:
        await transport.close()
