"""Read Twilio's callbacks about texts, and what they mean."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from channels.callback_fields import MAX_ADDRESS, BadCallback, digest_of, read_json, short_text, storable
from channels.http_client import FailureKind
from channels.sms.twilio_codes import ERROR_CODES, MAX_RETRIES, RETRY_DELAYS, STAFF_CODES
from models.callbacks import Callback, CallbackSource, DeliveryReport, Progress
from models.messages import Message

MAX_FIELDS = 100
DEFAULT_DELAY = timedelta(minutes=30)
DEFAULT_RETRIES = 2
PROGRESS: Mapping[str, Progress] = {
    "accepted": Progress.TAKEN,
    "scheduled": Progress.TAKEN,
    "queued": Progress.TAKEN,
    "sending": Progress.TAKEN,
    "sent": Progress.TAKEN,
    "delivered": Progress.DELIVERED,
    "read": Progress.DELIVERED,
    "failed": Progress.FAILED,
    "undelivered": Progress.FAILED,
    "canceled": Progress.FAILED,
}
"""What each status says; any other says nothing, as `partially_delivered` of a post with several parts."""


def read_form(body: bytes) -> list[tuple[str, str]]:
    """Return the fields of a form as they were signed, the blank ones too; raises BadCallback."""
    try:
        text = body.decode("ascii")
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise BadCallback("the body is not a form in UTF-8") from error


def read_fields(body: bytes) -> list[tuple[str, str]]:
    """Return the fields of a JSON body; raises BadCallback."""
    fields = read_json(body)
    if not isinstance(fields, dict):
        raise BadCallback("the body is not a JSON object")
    return [(name, value if isinstance(value, str) else str(value)) for name, value in fields.items()]


def status_callback(fields: Iterable[tuple[str, str]], message_id: str) -> Callback:
    """Return what a status callback says; raises BadCallback where it names no text or no status."""
    given = dict(fields)
    sid = short_text(given.get("MessageSid") or given.get("SmsSid"))
    status = short_text(given.get("MessageStatus") or given.get("SmsStatus"))
    if not sid or not status:
        raise BadCallback("MessageSid and MessageStatus are needed")
    key = digest_of(CallbackSource.TWILIO_STATUS, sid, status, given.get("ErrorCode"), given.get("RawDlrDoneDate"))
    return Callback(
        source=CallbackSource.TWILIO_STATUS,
        key=key,
        kind=status,
        payload=storable(given),
        reference=sid,
        message_id=short_text(message_id),
        address=short_text(given.get("To"), MAX_ADDRESS),
    )


def recorded_status(sid: str, status: str, error_code: object, message: Message, changed_at: object) -> Callback | None:
    """Return what Twilio's record of a text says, as a callback; None before its end is known."""
    if PROGRESS.get(status) not in (Progress.DELIVERED, Progress.FAILED):
        return None
    fields = {"MessageSid": sid, "MessageStatus": status, "To": message.to}
    told = status_callback((fields | ({"ErrorCode": str(error_code)} if error_code else {})).items(), message.id)
    happened_at = changed_at if isinstance(changed_at, datetime) else None
    return replace(told, source=CallbackSource.TWILIO_RECORDS, happened_at=happened_at)


def inbound_text(fields: Iterable[tuple[str, str]]) -> Callback:
    """Return a text that somebody sent; raises BadCallback where it has no sender."""
    given = dict(fields)
    sid, sender = short_text(given.get("MessageSid") or given.get("SmsSid")), short_text(given.get("From"))
    if not sid or not sender:
        raise BadCallback("MessageSid and From are needed")
    return Callback(
        source=CallbackSource.TWILIO_INBOUND,
        key=digest_of(CallbackSource.TWILIO_INBOUND, sid),
        kind=short_text(given.get("OptOutType")).upper(),
        payload=storable(given),
        reference=sid,
        address=sender,
    )


def report_of(kind: str, payload: Mapping[str, Any]) -> DeliveryReport:
    """Return what a status says about a text and its number."""
    progress = PROGRESS.get(kind.lower())
    if progress is not Progress.FAILED:
        return DeliveryReport(progress)
    digits = str(payload.get("ErrorCode") or "").strip()
    code = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 9 else 0
    meaning = ERROR_CODES.get(code, FailureKind.PERMANENT)
    is_temporary = meaning is FailureKind.TEMPORARY
    return DeliveryReport(
        Progress.FAILED,
        reason=f"Twilio reports {kind}, code {code or 'none'}",
        suppress=meaning is FailureKind.SUPPRESS_ADDRESS,
        retry_after=RETRY_DELAYS.get(code, DEFAULT_DELAY) if is_temporary else None,
        max_retries=MAX_RETRIES.get(code, DEFAULT_RETRIES) if is_temporary else 0,
        channel_down=meaning is FailureKind.CHANNEL_DOWN,
        for_staff=code in STAFF_CODES,
    )
