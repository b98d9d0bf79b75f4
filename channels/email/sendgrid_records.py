"""Read what SendGrid's email activity says of a mail, as a callback would tell it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from channels.callback_fields import digest_of
from models.callbacks import Callback, CallbackSource
from models.messages import Message

DELIVERED, NOT_DELIVERED = "delivered", "not_delivered"
"""The statuses of a mail whose end is known; the other one is `processed`."""
DROPPED = "dropped"


def recorded_mail(mail: Mapping[str, Any], message: Message, reference: str) -> Callback | None:
    """Return what the record of a mail says; None before its end is known. `events` has why it did not arrive."""
    match mail.get("status"):
        case str(status) if status == DELIVERED:
            return _callback(DELIVERED, {}, message, reference)
        case str(status) if status == NOT_DELIVERED:
            return _callback(*_failure(mail.get("events")), message, reference)
    return None


def _failure(events: object) -> tuple[str, dict[str, str]]:
    """Return the kind and the payload of the event webhook for the last failure; without one the address is kept."""
    listed = [one for one in events if isinstance(one, dict)] if isinstance(events, list) else []
    named = [one for one in listed if one.get("event_name") in ("bounced", "bounce", DROPPED)]
    last = named[-1] if named else {}
    reason = str(last.get("reason") or last.get("server_response") or "")
    if last.get("event_name") == DROPPED:
        return DROPPED, {"reason": reason}
    # The records call a block a soft bounce.
    return "bounce", {"type": "bounce" if last.get("bounce_type") == "hard" else "blocked", "reason": reason}


def _callback(kind: str, payload: Mapping[str, str], message: Message, reference: str) -> Callback:
    return Callback(
        source=CallbackSource.SENDGRID_RECORDS,
        key=digest_of(CallbackSource.SENDGRID_RECORDS, reference, kind),
        kind=kind,
        payload=payload,
        reference=reference.partition(".")[0],
        message_id=message.id,
        address=message.to,
    )


def ended_before(mail: Mapping[str, Any], since: datetime) -> bool:
    """Return whether the last event of a mail was before a time; an unreadable time counts as after it."""
    try:
        return datetime.fromisoformat(str(mail.get("last_event_time"))) < since
    except (ValueError, TypeError):
        return False
