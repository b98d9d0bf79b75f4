"""Twilio by the settings and the shop's senders: what is missing, and the transport."""

from collections.abc import Callable
from datetime import datetime

from app.callbacks import status_callback
from channels.sms.twilio import TwilioLogin, TwilioTransport
from models.config.settings import Settings
from models.config.shop import Sender
from models.config.text_senders import DEFAULT, TextSenders
from rules.contact.addresses import country_of

KEY_SETTINGS = ("twilio_api_key_sid", "twilio_api_key_secret")
NO_SENDER = "FOREWARN_TWILIO_FROM or sender.sms in shop.toml"


def text_senders(settings: Settings, sender: Sender) -> TextSenders:
    """Return the senders of texts; the setting is the default one of a shop that names none."""
    default = {DEFAULT: settings.twilio_from} if settings.twilio_from else {}
    return default | sender.sms


def missing_for_twilio(settings: Settings, sender: Sender) -> list[str]:
    """Return the names of what Twilio needs and is not set: the account, an auth token or an API key, and a sender."""
    missing = [] if settings.twilio_account_sid else ["twilio_account_sid"]
    key = [name for name in KEY_SETTINGS if getattr(settings, name) is None]
    if len(key) == 1:
        missing += key
    elif key and settings.twilio_auth_token is None:
        missing.append("twilio_auth_token")
    named = [f"FOREWARN_{name.upper()}" for name in missing]
    return named if text_senders(settings, sender) else [*named, NO_SENDER]


def open_twilio(settings: Settings, sender: Sender, now: Callable[[], datetime]) -> TwilioTransport:
    """Open the transport; what `missing_for_twilio` names must be there. An API key goes before the auth token."""
    sid, token, key, secret = (
        "" if value is None else value.get_secret_value()
        for value in (
            settings.twilio_account_sid,
            settings.twilio_auth_token,
            settings.twilio_api_key_sid,
            settings.twilio_api_key_secret,
        )
    )
    return TwilioTransport(
        TwilioLogin(sid, secret, key) if key else TwilioLogin(sid, token),
        text_senders(settings, sender),
        country_of,
        now=now,
        url=settings.twilio_url,
        timeout=settings.timeout,
        parallel=settings.concurrency,
        status_callback=status_callback(settings),
    )
