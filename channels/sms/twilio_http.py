"""The HTTP client of Twilio's SDK over ours, and what Twilio's errors mean."""

import logging
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo

from twilio.http import AsyncHttpClient
from twilio.http.response import Response

from channels.headers import one_line
from channels.http_client import HttpClient, classify_status, failure_for, read_json, retry_after
from channels.sms.twilio_codes import ERROR_CODES, MAX_RETRIES, RETRY_DELAYS
from channels.transport import OutcomeUnknown

DAILY_LIMIT_CODE, PACIFIC = 30023, ZoneInfo("America/Los_Angeles")
LIST_KEYS = {"Messages.json": "messages", "IncomingPhoneNumbers.json": "incoming_phone_numbers"}
"""The key of the list in a response, by path; any other response is one resource with a `sid`."""


def _is_complete(uri: str, body: Mapping[str, Any]) -> bool:
    """Return whether a response has what was asked for: a resource with its `sid`, or a list of them."""
    list_key = LIST_KEYS.get(urlsplit(uri).path.rpartition("/")[2])
    if list_key is None:
        return bool(body.get("sid"))
    items = body.get(list_key)
    return isinstance(items, list) and all(isinstance(item, dict) and item.get("sid") for item in items)


class SdkHttpClient(AsyncHttpClient):  # type: ignore[misc]  # the SDK ships no types
    """The SDK's HTTP client over HttpClient: the SDK's own one has no timeout and logs the recipients."""

    def __init__(self, http: HttpClient, now: Callable[[], datetime], account_sid: str) -> None:
        super().__init__(logging.getLogger(__name__), is_async=True)
        self._http, self._now, self._account_sid = http, now, account_sid

    async def request(
        self,
        method: str,
        uri: str,
        *,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] = ("", ""),
        **_: object,
    ) -> Response:
        form = dict(data or {})
        basic = f"Basic {b64encode(':'.join(auth).encode()).decode()}"
        response = await self._http.request(
            method,
            uri,
            params=params,
            data=urlencode(form) or None,
            headers={**(headers or {}), "Authorization": basic},
        )
        body = await read_json(response)
        if (response.status == 201 and body.get("sid")) or (response.status == 200 and _is_complete(uri, body)):
            return Response(response.status, await response.text(), response.headers)
        if 200 <= response.status < 300:
            raise OutcomeUnknown(
                f"Twilio answered {response.status} without what was asked for", code=str(response.status)
            )
        # Twilio's message repeats the recipient's number, which must not get into a log.
        details = one_line(str(body.get("message", response.reason))).replace(
            str({**(params or {}), **form}.get("To")), "the number"
        )
        for secret in filter(None, (self._account_sid, *auth)):  # for an unknown path, Twilio repeats the account's SID
            details = details.replace(secret, "...")
        raise self._failure(response.status, body.get("code"), details, retry_after(response.headers))

    def _failure(self, status: int, code: object, details: str, wait: timedelta | None) -> Exception:
        reason = f"Twilio answered {status}, code {code or 'none'}: {details[:300]}"
        if not isinstance(code, int) or code not in ERROR_CODES:
            return failure_for(classify_status(status), reason, code=code or status, wait=wait)
        return failure_for(
            ERROR_CODES[code],
            reason,
            code=code,
            wait=wait or self._retry_delay(code),
            max_retries=MAX_RETRIES.get(code),
        )

    def _retry_delay(self, code: int) -> timedelta | None:
        if code != DAILY_LIMIT_CODE:
            return RETRY_DELAYS.get(code)
        today = self._now().astimezone(PACIFIC)
        midnight = datetime.combine(today.date() + timedelta(days=1), datetime.min.time(), PACIFIC)
        return timedelta(seconds=midnight.timestamp() - today.timestamp())
