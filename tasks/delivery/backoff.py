"""How long to wait before another try: twice as long each time, up to a limit."""

import zlib
from datetime import timedelta

FIRST_RETRY_DELAY = timedelta(minutes=1)
MAX_RETRY_DELAY = timedelta(hours=6)
MAX_DOUBLINGS = 9
"""More doublings exceed MAX_RETRY_DELAY from one minute on, and in the end what a timedelta can hold."""


def retry_delay(first: timedelta, failures: int) -> timedelta:
    """Return the wait after so many failures: `first`, doubled each time; at most six hours, or `first` if longer."""
    doubled: timedelta = first * 2 ** min(failures, MAX_DOUBLINGS)
    return min(doubled, max(first, MAX_RETRY_DELAY))


def message_retry_delay(key: str, attempts: int) -> timedelta:
    """Return the wait of one message: from one minute, and up to half as long again, so that messages spread out."""
    jitter = 1 + zlib.crc32(f"{key}{attempts}".encode()) % 1000 / 2000
    return retry_delay(FIRST_RETRY_DELAY, attempts) * jitter
