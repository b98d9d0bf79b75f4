"""Read the events of SendGrid's event webhook, and what they mean (docs.sendgrid.com, Event Webhook Reference)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from channels.callback_fields import MAX_ADDRESS, BadCallback, digest_of, read_json, short_text, storable
from channels.email.sendgrid import MESSAGE_ARGUMENT
from channels.headers import one_line
from models.callbacks import Callback, CallbackSource, DeliveryReport, Progress

MAX_EVENTS = 20_000
MAX_REASON = 200
TAKEN, DELIVERED = DeliveryReport(Progress.TAKEN), DeliveryReport(Progress.DELIVERED)
REPORTS: Mapping[str, DeliveryReport] = {
    "processed": TAKEN,
    "deferred": TAKEN,
    "delivered": DELIVERED,
    # Scanners of mail open pictures and links, so neither is a proof that anybody read it, or that it arrived.
    "open": TAKEN,
    "click": TAKEN,
    "spamreport": DeliveryReport(stops_marketing=True, for_staff=True),
    # SendGrid then drops service mails as well: staff must know.
    "unsubscribe": DeliveryReport(stops_marketing=True, for_staff=True),
    "group_unsubscribe": DeliveryReport(stops_marketing=True),
    "group_resubscribe": DeliveryReport(resumes_marketing=True),
    "account_status_change": DeliveryReport(for_staff=True),
}
"""What each event says, beside `bounce` and `dropped`, which have details; any other says nothing."""
BAD_ADDRESS_REASONS = ("bounced address", "invalid")
"""Reasons of `dropped` that concern the address for ever."""


def read_events(body: bytes, signed_at: str) -> list[Callback]:
    """Return the events of a verified body; `signed_at` is its timestamp, as signed. Raises BadCallback."""
    events = read_json(body)
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise BadCallback("the body is not a list of events")
    if len(events) > MAX_EVENTS:
        raise BadCallback(f"at most {MAX_EVENTS} events are accepted at once")
    signed = moment_of(signed_at)
    if signed is None:
        raise BadCallback("the timestamp is not seconds since 1970")
    return [_callback(event, signed) for event in events]


def moment_of(seconds: object) -> datetime | None:
    """Return the moment of seconds since 1970; None for what is no such number."""
    try:
        return datetime.fromtimestamp(int(str(seconds)), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _callback(event: Mapping[str, Any], signed_at: datetime) -> Callback:
    names = ("email", "event", "timestamp", "sg_message_id", "reason")
    event_id = short_text(event.get("sg_event_id"))
    parts = (event_id,) if event_id else tuple(event.get(name) for name in names)
    return Callback(
        source=CallbackSource.SENDGRID,
        key=digest_of(CallbackSource.SENDGRID, *parts),
        kind=short_text(event.get("event")).lower().replace(" ", "_"),
        payload=storable(event),
        # The id that the send call answered, before the dot; what follows is SendGrid's own.
        reference=short_text(event.get("sg_message_id")).partition(".")[0],
        message_id=short_text(event.get(MESSAGE_ARGUMENT)),
        address=short_text(event.get("email"), MAX_ADDRESS).lower(),
        happened_at=moment_of(event.get("timestamp")),
        signed_at=signed_at,
    )


def report_of(kind: str, payload: Mapping[str, Any]) -> DeliveryReport:
    """Return what an event says about a mail and its address."""
    if kind == "bounce":
        is_blocked = payload.get("type") == "blocked"
        return _failed("blocked" if is_blocked else kind, payload, suppress=not is_blocked)
    if kind == "dropped":
        reason = str(payload.get("reason", "")).lower()
        return _failed(kind, payload, suppress=reason.startswith(BAD_ADDRESS_REASONS))
    return REPORTS.get(kind, DeliveryReport())


def _failed(kind: str, payload: Mapping[str, Any], *, suppress: bool) -> DeliveryReport:
    # A foreign server wrote it: one line, and short.
    details = one_line(str(payload.get("reason") or payload.get("status") or ""))[:MAX_REASON]
    reason = f"SendGrid reports {kind}" + (f": {details}" if details else "")
    return DeliveryReport(Progress.FAILED, reason, suppress=suppress)
