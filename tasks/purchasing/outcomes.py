"""Decide the outcome of a request that was sent, given that the vendor may have an earlier copy of it."""

from dataclasses import replace
from datetime import datetime

from models.enums import State
from models.messages import DeliveryOutcome

RESENT = "it may have arrived: sent again under the same id, by which the vendor knows it"
REJECTED_COPY = "it may have arrived before"


def with_earlier_copy(
    delivery: DeliveryOutcome, *, idempotent: bool, may_have_arrived: bool, retry_at: datetime
) -> DeliveryOutcome:
    """Return the outcome of a request, given that the vendor may have an earlier copy of it.

    | outcome  | channel    | earlier copy  | becomes                                                    |
    |----------|------------|---------------|------------------------------------------------------------|
    | in doubt | idempotent | any           | queued until `retry_at`, and it may have arrived           |
    | queued   | any        | may be there  | queued, and it may still have arrived                      |
    | rejected | any        | may be there  | in doubt: the rejection says nothing about the earlier copy |
    | other    | any        | any           | unchanged                                                  |
    """
    if delivery.state is State.IN_DOUBT and idempotent:
        reason = f"{delivery.reason}; {RESENT}"
        return DeliveryOutcome(delivery.id, State.QUEUED, reason, not_before=retry_at, may_have_arrived=True)
    if may_have_arrived and delivery.state is State.QUEUED:
        return replace(delivery, reason=f"{delivery.reason}; {RESENT}", may_have_arrived=True)
    if may_have_arrived and delivery.state is State.REJECTED:
        reason = f"{delivery.reason}; {REJECTED_COPY}"
        return replace(delivery, state=State.IN_DOUBT, reason=reason, may_have_arrived=True)
    return delivery
