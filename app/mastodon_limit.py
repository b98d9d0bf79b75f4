"""Ask the shop's Mastodon server how long a post may be: each server decides that itself."""

import asyncio
import time
from collections.abc import Callable
from threading import Lock

from channels.transport import OutcomeUnknown, PermanentFailure, TemporaryFailure
from models.config.settings import Settings, TransportKind

KNOWN_FOR, UNKNOWN_FOR = 24 * 3600.0, 600.0
"""Seconds after which the server is asked again: once it has answered, and when it has not."""
PATIENCE = 3.0
"""Seconds that a page waits for the server."""


def mastodon_limit(settings: Settings) -> Callable[[], int | None] | None:
    """Return what tells the longest post of the shop's server; None where no server is connected."""
    if settings.mastodon is not TransportKind.MASTODON or not settings.mastodon_url or not settings.mastodon_token:
        return None
    return MastodonLimit(settings.mastodon_url, settings.mastodon_token.get_secret_value())


class MastodonLimit:
    """The longest post of a server, asked when it is first needed and once a day."""

    def __init__(self, url: str, token: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._url, self._token, self._clock = url, token, clock
        self._lock, self._ask_at = Lock(), clock()
        self._most: int | None = None

    def __call__(self) -> int | None:
        """Return the number of characters; None while the server has not told it."""
        with self._lock:
            if self._clock() >= self._ask_at:
                found = asyncio.run(self._ask())
                self._most = found or self._most
                self._ask_at = self._clock() + (KNOWN_FOR if found else UNKNOWN_FOR)
            return self._most

    async def _ask(self) -> int | None:
        # Here, because only a shop with a server on Mastodon needs it.
        from channels.social.mastodon import MastodonTransport

        transport = MastodonTransport(self._url, self._token, timeout=PATIENCE)
        try:
            return await transport.most_characters()
        except (PermanentFailure, TemporaryFailure, OutcomeUnknown, OSError):
            return None
        finally:
            await transport.close()
