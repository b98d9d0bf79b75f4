"""Mail by SendGrid."""

import re
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import aiohttp
from sendgrid.helpers.mail import (
    Attachment,
    Category,
    Content,
    CustomArg,
    From,
    Mail,
    MailSettings,
    Personalization,
    ReplyTo,
    SandBoxMode,
    To,
)

from channels.headers import ascii_address, one_line
from channels.http_client import (
    FailureKind,
    HttpClient,
    classify_status,
    failure_for,
    lookup_errors,
    read_json,
    retry_after,
)
from channels.transport import LookupUnavailable, PermanentFailure, TemporaryFailure
from models.config.shop import Sender
from models.messages import Message, Receipt

STATUSES: Mapping[int, FailureKind] = {
    451: FailureKind.STOPPED,  # the account lives in another region: api.eu.sendgrid.com
    # SendGrid says of 503 that its API is not available, so nothing was taken; of 500 that an error occurred while
    # processing a valid request, which leaves open how far it came. It knows no idempotency key.
    503: FailureKind.LATER,
}
SENDER_FIELDS = ("from", "reply_to")
"""Parts of a mail that are the shop's: refused once, they would be refused in every mail."""
ADDRESS_PATTERN = re.compile(r"[^\s\"'<>(),;:]+@[^\s\"'<>(),;:]+")
NO_ACTIVITY_STATUSES = (400, 403, 404)
"""How SendGrid answers accounts without the add-on that keeps email activity, and keys without a right to it."""
SEND_SCOPE = "mail.send"
"""The scope that a key needs."""
MAX_RECORDS = 1000
"""Mails that one answer lists."""


class SendGridTransport:
    """Hand mails to SendGrid, which takes them (202) and delivers later; in its `sandbox` it only checks them (200).

    The SDK builds the body; its transport is not used, for it opens a new connection a call and waits for ever.
    """

    def __init__(
        self,
        api_key: str,
        sender: Sender,
        *,
        url: str = "https://api.sendgrid.com",
        timeout: float = 15,
        parallel: int = 16,
        sandbox: bool = False,
    ) -> None:
        self._sandbox = sandbox
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self._url = f"{url.rstrip('/')}/v3/mail/send"
        self._records = f"{url.rstrip('/')}/v3/messages"
        self._scopes = f"{url.rstrip('/')}/v3/scopes"
        self._from = From(ascii_address(sender.email), one_line(sender.name))
        self._reply_to = ReplyTo(ascii_address(sender.reply_to)) if sender.reply_to else None
        self._wire = HttpClient(timeout, parallel)

    async def send(self, message: Message) -> Receipt:
        if "@" not in message.to:  # the SDK would leave the address out, or die of it
            raise PermanentFailure("the mail has no address")
        response = await self._wire.request("POST", self._url, json=self._mail(message), headers=self._headers)
        if response.status == 202:
            return Receipt(response.headers.get("X-Message-Id", ""), {"status": "accepted"}, trial=self._sandbox)
        if response.status == 200 and self._sandbox:  # SendGrid's answer to a mail that it only checks
            return Receipt("", {"status": "checked"}, trial=True)
        raise await self._refusal(response)

    async def find(self, message: Message, since: datetime) -> Receipt | None:
        with lookup_errors():
            listed = await self._record("", {"query": f'to_email="{message.to}"', "limit": str(MAX_RECORDS)})
            known = listed.get("messages")
            if not isinstance(known, list) or not all(isinstance(one, dict) and "msg_id" in one for one in known):
                raise TemporaryFailure("SendGrid's records answered without a list of mails", code="200")
            for mail in known:
                if not _before(mail, since) and await self._is(mail["msg_id"], message):
                    return Receipt(str(mail["msg_id"]), {"status": str(mail.get("status"))})
        if len(known) >= MAX_RECORDS:
            raise LookupUnavailable(f"SendGrid knows more than {MAX_RECORDS} mails to this address")
        return None

    async def check(self) -> str:
        with lookup_errors():
            response = await self._wire.request("GET", self._scopes, headers=self._headers)
            if response.status != 200:
                raise await self._refusal(response)
        scopes = (await read_json(response)).get("scopes")
        if not isinstance(scopes, list):
            raise TemporaryFailure("SendGrid answered without the key's rights", code="200")
        if SEND_SCOPE not in scopes:
            raise TemporaryFailure(f"the key has no right to send mail ({SEND_SCOPE})", code="200", channel_down=True)
        return "the key may send mail"

    async def close(self) -> None:
        await self._wire.close()

    async def _is(self, key: str, message: Message) -> bool:
        """Say whether a mail that SendGrid knows is this one: the list is by address, the mail has the notice's id."""
        mail = await self._record(f"/{quote(key, safe='')}")
        if not mail.get("unique_args") and mail.get("subject") == one_line(message.subject):
            raise LookupUnavailable("SendGrid's record of a mail that may be this one lacks the notice's id")
        return message.id in str(mail.get("unique_args"))

    async def _record(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        response = await self._wire.request("GET", f"{self._records}{path}", params=query, headers=self._headers)
        if response.status in NO_ACTIVITY_STATUSES:
            raise LookupUnavailable(
                f"SendGrid answered {response.status}: the account keeps no email activity that the key may read",
                code=str(response.status),
            )
        if response.status != 200:
            raise await self._refusal(response)
        return await read_json(response)

    def _mail(self, message: Message) -> object:
        mail = Mail(from_email=self._from, subject=one_line(message.subject))
        person = Personalization()
        person.add_to(To(message.to, one_line(message.to_name) or None))
        person.add_custom_arg(CustomArg("notice", message.id))
        mail.add_personalization(person)
        mail.add_content(Content("text/plain", message.text))
        if message.html:
            mail.add_content(Content("text/html", message.html))
        if message.category:
            mail.add_category(Category(message.category))
        if self._sandbox:
            mail.mail_settings = MailSettings(sandbox_mode=SandBoxMode(enable=True))
        if self._reply_to:
            mail.reply_to = self._reply_to
        for file in message.attachments:
            mail.add_attachment(Attachment(b64encode(file.content).decode(), one_line(file.name), file.kind))
        return mail.get()

    async def _refusal(self, response: aiohttp.ClientResponse) -> Exception:
        told = await read_json(response)
        errors = [error for error in told.get("errors") or () if isinstance(error, dict)]
        ours = any(str(error.get("field")).split(".")[0] in SENDER_FIELDS for error in errors)
        refusal = FailureKind.STOPPED if ours else classify_status(response.status, STATUSES)
        said = "; ".join(f"{error.get('field') or 'mail'}: {error.get('message')}" for error in errors)
        words = ADDRESS_PATTERN.sub("an address", said)  # the ledger has it, and a log should not
        reason = f"SendGrid answered {response.status}: {one_line(words)[:300] or response.reason}"
        return failure_for(refusal, reason, code=response.status, wait=retry_after(response.headers))


def _before(mail: Mapping[str, Any], since: datetime) -> bool:
    """Say whether all that happened to a mail was before a moment; an unreadable time counts as after."""
    try:
        return datetime.fromisoformat(str(mail.get("last_event_time"))) < since
    except (ValueError, TypeError):
        return False
