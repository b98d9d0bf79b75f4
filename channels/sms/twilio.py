"""Text messages by Twilio."""

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
from channels.transport import LookupUnavailable, OutcomeUnknown, PermanentFailure, TemporaryFailure
from models.messages import Message, Receipt

# Twilio's own codes, which say more than the HTTP status: twilio.com/docs/api/errors. They also come in callbacks.
ERROR_CODES: Mapping[int, FailureKind] = {
    21610: FailureKind.SUPPRESS,  # answered STOP
    21211: FailureKind.SUPPRESS,  # no number
    21614: FailureKind.SUPPRESS,  # no mobile number
    21635: FailureKind.SUPPRESS,  # a landline
    30005: FailureKind.SUPPRESS,  # unknown to its network
    30006: FailureKind.SUPPRESS,  # landline, or its network is out of reach
    30004: FailureKind.NEVER,  # blocked by the network or the person
    21408: FailureKind.NEVER,  # the account may not send to that country
    21612: FailureKind.NEVER,  # no route from this sender to that number
    21617: FailureKind.NEVER,  # over 1600 characters
    20003: FailureKind.STOPPED,  # credentials
    20005: FailureKind.STOPPED,  # account not active
    21606: FailureKind.STOPPED,  # the sending number is not the account's
    21659: FailureKind.STOPPED,  # the same
    21701: FailureKind.STOPPED,  # no such messaging service
    21703: FailureKind.STOPPED,  # the messaging service has no number
    30002: FailureKind.STOPPED,  # account suspended
    30007: FailureKind.STOPPED,  # filtered as spam: more of it makes it worse
    30034: FailureKind.STOPPED,  # sender not registered with the US networks
    20429: FailureKind.LATER,  # too many requests
    21611: FailureKind.LATER,  # too many waiting to be sent
    30001: FailureKind.LATER,  # the same
    30022: FailureKind.LATER,  # over the networks' rate
    30023: FailureKind.LATER,  # over the networks' daily limit, which ends at midnight Pacific time
    30003: FailureKind.LATER,  # phone off or out of reach: two more tries are enough
    30008: FailureKind.LATER,  # unknown: one more try is enough
}
RETRY_DELAYS: Mapping[int, timedelta] = {30003: timedelta(minutes=30), 30008: timedelta(minutes=30)}
MAX_RETRIES: Mapping[int, int] = {30003: 2, 30008: 1}
DAILY_LIMIT_CODE, PACIFIC = 30023, ZoneInfo("America/Los_Angeles")
MAX_VALIDITY_SECONDS = 36_000
"""Seconds a text may wait at Twilio, at most and by default."""
FAILED_STATUSES = ("failed", "undelivered", "canceled")
"""How Twilio's records call a text that it took and will not bring."""
MESSAGING_SERVICE = re.compile(r"MG[0-9a-fA-F]{32}")
LIST_KEYS = {"Messages.json": "messages", "IncomingPhoneNumbers.json": "incoming_phone_numbers"}
"""Under which key Twilio answers with a list; any other answer is one thing, with its SID."""
MAX_RECORDS = 1000
"""Texts to one number that are looked through: what Twilio tells in one answer."""


