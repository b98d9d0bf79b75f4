"""Turn decisions into rows of the `notice` table."""

from dataclasses import dataclass
from typing import Any

from models.decisions import Contact, Plan
from models.enums import State
from models.messages import Message
from rules.delays.delays import notice_lines
from rules.ids import notice_id
from tasks.context import Context
from tasks.notices.decide import OrderDecision


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """A decision, and the rows of its notices."""

    decision: OrderDecision
    notices: tuple[dict[str, Any], ...] = ()


def notice_row(context: Context, plan: Plan, contact: Contact, message: Message | None) -> dict[str, Any]:
    """Return the row of one notice; `message` is None for a contact that is skipped."""
    delay, order = plan.delay, plan.delay.order
    return {
        "id": notice_id(order.id, plan.revision, contact.channel),
        "run_id": context.run_id,
        "order_id": order.id,
        "customer_id": order.customer.id,
        "revision": plan.revision,
        "channel": contact.channel,
        "state": State.HELD if message else State.SKIPPED,
        "reason": contact.skip,
        "message": plan.message,
        "change": plan.change,
        "bucket": delay.bucket,
        "days": delay.days,
        "expected_on": delay.expected_on,
        "told_on": context.as_of,
        "lines": [line.as_data() for line in notice_lines(delay, context.policy)],
        "why": plan.why,
        "address": contact.address,
        "created_at": context.started_at,
        "not_before": contact.not_before or context.started_at,
        "valid_until": contact.valid_until,
        "settled_at": None if message else context.started_at,
        **_message_columns(message, context),
    }


def _message_columns(message: Message | None, context: Context) -> dict[str, str]:
    if message is None:
        return {"to_name": "", "locale": context.shop.locale, "subject": "", "text": "", "html": ""}
    return {name: getattr(message, name) for name in ("to_name", "locale", "subject", "text", "html")}
