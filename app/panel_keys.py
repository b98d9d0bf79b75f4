"""Read who may open and frame the side panel from the settings."""

import re

from app.api_keys import MIN_KEY_CHARS, api_keys
from models.config.settings import Settings
from models.errors import ForewarnError

HOSTS_SETTING, KEY_SETTING = "FOREWARN_PANEL_HOSTS", "FOREWARN_PANEL_KEY"
HOST = re.compile(r"https://(\*\.)?[A-Za-z0-9.-]+(:\d{1,5})?|http://(127\.0\.0\.1|localhost)(:\d{1,5})?")
PEM = "-----BEGIN"


def panel_hosts(settings: Settings) -> tuple[str, ...]:
    """Return the sites that may frame the panel; ForewarnError for one neither on https nor on this machine."""
    given = [host.strip().rstrip("/") for host in (settings.panel_hosts or "").split(",")]
    for host in filter(None, given):
        if not HOST.fullmatch(host):
            raise ForewarnError(f"{HOSTS_SETTING}: {host!r} is no site; https://lantern.zendesk.com would be right")
    return tuple(filter(None, given))


def panel_signer(settings: Settings) -> str:
    """Return by which a ticket system's POST is checked; empty without the setting. Raises ForewarnError."""
    key = settings.panel_key.get_secret_value().strip().replace("\\n", "\n") if settings.panel_key else ""
    if key and not key.startswith(PEM) and len(key) < MIN_KEY_CHARS:
        raise ForewarnError(f"{KEY_SETTING} is short; {MIN_KEY_CHARS} or more characters, or a public key, are right")
    return key


def panel_bearer(settings: Settings) -> tuple[str, ...]:
    """Return the bearer keys of the panel: those of the JSON API."""
    return api_keys(settings)
