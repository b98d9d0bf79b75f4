"""Send mails by SendGrid's Web API v3 (docs.sendgrid.com)."""

from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import aiohttp

from channels.email.sendgrid_records import NOT_DELIVERED, ended_before, recorded_mail
from channels.headers import ADDRESS_PATTERN, ascii_address, mail_domain, mail_headers, one_line
from channels.http_client import (
    JSON_TYPE,
    FailureKind,
    HttpClient,
    classify_status,
    failure_for,
    json_body,
    lookup_errors,
    read_json,
    retry_after,
)
from channels.transport import LookupUnavailable, PermanentFailure, TemporaryFailure
from models.callbacks import Callback
from models.config.shop import Sender
from models.messages import Attachment, Message, Receipt

STATUSES: Mapping[int, FailureKind] = {
    451: FailureKind.CHANNEL_DOWN,  # the account is in another region: api.eu.sendgrid.com
    # SendGrid documents 503 as "the API is not available", so nothing was taken, and 500 as an error while processing a
    # valid request, which may have been taken: UNKNOWN. It has no idempotency key.
    503: FailureKind.TEMPORARY,
}
"""Statuses that SendGrid means differently from COMMON_STATUSES, which has the others: 429 is TEMPORARY there."""
SENDER_FIELDS = ("from", "reply_to")
"""Fields that are the same in every mail of the shop: an error in one of them concerns the whole channel."""
NO_ACTIVITY_STATUSES = (400, 403, 404)
"""Statuses for accounts without the Email Activity add-on, and for keys that may not read it."""
MESSAGE_ARGUMENT = "notice"
"""The custom argument that has our id of a mail; SendGrid's events repeat it."""
MAX_CATEGORY = 255
"""Characters of a category, of which a mail may have ten."""
SEND_SCOPE = "mail.send"
"""The scope that the API key needs."""
NO_CLICK_TRACKING = {"click_tracking": {"enable": False, "enable_text": False}}
"""By its default an account leads every link over SendGrid, which keeps them: those to order pages are secret."""
MAX_RECORDS = 1000
"""Mails that one response can list."""


