"""The settings of providers' callbacks: where they are sent, and the keys that verify them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.config.settings import Settings
from models.errors import ForewarnError

if TYPE_CHECKING:
    from channels.email.sendgrid_signatures import PublicKey
    from channels.sms.twilio_signatures import TwilioKeys

STATUS_PATH, INBOUND_PATH = "/callbacks/twilio/status", "/callbacks/twilio/inbound"
EVENTS_PATH = "/callbacks/sendgrid/events"


@dataclass(frozen=True, slots=True)
class CallbackKeys:
    """What verifies callbacks. Without a provider's keys its callbacks have no endpoint."""

    url: str
    twilio: "TwilioKeys | None" = None
    sendgrid: "tuple[PublicKey, ...]" = ()


def status_callback(settings: Settings) -> str:
    """Return the address to which Twilio sends what became of a text; empty where nothing could verify it."""
    verifies = settings.twilio_auth_token or settings.twilio_shared_key
    return f"{settings.callback_url}{STATUS_PATH}" if settings.callback_url and verifies else ""


def callback_keys(settings: Settings) -> CallbackKeys:
    """Return the keys that the settings have; raises ForewarnError for one that would verify nothing."""
    if not settings.callback_url and not settings.sendgrid_event_keys:
        return CallbackKeys("")
    # Here, because the libraries of the providers are large, and most commands verify nothing.
    from channels.email.sendgrid_signatures import read_keys
    from channels.sms.twilio_signatures import TwilioKeys

    url = settings.callback_url or ""
    token, shared = (
        "" if secret is None else secret.get_secret_value()
        for secret in (settings.twilio_auth_token, settings.twilio_shared_key)
    )
    try:
        events = tuple(read_keys(settings.sendgrid_event_keys or ""))
    except ValueError as error:
        raise ForewarnError(f"FOREWARN_SENDGRID_EVENT_KEYS: {error}") from error
    return CallbackKeys(url, TwilioKeys(token, shared) if url and (token or shared) else None, events)
