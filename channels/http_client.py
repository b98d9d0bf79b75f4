"""Kept-alive connections to one provider: a request goes out once, and what goes wrong is named for what it means."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from functools import cached_property
from typing import Any

import aiohttp

from channels.transport import LookupUnavailable, OutcomeUnknown, PermanentFailure, TemporaryFailure


class FailureKind(Enum):
    """What a provider means by not taking a message."""

    NEVER = auto()
    """This message, never."""
    SUPPRESS = auto()
    """Nothing to this address, ever."""
    LATER = auto()
    """Not taken; later it may be."""
    STOPPED = auto()
    """Nothing of this channel, until somebody mends it."""
    UNKNOWN = auto()
    """Taken or not, nobody can say."""


COMMON_STATUSES: Mapping[int, FailureKind] = {
    401: FailureKind.STOPPED,  # credentials
    402: FailureKind.STOPPED,  # no money left in the account
    403: FailureKind.STOPPED,  # no right to send
    404: FailureKind.STOPPED,  # no such account, or another address than the provider's
    405: FailureKind.STOPPED,  # another address than the provider's
    407: FailureKind.STOPPED,  # credentials, for a proxy of ours
    408: FailureKind.LATER,  # the request did not come whole in time
    421: FailureKind.LATER,  # not this server
    425: FailureKind.LATER,  # too early
    429: FailureKind.LATER,
}
STATUS_CLASSES: Mapping[int, FailureKind] = {3: FailureKind.STOPPED, 4: FailureKind.NEVER}

RATE_LIMIT_HEADERS = ("X-RateLimit", "X-Rate-Limit", "X-User-Limit-24Hour", "X-App-Limit-24Hour")
"""What `-Remaining` and `-Reset` follow in the headers; X tells of several limits at once, used up or not."""
MAX_WAIT_SECONDS = 86_400


def classify_status(status: int, own: Mapping[int, FailureKind] | None = None) -> FailureKind:
    """Say what an HTTP status means: by the provider's own table, else by everybody's."""
    return (
        (own or {}).get(status) or COMMON_STATUSES.get(status) or STATUS_CLASSES.get(status // 100, FailureKind.UNKNOWN)
    )


def failure_for(
    refusal: FailureKind, reason: str, *, code: object, wait: timedelta | None = None, tries: int | None = None
) -> Exception:
    """Return the exception that tells a refusal."""
    match refusal:
        case FailureKind.NEVER | FailureKind.SUPPRESS:
            return PermanentFailure(reason, code=str(code), suppress=refusal is FailureKind.SUPPRESS)
        case FailureKind.LATER | FailureKind.STOPPED:
            down = refusal is FailureKind.STOPPED
            return TemporaryFailure(reason, code=str(code), retry_after=wait, channel_down=down, tries=tries)
        case FailureKind.UNKNOWN:
            return OutcomeUnknown(reason, code=str(code))


@contextmanager
def lookup_errors() -> Iterator[None]:
    """Name what goes wrong while a provider's records are read: nothing leaves, so there is no doubt in it."""
    try:
        yield
    except OutcomeUnknown as error:
        raise TemporaryFailure(error.reason, code=error.code) from error
    except PermanentFailure as error:
        raise LookupUnavailable(error.reason, code=error.code) from error


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Read how long to wait from `Retry-After` or a rate limit's end; at most a day.

    A moment is measured against the provider's own `Date`, so that a wrong clock here does no harm.
    """
    after = headers.get("Retry-After", "").strip()
    if after.isdecimal():
        return timedelta(seconds=min(int(after), MAX_WAIT_SECONDS))
    now, until = _moment(headers.get("Date", "")), _moment(after)
    used_up = [limit for limit in RATE_LIMIT_HEADERS if headers.get(f"{limit}-Remaining", "0").strip() == "0"]
    ends = [int(end) for limit in used_up if (end := headers.get(f"{limit}-Reset", "").strip()).isdecimal()]
    if now is None or (until is None and not ends):
        return None
    seconds = (until.timestamp() if until else max(ends)) - now.timestamp()
    return timedelta(seconds=min(max(seconds, 0), MAX_WAIT_SECONDS))


def _moment(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None


async def read_json(response: aiohttp.ClientResponse) -> dict[str, Any]:
    """Return the answer's JSON object; an empty one where it is anything else, such as a proxy's page."""
    try:
        told = json.loads(await response.read())
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


class HttpClient:
    """Connections to one provider, at most `parallel` at once; `timeout` is the seconds it may stay silent."""

    def __init__(self, timeout: float, parallel: int) -> None:
        self._timeout = aiohttp.ClientTimeout(total=3 * timeout, connect=timeout, sock_read=timeout)
        self._parallel = parallel

    @cached_property
    def _session(self) -> aiohttp.ClientSession:
        # Opened by the first request, for a session belongs to the event loop that runs it.
        return aiohttp.ClientSession(
            timeout=self._timeout,
            connector=aiohttp.TCPConnector(limit=self._parallel),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def request(self, method: str, url: str, **options: Any) -> aiohttp.ClientResponse:
        """Send one request and read its whole answer, whatever its status.

        Raises SendError where nothing can have left, and InDoubt where something may have. A redirect is not
        followed, for that would send the message a second time; nor does aiohttp repeat a POST by itself.
        """
        host = str(url).partition("//")[2].partition("/")[0].rpartition("@")[2]
        try:
            # Not `async with`: aiohttp forgets a released answer's body. A body read to its end frees the connection.
            response = await self._session.request(method, url, allow_redirects=False, **options)
            await response.read()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise TemporaryFailure(f"{host} cannot be reached: {error}", code=type(error).__name__) from error
        except (aiohttp.NonHttpUrlClientError, ValueError) as error:
            # A setting that is no address, or a credential with a line break in it: aiohttp refuses to send it.
            reason = f"{host or 'the provider'} was not asked, for its address or credentials are malformed"
            raise TemporaryFailure(reason, code=type(error).__name__, channel_down=True) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = f"{host} may have taken it: {type(error).__name__} before its answer was read"
            raise OutcomeUnknown(reason, code=type(error).__name__) from error
        return response

    async def close(self) -> None:
        """Give back the connections."""
        if "_session" in self.__dict__:
            await self._session.close()
