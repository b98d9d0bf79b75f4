"""Send text messages by Twilio's Programmable Messaging API (twilio.com/docs/messaging)."""

import re
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlencode

from twilio.rest import Client

from channels.http_client import FailureKind, HttpClient, lookup_errors
from channels.sms.twilio_callbacks import recorded_status
from channels.sms.twilio_codes import ERROR_CODES
from channels.sms.twilio_http import SdkHttpClient
from channels.transport import LookupUnavailable, PermanentFailure, TemporaryFailure
from models.callbacks import Callback
from models.messages import Message, Receipt

NOT_FOUND_CODE = "20404"
MESSAGE_PARAMETER = "message"
"""The parameter of the callback's address that has our id of a text."""
MAX_VALIDITY_SECONDS = 36_000
"""How long a text may wait at Twilio: its maximum, and its default."""
FAILED_STATUSES = ("failed", "undelivered", "canceled")
"""Statuses in Twilio's records of a text that it took and will not deliver."""
MESSAGING_SERVICE = re.compile(r"MG[0-9a-fA-F]{32}")
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
            account_sid, auth_token, http_client=SdkHttpClient(self._http, now), environment={"TWILIO_EDGE": ""}
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

    async def report(self, message: Message, reference: str) -> Callback | None:
        try:
            with lookup_errors():
                text = await self._client.messages(reference).fetch_async()
        except TemporaryFailure as error:
            if error.code == NOT_FOUND_CODE:  # its owner had it deleted
                return None
            raise
        return recorded_status(text.sid, str(text.status), text.error_code, message, text.date_updated)

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


def _normalized(text: str | None) -> str:
    return " ".join((text or "").split())
