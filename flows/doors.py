"""Open the doors out that the settings name: one a channel, with credentials from the environment alone."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from channels.door import Door
from channels.outbox import Outbox
from channels.outbox_index import write_index
from channels.sendgrid import SendGrid
from channels.twilio import Twilio
from channels.x import X
from flows.house import House
from models.errors import ForewarnError
from models.settings import DoorKind, Settings
from models.shopfolder import Sender
from models.values import Channel
from rules.masking import masked

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


@asynccontextmanager
async def open_doors(
    house: House, now: Callable[[], datetime]
) -> AsyncIterator[tuple[dict[Channel, Door], dict[str, str]]]:
    """Open a door for every channel; a channel that lacks credentials stays shut, with the reason, and stops no other.

    Afterwards the doors are closed, and the outbox's page is brought up to date where one led there.
    """
    kinds = chosen(house.settings)
    shut = {
        str(channel): f"{kind} needs {' and '.join(lacking)} in the environment"
        for channel, kind in kinds.items()
        if (lacking := missing(house.settings, kind))
    }
    settings, sender = house.settings, house.folder.shop.sender
    doors: dict[Channel, Door] = {
        channel: Outbox(house.outbox, sender, now)
        if kind is DoorKind.OUTBOX
        else open_provider(kind, settings, sender, now)
        for channel, kind in kinds.items()
        if channel not in shut
    }
    try:
        yield doors, shut
    finally:
        for door in doors.values():
            await door.close()
        if any(isinstance(door, Outbox) for door in doors.values()) and house.outbox.is_dir():
            await asyncio.to_thread(write_index, house.outbox, masked)


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
