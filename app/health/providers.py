"""Checks of the transports: their settings, and whether the providers accept the credentials."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from app.health.check import Check
from app.transports import configured_transports, missing_credentials, open_provider
from app.twilio import text_senders
from channels.transport import CredentialCheck, CredentialWarning, LookupUnavailable, TemporaryFailure
from models.config.settings import Settings, TransportKind
from models.config.shop import Sender, ShopFolder
from models.config.text_senders import DEFAULT, SenderKind, sender_kind
from models.enums import Channel
from models.errors import ForewarnError
from rules.contact.addresses import BadAddress, phone_number

TIMEOUT = 5.0
"""Seconds that a provider may take to answer a check; FOREWARN_TIMEOUT holds for messages."""
TOO_MANY_REQUESTS = "429"


def check_transports(settings: Settings, folder: ShopFolder) -> Iterator[Check]:
    """Check each channel's settings: its credentials are present and its sender is valid."""
    try:
        transports = configured_transports(settings)
    except ForewarnError as error:
        yield Check("transports", str(error), "correct the setting", bad=True)
        return
    for channel, kind in transports.items():
        missing = missing_credentials(settings, kind, folder.shop.sender)
        if missing:
            yield Check(f"transport {channel}", f"{kind} lacks credentials", f"set {', '.join(missing)}", bad=True)
        elif kind is TransportKind.OUTBOX:
            yield Check(f"transport {channel}", "local outbox", f"set FOREWARN_{channel.upper()} to send by a provider")
        elif kind is TransportKind.TWILIO:
            yield _check_senders(f"transport {channel}", settings, folder.shop.sender)
        else:
            yield Check(f"transport {channel}", f"{kind}, credentials are present")


def _check_senders(what: str, settings: Settings, sender: Sender) -> Check:
    """Check what texts are sent from, and say it for each country."""
    senders = text_senders(settings, sender)
    right = "a number as +4915112345678, or a messaging service: MG and 32 hexadecimal digits"
    if DEFAULT not in sender.sms and settings.twilio_from and not _is_sender(settings.twilio_from, takes_answers=True):
        found = "FOREWARN_TWILIO_FROM is neither a phone number nor a messaging service"
        return Check(what, found, f"set it to {right}; a name belongs in shop.toml: docs/senders.md", bad=True)
    wrong = next((place for place, one in senders.items() if not _is_sender(one)), None)
    if wrong:
        found = f"shop.toml: sender.sms.{wrong} = {senders[wrong]!r} is no number that a country gives out"
        return Check(what, found, f"set it to {right}: docs/senders.md", bad=True)
    if set(senders) == {DEFAULT}:
        return Check(what, f"twilio, credentials are present; texts from {senders[DEFAULT]}")
    used = [f"{_place(place)} from {sender}" for place, sender in sorted(senders.items(), key=_default_last)]
    found = f"twilio, credentials are present; texts to {', to '.join(used)}"
    if DEFAULT in senders:
        return Check(what, found)
    return Check(what, f"{found}; to other countries none", "name sender.sms.default in shop.toml: docs/senders.md")


def _place(place: str) -> str:
    return "other countries" if place == DEFAULT else place


def _default_last(named: tuple[str, str]) -> tuple[bool, str]:
    return named[0] == DEFAULT, named[0]


def _is_sender(sender: str, *, takes_answers: bool = False) -> bool:
    """Return whether this can send texts, and take answers; a number must be one that its country gives out."""
    try:
        kind = sender_kind(sender)
        is_number = kind is SenderKind.NUMBER and phone_number(sender, None) == sender
    except (BadAddress, ValueError):
        return False
    return is_number or kind is SenderKind.SERVICE or (kind is SenderKind.NAME and not takes_answers)


def check_credentials(settings: Settings, folder: ShopFolder) -> list[Check]:
    """Ask all providers concurrently whether they accept the credentials. Nothing is sent."""
    try:
        transports = configured_transports(settings).items()
    except ForewarnError:  # check_transports reports it
        return []
    asked = {
        channel: kind
        for channel, kind in transports
        if kind is not TransportKind.OUTBOX and not missing_credentials(settings, kind, folder.shop.sender)
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
        found = await transport.check()
        return Check(what, f"{kind}: {found}", transport.warning if isinstance(transport, CredentialWarning) else "")
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