class TwilioTransport:
    """Hand texts to Twilio, which queues them (201) and sends later.

    `sender` is a number in E.164, or a messaging service (MG...); `now` tells how long a text may still wait there.
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
    ) -> None:
        self._wire, self._now = HttpClient(timeout, parallel), now
        # An environment of our own, for the SDK would let TWILIO_EDGE and TWILIO_REGION change the address.
        self._client = Client(
            account_sid, auth_token, http_client=_Transport(self._wire, now), environment={"TWILIO_EDGE": ""}
        )
        self._client.api.base_url = url.rstrip("/")
        self._sender = {"messaging_service_sid" if MESSAGING_SERVICE.fullmatch(sender) else "from_": sender}

    async def send(self, message: Message) -> Receipt:
        taken = await self._client.messages.create_async(
            to=message.to, body=message.text, **self._sender, **self._validity(message)
        )
        return Receipt(taken.sid, {"status": str(taken.status), "segments": str(taken.num_segments)})

    async def find(self, message: Message, since: datetime) -> Receipt | None:
        with lookup_errors():
            # Not by DateSent: a text that still waits at Twilio, for up to ten hours, has none.
            known = await self._client.messages.list_async(to=message.to, page_size=MAX_RECORDS, limit=MAX_RECORDS)
        recent = [one for one in known if not isinstance(one.date_created, datetime) or one.date_created >= since]
        ours = [one for one in recent if _words(one.body) == _words(message.text)]
        for one in sorted(ours, key=lambda one: str(one.status) in FAILED_STATUSES):
            if str(one.status) not in FAILED_STATUSES:
                return Receipt(one.sid, {"status": str(one.status)})
            code = one.error_code
            raise PermanentFailure(
                f"Twilio's records call it {one.status}, code {code or 'none'}",
                code=str(code or ""),
                suppress=ERROR_CODES.get(code) is FailureKind.SUPPRESS,
            )
        if any(not one.body for one in recent):
            raise LookupUnavailable("Twilio keeps the texts of this account without their words")
        if len(known) == MAX_RECORDS:
            raise LookupUnavailable(f"Twilio knows more than {MAX_RECORDS} texts to this number")
        return None

    async def check(self) -> str:
        with lookup_errors():
            account = await self._client.api.accounts(self._client.account_sid).fetch_async()
            if account.status != "active":
                raise TemporaryFailure(f"the account is {account.status}", channel_down=True)
            number = self._sender.get("from_")
            if number is None:  # services have an address of their own, which is not asked
                return "the account is active"
            known = await self._client.incoming_phone_numbers.list_async(phone_number=number, limit=MAX_RECORDS)
        ours = [one for one in known if one.phone_number == number]
        if not ours:
            raise TemporaryFailure(f"the account has no number {number}", channel_down=True)
        if not any((one.capabilities or {}).get("sms") for one in ours):
            raise TemporaryFailure(f"{number} cannot send texts", channel_down=True)
        return f"the account is active, and {number} can send texts"

    async def close(self) -> None:
        await self._wire.close()

    def _validity(self, message: Message) -> dict[str, int]:
        if message.valid_until is None:
            return {}
        left = int((message.valid_until - self._now()).total_seconds())
        if left < 1:
            raise TemporaryFailure("its hour has passed; a text would arrive in quiet hours")
        return {"validity_period": min(left, MAX_VALIDITY_SECONDS)}


def _is_whole(uri: str, told: Mapping[str, Any]) -> bool:
    kind = LIST_KEYS.get(urlsplit(uri).path.rpartition("/")[2])
    if kind is None:
        return bool(told.get("sid"))
    found = told.get(kind)
    return isinstance(found, list) and all(isinstance(one, dict) and one.get("sid") for one in found)


def _words(text: str | None) -> str:
    return " ".join((text or "").split())


class _Transport(AsyncHttpClient):  # type: ignore[misc]  # the SDK ships no types
    """The SDK's transport over our wire, for its own asynchronous one has no time limit and logs whom it writes to."""

    def __init__(self, wire: HttpClient, now: Callable[[], datetime]) -> None:
        super().__init__(logging.getLogger(__name__), is_async=True)
        self._wire, self._now = wire, now

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
        response = await self._wire.request(
            method,
            uri,
            params=params,
            data=urlencode(form) or None,
            headers={**(headers or {}), "Authorization": basic},
        )
        told = await read_json(response)
        if (response.status == 201 and told.get("sid")) or (response.status == 200 and _is_whole(uri, told)):
            return Response(response.status, await response.text(), response.headers)
        if 200 <= response.status < 300:
            raise OutcomeUnknown(
                f"Twilio answered {response.status} without what was asked for", code=str(response.status)
            )
        # Twilio's sentence repeats the number, which the ledger has and a log should not.
        said = one_line(str(told.get("message", response.reason))).replace(
            str({**(params or {}), **form}.get("To")), "the number"
        )
        for secret in filter(None, auth):  # of a path that it does not know, Twilio repeats the account's sid
            said = said.replace(secret, "...")
        raise self._refusal(response.status, told.get("code"), said, retry_after(response.headers))

    def _refusal(self, status: int, code: object, said: str, wait: timedelta | None) -> Exception:
        reason = f"Twilio answered {status}, code {code or 'none'}: {said[:300]}"
        if not isinstance(code, int) or code not in ERROR_CODES:
            return failure_for(classify_status(status), reason, code=code or status, wait=wait)
        return failure_for(
            ERROR_CODES[code], reason, code=code, wait=wait or self._own_wait(code), tries=MAX_RETRIES.get(code)
        )

    def _own_wait(self, code: int) -> timedelta | None:
        if code != DAILY_LIMIT_CODE:
            return RETRY_DELAYS.get(code)
        today = self._now().astimezone(PACIFIC)
        midnight = datetime.combine(today.date() + timedelta(days=1), datetime.min.time(), PACIFIC)
        return timedelta(seconds=midnight.timestamp() - today.timestamp())
