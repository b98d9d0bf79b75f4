"""Open the transports that the settings name, one for each channel, with credentials from the environment only."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

from app import network_transports
from app.composition import App
from app.twilio import missing_for_twilio, open_twilio
from channels.email.sendgrid import SendGridTransport
from channels.local.outbox import LocalOutbox
from channels.local.outbox_index import write_outbox_index
from channels.redirect import RedirectTransport
from channels.transport import MessageTransport
from models.config.settings import Settings, TransportKind
from models.config.shop import Sender
from models.enums import NETWORK_NAMES, NETWORKS, Channel
from models.errors import ForewarnError
from rules.contact.addresses import BadAddress, email_address, phone_number
from rules.contact.masking import mask_address

REQUIRED_SETTINGS: Mapping[TransportKind, tuple[str, ...]] = {
    TransportKind.OFF: (),
    TransportKind.OUTBOX: (),
    TransportKind.SENDGRID: ("sendgrid_api_key",),
    TransportKind.SMTP: ("smtp_host",),
    **network_transports.REQUIRED_SETTINGS,
}
SUPPORTED_CHANNELS: Mapping[Channel, tuple[TransportKind, ...]] = {
    Channel.EMAIL: (TransportKind.OUTBOX, TransportKind.SENDGRID, TransportKind.SMTP),
    Channel.SMS: (TransportKind.OUTBOX, TransportKind.TWILIO),
    Channel.X: (TransportKind.OUTBOX, TransportKind.X),
    **{
        network: (TransportKind.OFF, TransportKind.OUTBOX, kind)
        for network, kind in network_transports.NETWORK_KINDS.items()
        if network is not Channel.X
    },
}


def configured_transports(settings: Settings) -> dict[Channel, TransportKind]:
    """Return the transport that the settings name for each channel; raises ForewarnError for an unsuitable one.

    A network that is off has none.
    """
    transports: dict[Channel, TransportKind] = {channel: getattr(settings, channel) for channel in Channel}
    for channel, kind in transports.items():
        if kind not in SUPPORTED_CHANNELS[channel]:
            *others, last = SUPPORTED_CHANNELS[channel]
            possible = f"{', '.join(others)} or {last}"
            raise ForewarnError(f"FOREWARN_{channel.upper()}: {kind} does not send this channel; use {possible}")
    return {channel: kind for channel, kind in transports.items() if kind is not TransportKind.OFF}


def missing_credentials(settings: Settings, kind: TransportKind, sender: Sender) -> list[str]:
    """Return the names of the settings that a transport needs and that are not set."""
    if kind is TransportKind.TWILIO:
        return missing_for_twilio(settings, sender)
    return [f"FOREWARN_{name.upper()}" for name in REQUIRED_SETTINGS[kind] if getattr(settings, name) is None]


def redirects(settings: Settings) -> dict[Channel, str]:
    """Return the test address of each redirected channel; raises ForewarnError for an invalid address."""
    addresses: dict[Channel, str] = {}
    try:
        if settings.redirect_email:
            addresses[Channel.EMAIL] = email_address(settings.redirect_email)
    except BadAddress as error:
        raise ForewarnError(f"FOREWARN_REDIRECT_EMAIL: {error}; an address such as you@example.com is right") from error
    try:
        if settings.redirect_sms:
            addresses[Channel.SMS] = phone_number(settings.redirect_sms, None)
    except BadAddress as error:
        raise ForewarnError(f"FOREWARN_REDIRECT_SMS: {error}; a number such as +4915112345678 is right") from error
    return addresses


def reaches_customers(settings: Settings) -> dict[Channel, TransportKind]:
    """Return the channels whose messages reach customers, with the provider of each.

    The local outbox, a redirect and SendGrid's sandbox are trials. While one channel is redirected, no other reaches
    customers either.
    """
    if is_provider_trial(settings):
        return {}
    return {
        channel: kind for channel, kind in configured_transports(settings).items() if kind is not TransportKind.OUTBOX
    }


def is_provider_trial(settings: Settings) -> bool:
    """Return whether providers are used for a trial only: redirected to test addresses, or in a sandbox."""
    return settings.sendgrid_sandbox or bool(redirects(settings))


def closed_channels(settings: Settings, sender: Sender) -> dict[str, str]:
    """Return the channels that can send nothing, each with the reason."""
    tests, trial = redirects(settings), is_provider_trial(settings)
    transports = configured_transports(settings)
    closed = {
        str(network): f"{NETWORK_NAMES[network]} is off: FOREWARN_{network.upper()} connects it"
        for network in NETWORKS
        if network not in transports
    }
    for channel, kind in transports.items():
        if missing := missing_credentials(settings, kind, sender):
            closed[str(channel)] = f"{kind} needs {' and '.join(missing)} in the environment"
        elif trial and kind is not TransportKind.OUTBOX and channel not in tests and not _sandboxed(settings, kind):
            closed[str(channel)] = f"a trial is on by another channel, and {channel} would reach customers"
    return closed


def _sandboxed(settings: Settings, kind: TransportKind) -> bool:
    return kind is TransportKind.SENDGRID and settings.sendgrid_sandbox


@asynccontextmanager
async def open_transports(
    app: App,
    now: Callable[[], datetime],
    closed: Mapping[str, str] | None = None,
    channels: Collection[Channel] = tuple(Channel),
) -> AsyncIterator[tuple[dict[Channel, MessageTransport], dict[str, str]]]:
    """Open the transports of `channels`; yield them with the closed channels and their reasons, and close them after.

    A channel without credentials is closed and stops no other channel; so are those that the caller names in `closed`.
    Afterwards the page of the local outbox is updated when a transport wrote to it.
    """
    settings, sender = app.settings, app.folder.shop.sender
    kinds, tests = configured_transports(settings), redirects(settings)
    all_closed = closed_channels(settings, sender) | dict(closed or {})
    transports: dict[Channel, MessageTransport] = {
        channel: LocalOutbox(app.outbox, sender, now)
        if kind is TransportKind.OUTBOX
        else open_provider(kind, settings, sender, now, app.folder.state_names[0])
        for channel, kind in kinds.items()
        if channel in channels and channel not in all_closed
    }
    for channel, to in tests.items():
        if channel in transports and kinds[channel] is not TransportKind.OUTBOX:
            transports[channel] = RedirectTransport(transports[channel], to, mask_address)
    try:
        yield transports, all_closed
    finally:
        for transport in transports.values():
            await transport.close()
        if any(isinstance(transport, LocalOutbox) for transport in transports.values()) and app.outbox.is_dir():
            await asyncio.to_thread(_write_index, app)


def _write_index(app: App) -> None:
    try:
        write_outbox_index(app.outbox, mask_address)
    except OSError as error:
        # The messages are settled: a page that cannot be written says so, and ends no run.
        logging.getLogger(__name__).warning("%s cannot be written: %s", app.outbox / "index.html", error.strerror)


def open_provider(
    kind: TransportKind, settings: Settings, sender: Sender, now: Callable[[], datetime], shop: str = ""
) -> MessageTransport:
    """Open the transport to a provider; its credentials must be there. Raises ForewarnError for the local outbox.

    `shop` tells the shop's mails from those of others in the provider's statistics.
    """
    timeout, parallel = settings.timeout, settings.concurrency
    match kind:
        case TransportKind.OFF | TransportKind.OUTBOX:
            raise ForewarnError("the local outbox is not a provider")
        case TransportKind.SENDGRID:
            return SendGridTransport(
                _secret(settings, "sendgrid_api_key"),
                sender,
                url=settings.sendgrid_url,
                timeout=timeout,
                parallel=parallel,
                sandbox=settings.sendgrid_sandbox,
                shop=shop,
            )
        case TransportKind.SMTP:
            return _smtp(settings, sender, now)
        case TransportKind.TWILIO:
            return open_twilio(settings, sender, now)
        case _:
            values = tuple(_secret(settings, name) for name in REQUIRED_SETTINGS[kind])
            return network_transports.open_network(kind, settings, values, now)


def _smtp(settings: Settings, sender: Sender, now: Callable[[], datetime]) -> MessageTransport:
    # Here, because only a shop with a relay of its own needs the library.
    from channels.email.smtp import Relay, SmtpTransport

    try:
        bounces_to = email_address(settings.smtp_bounces_to) if settings.smtp_bounces_to else None
    except BadAddress as error:
        right = "an address such as bounces@example.com is right"
        raise ForewarnError(f"FOREWARN_SMTP_BOUNCES_TO: {error}; {right}") from error
    password = settings.smtp_password
    relay = Relay(
        settings.smtp_host or "",
        settings.smtp_port,
        settings.smtp_tls,
        settings.smtp_user,
        password.get_secret_value() if password else None,
    )
    return SmtpTransport(
        relay,
        sender,
        now=now,
        timeout=settings.timeout,
        parallel=settings.concurrency,
        bounces_to=bounces_to,
    )


def _secret(settings: Settings, name: str) -> str:
    value = getattr(settings, name)
    return str(getattr(value, "get_secret_value", lambda: value)())
