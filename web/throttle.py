"""Limit how often one address may try: in the memory of this process, as the first wall."""

import ipaddress
import time

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

WRONG_TOKENS, NEW_LINKS = "30/10minutes", "10/hour"
"""Tries of one address: links that open nothing, and requests for a new link."""
IPV6_NETWORK_BITS = 64
"""What one household gets: its single addresses change."""


class Throttle:
    """Counts tries by the client's address."""

    def __init__(self, rate: str) -> None:
        """Set the rate, as `10/hour`."""
        self._rate = parse(rate)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def count(self, address: str) -> None:
        """Count one try."""
        self._limiter.hit(self._rate, _network(address))

    def seconds_to_wait(self, address: str) -> int:
        """Return for how many seconds an address has no try left; 0 where it has."""
        if self._limiter.test(self._rate, _network(address)):
            return 0
        reset_at = self._limiter.get_window_stats(self._rate, _network(address)).reset_time
        return max(1, round(reset_at - time.time()))


def _network(address: str) -> str:
    try:
        host = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(host, ipaddress.IPv6Address) and host.ipv4_mapped is None:
        return str(ipaddress.ip_network((host, IPV6_NETWORK_BITS), strict=False))
    return str(host)
