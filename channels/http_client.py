"""The HTTP client of all transports: one attempt per request, and what each status, error and Retry-After means."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from functools import cached_property
from typing import Any

import aiohttp
import orjson
from yarl import URL

from channels.transport import LookupUnavailable, OutcomeUnknown, PermanentFailure, TemporaryFailure


class FailureKind(Enum):
    """What a provider's refusal means for the message and for the channel."""

    PERMANENT = auto()
    """The provider will never take this message."""
    SUPPRESS_ADDRESS = auto()
    """The provider will never take a message to this address."""
    TEMPORARY = auto()
    """The provider did not take the message, and may take it later."""
    CHANNEL_DOWN = auto()
    """The provider takes no message of this channel until a person repairs it."""
    UNKNOWN = auto()
    """The provider may or may not have taken the message."""


COMMON_STATUSES: Mapping[int, FailureKind] = {
    401: FailureKind.CHANNEL_DOWN,  # credentials
    402: FailureKind.CHANNEL_DOWN,  # no money left in the account
    403: FailureKind.CHANNEL_DOWN,  # no permission to send
    404: FailureKind.CHANNEL_DOWN,  # no such account, or a wrong address of the provider
    405: FailureKind.CHANNEL_DOWN,  # a wrong address of the provider
    407: FailureKind.CHANNEL_DOWN,  # credentials for our own proxy
    408: FailureKind.TEMPORARY,  # the request did not arrive completely in time
    421: FailureKind.TEMPORARY,  # the wrong server of the provider
    425: FailureKind.TEMPORARY,  # too early
    429: FailureKind.TEMPORARY,  # too many requests; `retry_after` reads how long to wait
}
"""HTTP statuses that mean the same for every provider; a provider's own table goes before it."""
STATUS_CLASSES: Mapping[int, FailureKind] = {3: FailureKind.CHANNEL_DOWN, 4: FailureKind.PERMANENT}
"""By the first digit, for statuses in no table; any other status, as 500, is UNKNOWN."""

RATE_LIMIT_HEADERS = ("X-RateLimit", "X-Rate-Limit", "X-User-Limit-24Hour", "X-App-Limit-24Hour", "RateLimit")
"""Prefixes of the headers `...-Remaining` and `...-Reset`. X sends several limits at once, used up or not."""
MAX_WAIT_SECONDS = 86_400
FIRST_MOMENT = 1_000_000_000
"""A reset below this is in seconds from now; any other is in seconds since 1970."""
JSON_TYPE = {"Content-Type": "application/json"}


