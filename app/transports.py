"""Open the doors out that the settings name: one a channel, with credentials from the environment alone."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

from app.composition import House
from channels.email.sendgrid import SendGrid
from channels.local.outbox import Outbox
from channels.local.outbox_index import write_index
from channels.redirect import Redirect
from channels.sms.twilio import Twilio
from channels.social.x import X
from channels.transport import Door
from models.config.settings import DoorKind, Settings
from models.config.shop import Sender
from models.enums import Channel
from models.errors import ForewarnError
from rules.contact.addresses import BadAddress, email_address, phone_number
from rules.contact.masking import masked

NEEDS = {
    DoorKind.OUTBOX: (),
    DoorKind.SENDGRID: ("sendgrid_api_key",),
    DoorKind.TWILIO: ("twilio_account_sid", "twilio_auth_token", "twilio_from"),
    DoorKind.X: ("x_consumer_key", "x_consumer_secret", "x_access_token", "x_access_token_secret"),
}
FITS = {
    Channel.EMAIL: (DoorKind.OUTBOX, DoorKind.SENDGRID),
    Channel.SMS: (DoorKind.OUTBOX, DoorKind.TWILIO),
    Channel.X: (DoorKind.OUTBOX, DoorKind.X),
}


def chosen(settings: Settings) -> dict[Channel, DoorKind]:
    """Return the door that the settings name for each channel; raises ForewarnError where it does not fit."""
    doors = {Channel.EMAIL: settings.email, Channel.SMS: settings.sms, Channel.X: settings.x}
    for channel, kind in doors.items():
        if kind not in FITS[channel]:
            raise ForewarnError(
                f"FOREWARN_{channel.upper()}: {kind} is no door for it; {' or '.join(FITS[channel])} is"
            )
    return doors


def missing(settings: Settings, kind: DoorKind) -> list[str]:
    """Return the names of the settings that a door still needs."""
    return [f"FOREWARN_{name.upper()}" for name in NEEDS[kind] if getattr(settings, name) is None]


def redirects(settings: Settings) -> dict[Channel, str]:
    """Return the test address of each channel that is redirected; raises ForewarnError where it is none."""
    found: dict[Channel, str] = {}
    try:
        if settings.redirect_email:
            found[Channel.EMAIL] = email_address(settings.redirect_email)
    except BadAddress as error:
        raise ForewarnError(f"FOREWARN_REDIRECT_EMAIL: {error}; an address such as you@example.com is right") from error
    try:
        if settings.redirect_sms:
            found[Channel.SMS] = phone_number(settings.redirect_sms, None)
    except BadAddress as error:
        raise ForewarnError(f"FOREWARN_REDIRECT_SMS: {error}; a number such as +4915112345678 is right") from error
    return found


def to_customers(settings: Settings) -> dict[Channel, DoorKind]:
    """Return the channels whose messages leave for customers, with the provider of each.

    The local outbox, a redirect and SendGrid's sandbox are trials. While one channel is redirected, no other reaches
    customers either.
    """
    if is_provider_trial(settings):
        return {}
    return {channel: kind for channel, kind in chosen(settings).items() if kind is not DoorKind.OUTBOX}


def is_provider_trial(settings: Settings) -> bool:
    """Say whether providers are only tried: by a redirect to test addresses, or in a sandbox."""
    return settings.sendgrid_sandbox or bool(redirects(settings))


def _closed(settings: Settings) -> dict[str, str]:
    """Return the channels by which nothing can leave, each with its reason."""
    tests, trial = redirects(settings), is_provider_trial(settings)
    closed: dict[str, str] = {}
    for channel, kind in chosen(settings).items():
        if lacking := missing(settings, kind):
            closed[str(channel)] = f"{kind} needs {' and '.join(lacking)} in the environment"
        elif trial and kind is not DoorKind.OUTBOX and channel not in tests and not _sandboxed(settings, kind):
            closed[str(channel)] = f"a trial is on by another channel, and {channel} would reach customers"
    return closed


def _sandboxed(settings: Settings, kind: DoorKind) -> bool:
    return kind is DoorKind.SENDGRID and settings.sendgrid_sandbox


@asynccontextmanager
async def open_doors(
    house: House, now: Callable[[], datetime], closed: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[dict[Channel, Door], dict[str, str]]]:
    """Open a door for every channel; a channel that lacks credentials stays shut, with the reason, and stops no other.

    So do those that the caller names as `closed`. Afterwards the doors are closed, and the outbox's page is brought up
    to date where one led there.
    """
    settings, sender = house.settings, house.folder.shop.sender
    kinds, tests = chosen(settings), redirects(settings)
    shut = _closed(settings) | dict(closed or {})
    doors: dict[Channel, Door] = {
        channel: Outbox(house.outbox, sender, now)
        if kind is DoorKind.OUTBOX
        else open_provider(kind, settings, sender, now)
        for channel, kind in kinds.items()
        if channel not in shut
    }
    for channel, to in tests.items():
        if channel in doors and kinds[channel] is not DoorKind.OUTBOX:
            doors[channel] = Redirect(doors[channel], to, masked)
    try:
        yield doors, shut
    finally:
        for door in doors.values():
            await door.close()
        if any(isinstance(door, Outbox) for door in doors.values()) and house.outbox.is_dir():
            await asyncio.to_thread(_write_index, house)


def _write_index(house: House) -> None:
    try:
        write_index(house.outbox, masked)
    except OSError as error:
        # The messages are settled: a page that cannot be written says so, and ends no run.
        logging.getLogger(__name__).warning("%s cannot be written: %s", house.outbox / "index.html", error.strerror)


def open_provider(kind: DoorKind, settings: Settings, sender: Sender, now: Callable[[], datetime]) -> Door:
    """Open the door to a provider; its credentials must be there. Raises ForewarnError for the local outbox."""
    timeout, parallel = settings.timeout, settings.parallel
    match kind:
        case DoorKind.OUTBOX:
            raise ForewarnError("the local outbox is no provider")
        case DoorKind.SENDGRID:
            return SendGrid(
                _secret(settings, "sendgrid_api_key"),
                sender,
                url=settings.sendgrid_url,
                timeout=timeout,
                parallel=parallel,
                sandbox=settings.sendgrid_sandbox,
            )
        case DoorKind.TWILIO:
            sid, token, number = (_secret(settings, name) for name in NEEDS[kind])
            return Twilio(sid, token, number, now=now, url=settings.twilio_url, timeout=timeout, parallel=parallel)
        case DoorKind.X:
            key, secret, token, token_secret = (_secret(settings, name) for name in NEEDS[kind])
            return X(key, secret, token, token_secret, url=settings.x_url, timeout=timeout, parallel=parallel)


def _secret(settings: Settings, name: str) -> str:
    value = getattr(settings, name)
    return str(getattr(value, "get_secret_value", lambda: value)())
