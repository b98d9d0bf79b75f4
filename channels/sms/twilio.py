"""Send text messages by Twilio's Programmable Messaging API (twilio.com/docs/messaging)."""

import logging
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo

from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from channels.headers import one_line
from channels.http_client import (
    FailureKind,
    HttpClient,
    classify_status,
    failure_for,
    lookup_errors,
    read_json,
    retry_after,
)
from channels.sms.twilio_codes import ERROR_CODES, MAX_RETRIES, RETRY_DELAYS
from channels.transport import LookupUnavailable, OutcomeUnknown, PermanentFailure, TemporaryFailure
from models.messages import Message, Receipt

DAILY_LIMIT_CODE, PACIFIC = 30023, ZoneInfo("America/Los_Angeles")
MESSAGE_PARAMETER = "message"
"""The parameter of the callback's address that has our id of a text."""
MAX_VALIDITY_SECONDS = 36_000
"""How long a text may wait at Twilio: its maximum, and its default."""
FAILED_STATUSES = ("failed", "undelivered", "canceled")
"""Statuses in Twilio's records of a text that it took and will not deliver."""
MESSAGING_SERVICE = re.compile(r"MG[0-9a-fA-F]{32}")
LIST_KEYS = {"Messages.json": "messages", "IncomingPhoneNumbers.json": "incoming_phone_numbers"}
"""The key of the list in a response, by path; any other response is one resource with a `sid`."""
MAX_RECORDS = 1000
"""Texts to one number that one response can list."""


class TwilioTransport:
    """Sends texts by Twilio, which accepts them with 201 and sends them later.

    `sender` is a number in E.164 or a messaging service (MG...). `now` gives the time from which a text's validity
    period at Twilio is computed. `status_callback` is the address that Twilio tells what becomes of the texts.
    """

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        sender: str,
        *,
        now: Callable[[], datetime],
        url: str = "https://api.twilio.com",
        timeout: float = 15,
        parallel: int = 16,
        status_callback: str = "",
    ) -> None:
        self._http, self._now = HttpClient(timeout, parallel), now
        self._status_callback = status_callback
        # An environment of its own, because the SDK would let TWILIO_EDGE and TWILIO_REGION change the address.
        self._client = Client(
            account_sid, auth_token, http_client=_SdkHttpClient(self._http, now), environment={"TWILIO_EDGE": ""}
        )
        self._client.api.base_url = url.rstrip("/")
        self._sender = {"messaging_service_sid" if MESSAGING_SERVICE.fullmatch(sender) else "from_": sender}

    async def send(self, message: Message) -> Receipt:
        taken = await self._client.messages.create_async(
            to=message.to, body=message.text, **self._sender, **self._validity(message), **self._callback(message)
        )
        return Receipt(taken.sid, {"status": str(taken.status), "segments": str(taken.num_segments)})

    async def lookup(self, message: Message, since: datetime) -> Receipt | None:
        with lookup_errors():
            # Not by DateSent, which a text has only after it waited at Twilio for up to ten hours.
            texts = await self._client.messages.list_async(to=message.to, page_size=MAX_RECORDS, limit=MAX_RECORDS)
        recent = [text for text in texts if not isinstance(text.date_created, datetime) or text.date_created >= since]
        same = [text for text in recent if _normalized(text.body) == _normalized(message.text)]
        for text in sorted(same, key=lambda text: str(text.status) in FAILED_STATUSES):
            if str(text.status) not in FAILED_STATUSES:
                return Receipt(text.sid, {"status": str(text.status)})
            code = text.error_code
            raise PermanentFailure(
                f"Twilio's records call it {text.status}, code {code or 'none'}",
                code=str(code or ""),
                suppress=ERROR_CODES.get(code) is FailureKind.SUPPRESS_ADDRESS,
            )
        if any(not text.body for text in recent):
            raise LookupUnavailable("Twilio keeps the texts of this account without their words")
        if len(texts) == MAX_RECORDS:
            raise LookupUnavailable(f"Twilio knows more than {MAX_RECORDS} texts to this number")
        return None

    async def check(self) -> str:
        with lookup_errors():
            account = await self._client.api.accounts(self._client.account_sid).fetch_async()
            if account.status != "active":
                raise TemporaryFailure(f"the account is {account.status}", channel_down=True)
            number = self._sender.get("from_")
            if number is None:  # a messaging service is another resource, which is not checked
                return "the account is active"
            numbers = await self._client.incoming_phone_numbers.list_async(phone_number=number, limit=MAX_RECORDS)
        own = [one for one in numbers if one.phone_number == number]
        if not own:
            raise TemporaryFailure(f"the account has no number {number}", channel_down=True)
        if not any((one.capabilities or {}).get("sms") for one in own):
            raise TemporaryFailure(f"{number} cannot send texts", channel_down=True)
        return f"the account is active, and {number} can send texts"

    async def close(self) -> None:
        await self._http.close()

    def _callback(self, message: Message) -> dict[str, str]:
        """Return the address of a text's callbacks. It names the text, whose id at Twilio is unknown in a doubt."""
        if not self._status_callback:
            return {}
        return {"status_callback": f"{self._status_callback}?{urlencode({MESSAGE_PARAMETER: message.id})}"}

    def _validity(self, message: Message) -> dict[str, int]:
        if message.valid_until is None:
            return {}
        remaining = int((message.valid_until - self._now()).total_seconds())
        if remaining < 1:
            raise TemporaryFailure("its hour has passed; a text would arrive in quiet hours")
        return {"validity_period": min(remaining, MAX_VALIDITY_SECONDS)}


def _is_complete(uri: str, body: Mapping[str, Any]) -> bool:
    """Return whether a response has what was asked for: a resource with its `sid`, or a list of them."""
    list_key = LIST_KEYS.get(urlsplit(uri).path.rpartition("/")[2])
    if list_key is None:
        return bool(body.get("sid"))
    items = body.get(list_key)
    return isinstance(items, list) and all(isinstance(item, dict) and item.get("sid") for item in items)


def _normalized(text: str | None) -> str:
    return " ".join((text or "").split())


class _SdkHttpClient(AsyncHttpClient):  # type: ignore[misc]  # the SDK ships no types
    """The SDK's HTTP client over HttpClient: the SDK's own one has no timeout and logs the recipients."""

    def __init__(self, http: HttpClient, now: Callable[[], datetime]) -> None:
        super().__init__(logging.getLogger(__name__), is_async=True)
        self._http, self._now = http, now

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
        for secret in filter(None, auth):  # for an unknown path, Twilio repeats the account's SID
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