def classify_status(status: int, own: Mapping[int, FailureKind] | None = None) -> FailureKind:
    """Return what an HTTP status means: by the provider's own table, else by COMMON_STATUSES."""
    return (
        (own or {}).get(status) or COMMON_STATUSES.get(status) or STATUS_CLASSES.get(status // 100, FailureKind.UNKNOWN)
    )


def failure_for(
    kind: FailureKind,
    reason: str,
    *,
    code: object,
    wait: timedelta | None = None,
    max_retries: int | None = None,
) -> Exception:
    """Return the exception for a failure."""
    match kind:
        case FailureKind.PERMANENT | FailureKind.SUPPRESS_ADDRESS:
            return PermanentFailure(reason, code=str(code), suppress=kind is FailureKind.SUPPRESS_ADDRESS)
        case FailureKind.TEMPORARY | FailureKind.CHANNEL_DOWN:
            down = kind is FailureKind.CHANNEL_DOWN
            return TemporaryFailure(
                reason, code=str(code), retry_after=wait, channel_down=down, max_retries=max_retries
            )
        case FailureKind.UNKNOWN:
            return OutcomeUnknown(reason, code=str(code))


@contextmanager
def lookup_errors() -> Iterator[None]:
    """Translate errors of a lookup, which sends nothing: an unknown outcome is then only a temporary failure."""
    try:
        yield
    except OutcomeUnknown as error:
        raise TemporaryFailure(error.reason, code=error.code) from error
    except PermanentFailure as error:
        raise LookupUnavailable(error.reason, code=error.code) from error


@contextmanager
def before_posting() -> Iterator[None]:
    """Translate errors of what a post needs first, as its picture: nobody sees that, so it may be done again."""
    try:
        yield
    except OutcomeUnknown as error:
        raise TemporaryFailure(error.reason, code=error.code) from error


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Return how long to wait by `Retry-After` or the reset of a used-up rate limit; at most a day.

    A time is compared with the response's own `Date`, so that a wrong clock here does no harm.
    """
    value = headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return timedelta(seconds=min(int(value), MAX_WAIT_SECONDS))
    now, until = _http_date(headers.get("Date", "")), _http_date(value)
    used_up = [limit for limit in RATE_LIMIT_HEADERS if headers.get(f"{limit}-Remaining", "0").strip() == "0"]
    resets = [reset for limit in used_up if (reset := _reset(headers.get(f"{limit}-Reset", "").strip(), now))]
    if now is None or (until is None and not resets):
        return None
    seconds = (until.timestamp() if until else max(resets)) - now.timestamp()
    return timedelta(seconds=min(max(seconds, 0), MAX_WAIT_SECONDS))


def _reset(text: str, now: datetime | None) -> float | None:
    """Return the moment of a limit's reset, in seconds since 1970, or as Mastodon writes it: 2026-01-09T10:15:00Z."""
    if text.isdecimal():
        return int(text) if int(text) >= FIRST_MOMENT or now is None else now.timestamp() + int(text)
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


def _http_date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None


def request_failure(error: Exception, url: str | URL) -> Exception:
    """Return the exception for a request that ended with an error instead of an answer."""
    host, code = str(url).partition("//")[2].partition("/")[0].rpartition("@")[2], type(error).__name__
    match error:
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return TemporaryFailure(f"{host} cannot be reached: {error}", code=code)
        case aiohttp.NonHttpUrlClientError() | ValueError():
            # A setting that is no URL, or a credential with a line break: it is refused before anything is sent.
            reason = f"{host or 'the provider'} was not asked, because its address or credentials are malformed"
            return TemporaryFailure(reason, code=code, channel_down=True)
        case _:
            return OutcomeUnknown(f"{host} may have taken it: {code} before its answer was read", code=code)


def json_body(value: Mapping[str, Any]) -> bytes:
    """Return a request's JSON, whose content type is JSON_TYPE."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:  # half a surrogate pair, which has no UTF-8: the standard library escapes it
        return json.dumps(value).encode()


async def read_json(response: aiohttp.ClientResponse) -> dict[str, Any]:
    """Return the response's JSON object; an empty one when it is anything else, such as a proxy's page."""
    body = await _read(response)
    return body if isinstance(body, dict) else {}


async def read_list(response: aiohttp.ClientResponse) -> list[Any]:
    """Return the response's JSON list; raises TemporaryFailure when it is anything else."""
    body = await _read(response)
    if not isinstance(body, list):
        raise TemporaryFailure(f"{response.url.host} answered {response.status} without a list", code="200")
    return body


async def _read(response: aiohttp.ClientResponse) -> Any:
    try:
        return json.loads(await response.read())
    except ValueError:
        return None


class HttpClient:
    """Kept-alive connections to one provider, at most `parallel`.

    It has `timeout` seconds to be reached, and at least as many to take a request and to answer.
    """

    def __init__(self, timeout: float, parallel: int) -> None:
        # One timer for a request: aiohttp's own for a silent connection begins again with everything that is read,
        # which costs as much as a mail's body.
        self._timeout = aiohttp.ClientTimeout(total=2 * timeout, connect=timeout)
        self._parallel = parallel

    @cached_property
    def _session(self) -> aiohttp.ClientSession:
        # Opened by the first request, because a session belongs to the event loop that runs it.
        return aiohttp.ClientSession(
            timeout=self._timeout,
            connector=aiohttp.TCPConnector(limit=self._parallel),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def request(self, method: str, url: str | URL, **options: Any) -> aiohttp.ClientResponse:
        """Send one request and read the complete response, whatever its status.

        Raises TemporaryFailure when nothing can have left, and OutcomeUnknown when something may have. Redirects are
        not followed, because that would send the message again; aiohttp does not repeat a POST either.
        """
        try:
            # Not `async with`: aiohttp drops a released response's body. Reading it to its end frees the connection.
            response = await self._session.request(method, url, allow_redirects=False, **options)
            await response.read()
        except (aiohttp.ClientError, ValueError, TimeoutError, OSError) as error:
            raise request_failure(error, url) from error
        return response

    async def close(self) -> None:
        """Close the connections."""
        if "_session" in self.__dict__:
            await self._session.close()