class SendGridTransport:
    """Sends mails by SendGrid. A mail is accepted with 202; in the `sandbox` it is only checked, with 200."""

    def __init__(
        self,
        api_key: str,
        sender: Sender,
        *,
        url: str = "https://api.sendgrid.com",
        timeout: float = 15,
        parallel: int = 16,
        sandbox: bool = False,
        shop: str = "",
    ) -> None:
        """Set the account; `shop` names the shop in its statistics and events."""
        self._sandbox = sandbox
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self._send_headers = self._headers | JSON_TYPE
        self._send_url = f"{url.rstrip('/')}/v3/mail/send"
        self._activity_url = f"{url.rstrip('/')}/v3/messages"
        self._scopes_url = f"{url.rstrip('/')}/v3/scopes"
        self._shop, self._label, self._domain = shop_fields(sender, sandbox=sandbox), shop, mail_domain(sender.email)
        self._http = HttpClient(timeout, parallel)

    async def send(self, message: Message) -> Receipt:
        if "@" not in message.to:
            raise PermanentFailure("the mail has no address")
        body = json_body(mail_body(message, self._shop, self._domain, self._label))
        response = await self._http.request("POST", self._send_url, data=body, headers=self._send_headers)
        if response.status == 202:
            return Receipt(response.headers.get("X-Message-Id", ""), {"status": "accepted"}, trial=self._sandbox)
        if response.status == 200 and self._sandbox:  # SendGrid's answer to a mail that it only checks
            return Receipt("", {"status": "checked"}, trial=True)
        raise await self._failure(response)

    async def lookup(self, message: Message, since: datetime) -> Receipt | None:
        with lookup_errors():
            mails = await self._mails_to(message.to)
            for mail in mails:
                if not ended_before(mail, since) and await self._is_same(mail["msg_id"], message):
                    return Receipt(str(mail["msg_id"]), {"status": str(mail.get("status"))})
        if len(mails) >= MAX_RECORDS:
            raise LookupUnavailable(f"SendGrid knows more than {MAX_RECORDS} mails to this address")
        return None

    async def report(self, message: Message, reference: str) -> Callback | None:
        with lookup_errors():
            for mail in await self._mails_to(message.to):
                if str(mail["msg_id"]).partition(".")[0] != reference.partition(".")[0]:
                    continue
                if mail.get("status") == NOT_DELIVERED:
                    mail = await self._activity(f"/{quote(str(mail['msg_id']), safe='')}")
                return recorded_mail(mail, message, reference)
        return None

    async def check(self) -> str:
        with lookup_errors():
            response = await self._http.request("GET", self._scopes_url, headers=self._headers)
            if response.status != 200:
                raise await self._failure(response)
        scopes = (await read_json(response)).get("scopes")
        if not isinstance(scopes, list):
            raise TemporaryFailure("SendGrid answered without the key's rights", code="200")
        if SEND_SCOPE not in scopes:
            raise TemporaryFailure(f"the key has no right to send mail ({SEND_SCOPE})", code="200", channel_down=True)
        return "the key may send mail"

    async def close(self) -> None:
        await self._http.close()

    async def _mails_to(self, address: str) -> list[dict[str, Any]]:
        """Return SendGrid's records of the mails to an address, each with its `msg_id`."""
        listed = await self._activity("", {"query": f'to_email="{address}"', "limit": str(MAX_RECORDS)})
        mails = listed.get("messages")
        if not isinstance(mails, list) or not all(isinstance(mail, dict) and "msg_id" in mail for mail in mails):
            raise TemporaryFailure("SendGrid's records answered without a list of mails", code="200")
        return mails

    async def _is_same(self, key: str, message: Message) -> bool:
        """Return whether a mail in SendGrid's records is this message: its custom argument has the notice's id."""
        mail = await self._activity(f"/{quote(key, safe='')}")
        if not mail.get("unique_args") and mail.get("subject") == one_line(message.subject):
            raise LookupUnavailable("SendGrid's record of a mail that may be this one lacks the notice's id")
        return message.id in str(mail.get("unique_args"))

    async def _activity(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        response = await self._http.request("GET", f"{self._activity_url}{path}", params=query, headers=self._headers)
        if response.status in NO_ACTIVITY_STATUSES:
            raise LookupUnavailable(
                f"SendGrid answered {response.status}: the account keeps no email activity that the key may read",
                code=str(response.status),
            )
        if response.status != 200:
            raise await self._failure(response)
        return await read_json(response)

    async def _failure(self, response: aiohttp.ClientResponse) -> Exception:
        body = await read_json(response)
        errors = [error for error in body.get("errors") or () if isinstance(error, dict)]
        is_sender_error = any(str(error.get("field")).split(".")[0] in SENDER_FIELDS for error in errors)
        kind = FailureKind.CHANNEL_DOWN if is_sender_error else classify_status(response.status, STATUSES)
        details = "; ".join(f"{error.get('field') or 'mail'}: {error.get('message')}" for error in errors)
        masked = ADDRESS_PATTERN.sub("an address", details)  # the reason may be logged; the address is in the ledger
        reason = f"SendGrid answered {response.status}: {one_line(masked)[:300] or response.reason}"
        return failure_for(kind, reason, code=response.status, wait=retry_after(response.headers))


def shop_fields(sender: Sender, *, sandbox: bool) -> dict[str, Any]:
    """Return the fields that are the same in every mail of a shop."""
    fields: dict[str, Any] = {
        "from": _person(ascii_address(sender.email), sender.name),
        "tracking_settings": NO_CLICK_TRACKING,
    }
    if sender.reply_to:
        fields["reply_to"] = _person(ascii_address(sender.reply_to))
    if sandbox:
        fields["mail_settings"] = {"sandbox_mode": {"enable": True}}
    return fields


def mail_body(message: Message, shop: Mapping[str, Any], domain: str, label: str = "") -> dict[str, Any]:
    """Return the request body of a mail. `shop` has what `shop_fields` returns; `label` names the shop."""
    to = _person(message.to, message.to_name)
    args = {
        MESSAGE_ARGUMENT: message.id,
        "shop": label,
        "message": message.category,
        "days_late": "" if message.days_late is None else str(message.days_late),
    }
    body = {
        **shop,
        "subject": one_line(message.subject),
        "personalizations": [{"to": [to], "custom_args": {name: value for name, value in args.items() if value}}],
        "content": [{"type": "text/plain", "value": message.text}],
        # Message-ID is none of the headers that SendGrid keeps for itself.
        "headers": mail_headers(message, domain),
    }
    if message.html:
        body["content"].append({"type": "text/html", "value": message.html})
    if categories := _categories(message, label):
        body["categories"] = categories
    if message.attachments:
        body["attachments"] = [_attachment(file) for file in message.attachments]
    return body


def _categories(message: Message, label: str) -> list[str]:
    """Return what SendGrid counts a mail under; it cannot be erased there, so nothing of it is about a person."""
    days = f"{message.days_group} days late" if message.days_group else ""
    return list(dict.fromkeys(name[:MAX_CATEGORY] for name in (label, message.category, days) if name))


def _person(address: str, name: str = "") -> dict[str, str]:
    shown = one_line(name)
    return {"name": shown, "email": address} if shown else {"email": address}


def _attachment(file: Attachment) -> dict[str, str]:
    return {"content": b64encode(file.content).decode(), "type": file.kind, "filename": one_line(file.name)}
