"""Send text messages by Twilio's Programmable Messaging API (twilio.com/docs/messaging)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from twilio.rest import Client

from channels.http_client import FailureKind, HttpClient, lookup_errors
from channels.sms.twilio_callbacks import recorded_status
from channels.sms.twilio_codes import ERROR_CODES
from channels.sms.twilio_http import SdkHttpClient
from channels.transport import LookupUnavailable, PermanentFailure, TemporaryFailure
from models.callbacks import Callback
from models.config.text_senders import DEFAULT, NO_NAMES, SenderKind, TextSenders, sender_for, sender_kind
from models.messages import Message, Receipt

NOT_FOUND_CODE, NOT_ALLOWED_CODE = "20404", "70051"
MESSAGE_PARAMETER = "message"
"""The parameter of the callback's address that has our id of a text."""
MAX_VALIDITY_SECONDS = 36_000
"""How long a text may wait at Twilio: its maximum, and its default."""
FAILED_STATUSES = ("failed", "undelivered", "canceled")
"""Statuses in Twilio's records of a text that it took and will not deliver."""
MAX_RECORDS = 1000
"""Texts to one number that one response can list."""


TWILIO_URL = "https://api.twilio.com"


@dataclass(frozen=True, slots=True)
class TwilioLogin:
    """Who signs in for an account: by its auth token, or by an API key, which can be withdrawn by itself."""

    account_sid: str
    secret: str
    """The auth token, or the secret of the API key."""
    key_sid: str = ""
    """The SID of the API key (SK...); empty for the auth token."""


class TwilioTransport:
    """Sends texts by Twilio, which accepts them with 201 and sends them later.

    `senders` has the sender for each country, and `country_of` tells that of a number. `now` gives the time from which
    a text's validity period at Twilio is computed. `status_callback` is the address that Twilio tells what becomes of
    the texts.
    """

    def __init__(
        self,
        login: TwilioLogin,
        senders: TextSenders,
        country_of: Callable[[str], str],
        *,
        now: Callable[[], datetime],
        url: str = TWILIO_URL,
        timeout: float = 15,
        parallel: int = 16,
        status_callback: str = "",
    ) -> None:
        self._http, self._now = HttpClient(timeout, parallel), now
        self._status_callback = status_callback
        # An environment of its own, because the SDK would let TWILIO_EDGE and TWILIO_REGION change the address.
        self._client = Client(
            login.key_sid or login.account_sid,
            login.secret,
            login.account_sid,
            http_client=SdkHttpClient(self._http, now, login.account_sid),
            environment={"TWILIO_EDGE": ""},
        )
        if url != TWILIO_URL:
            self._client.messaging.base_url = url.rstrip("/")
        self._client.api.base_url = url.rstrip("/")
        self._senders, self._country_of, self._uses_key = senders, country_of, bool(login.key_sid)
        default = senders.get(DEFAULT)
        # A number's country is looked up only where it matters: that takes as long as the rest of a text's own work.
        self._by_country = len(senders) > 1 or default is None or sender_kind(default) is SenderKind.NAME

    async def send(self, message: Message) -> Receipt:
        sender = self._sender(message.to)
        taken = await self._client.messages.create_async(
            to=message.to, body=message.text, **sender, **self._validity(message), **self._callback(message)
        )
        return Receipt(taken.sid, {"status": str(taken.status), "segments": str(taken.num_segments)})

    async def lookup(self, message: Message, since: datetime) -> Receipt | None:
        with _reading():
            # By no sender: shop.toml may have named another one when it was sent. Nor by DateSent, which a text has
            # only after it waited at Twilio for up to ten hours.
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
            with _reading():
                text = await self._client.messages(reference).fetch_async()
        except TemporaryFailure as error:
            if error.code == NOT_FOUND_CODE:  # its owner had it deleted
                return None
            raise
        return recorded_status(text.sid, str(text.status), text.error_code, message, text.date_updated)

    async def check(self) -> str:
        with _reading():
            if not self._uses_key:  # only a main key may read the account
                account = await self._client.api.accounts(self._client.account_sid).fetch_async()
                if account.status != "active":
                    raise TemporaryFailure(f"the account is {account.status}", channel_down=True)
            found = [await self._check_sender(sender) for sender in dict.fromkeys(self._senders.values())]
        accepted = "the API key is accepted" if self._uses_key else "the account is active"
        return ", and ".join([accepted, *filter(None, found)])

    async def _check_sender(self, sender: str) -> str:
        """Return what Twilio says of a sender; empty for a name, which it has no list of."""
        match sender_kind(sender):
            case SenderKind.NUMBER:
                return await self._check_number(sender)
            case SenderKind.SERVICE:
                return await self._check_service(sender)
            case SenderKind.NAME:
                return ""

    async def _check_number(self, number: str) -> str:
        numbers = await self._client.incoming_phone_numbers.list_async(phone_number=number, limit=MAX_RECORDS)
        own = [one for one in numbers if one.phone_number == number]
        if not own:
            raise TemporaryFailure(f"the account has no number {number}", channel_down=True)
        if not any((one.capabilities or {}).get("sms") for one in own):
            raise TemporaryFailure(f"{number} cannot send texts", channel_down=True)
        return f"{number} can send texts"

    async def _check_service(self, sid: str) -> str:
        try:
            await self._client.messaging.v1.services(sid).fetch_async()
        except TemporaryFailure as error:
            if error.code != NOT_FOUND_CODE:
                raise
            reason = f"the account has no messaging service {sid}"
            raise TemporaryFailure(reason, code=error.code, channel_down=True) from error
        return f"it has the messaging service {sid}"

    async def close(self) -> None:
        await self._http.close()

    def _sender(self, to: str) -> dict[str, str]:
        """Return the sender of a text to a number; raises PermanentFailure where its country has none."""
        country = self._country_of(to) if self._by_country else ""
        sender = sender_for(self._senders, country)
        if sender is None:
            raise PermanentFailure(f"there is no sender for texts to {country or 'this country'}: docs/senders.md")
        kind = sender_kind(sender)
        if kind is SenderKind.NAME and country in NO_NAMES:
            raise PermanentFailure(f"networks of {country} take no name as a sender: docs/senders.md")
        return {"messaging_service_sid" if kind is SenderKind.SERVICE else "from_": sender}

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


@contextmanager
def _reading() -> Iterator[None]:
    """Translate errors of a look-up; a restricted API key may send, and yet be kept from reading what it sent."""
    try:
        with lookup_errors():
            yield
    except TemporaryFailure as error:
        if error.code != NOT_ALLOWED_CODE:
            raise
        raise LookupUnavailable("the API key may not read this: give it the right, or look yourself") from error


def _normalized(text: str | None) -> str:
    return " ".join((text or "").split())
