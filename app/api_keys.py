"""Read the bearer keys of the JSON API from FOREWARN_API_KEYS."""

from models.config.settings import Settings
from models.errors import ForewarnError

SETTING = "FOREWARN_API_KEYS"
MIN_KEY_CHARS = 32


def api_keys(settings: Settings) -> tuple[str, ...]:
    """Return the keys that the JSON API accepts; none without the setting.

    Raises ForewarnError, which shows no key, for one that is short or cannot be sent in a header.
    """
    if settings.api_keys is None:
        return ()
    keys = [key.strip() for key in settings.api_keys.get_secret_value().split(",")]
    for number, key in enumerate(keys, 1):
        if len(key) < MIN_KEY_CHARS or not key.isascii() or not key.isprintable() or " " in key:
            raise ForewarnError(
                f"{SETTING}: key {number} of {len(keys)} is short or has other characters than ASCII; {MIN_KEY_CHARS} "
                "or more letters and digits are right, as `openssl rand -hex 32` makes them"
            )
    return tuple(keys)
