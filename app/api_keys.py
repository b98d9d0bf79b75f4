"""Read the bearer keys of the JSON API from FOREWARN_API_KEYS, and that of monitors from FOREWARN_METRICS_KEY."""

from models.config.settings import Settings
from models.errors import ForewarnError

SETTING, METRICS_SETTING = "FOREWARN_API_KEYS", "FOREWARN_METRICS_KEY"
MIN_KEY_CHARS = 32


def api_keys(settings: Settings) -> tuple[str, ...]:
    """Return the keys that the JSON API accepts; none without the setting.

    Raises ForewarnError, which shows no key, for one that is short or cannot be sent in a header.
    """
    if settings.api_keys is None:
        return ()
    keys = [key.strip() for key in settings.api_keys.get_secret_value().split(",")]
    for number, key in enumerate(keys, 1):
        if not _is_key(key):
            raise ForewarnError(
                f"{SETTING}: key {number} of {len(keys)} is short or has other characters than ASCII; {MIN_KEY_CHARS} "
                "or more letters and digits are right, as `openssl rand -hex 32` makes them"
            )
    return tuple(keys)


def metrics_key(settings: Settings) -> str:
    """Return the key with which monitors ask for `/metrics`; empty without the setting. Raises ForewarnError."""
    key = settings.metrics_key.get_secret_value().strip() if settings.metrics_key else ""
    if key and not _is_key(key):
        raise ForewarnError(
            f"{METRICS_SETTING} is short or has other characters than ASCII; {MIN_KEY_CHARS} or more letters and "
            "digits are right, as `openssl rand -hex 32` makes them"
        )
    return key


def _is_key(key: str) -> bool:
    return len(key) >= MIN_KEY_CHARS and key.isascii() and key.isprintable() and " " not in key
