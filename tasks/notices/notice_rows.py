"""Turn decisions into rows of the `notice` table and of the outbox."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from models.customers import LINK_PLACEHOLDER
from models.decisions import Contact, Plan
from models.enums import State
from models.messages import Message
from rules.ids import notice_id
from tasks.context import Context
from tasks.db.outbox import outbox_row
from tasks.notices.decide import OrderDecision
from tasks.notices.rendering import RenderedPlan
from tasks.notices.restate import Confirmed, about, last_day_of, written_columns
from tasks.orders.links import new_link


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """A notice to record: its words, and where it stands."""

    words: dict[str, Any]
    outbox: dict[str, Any]
    link: dict[str, Any] | None = None
    """The link to the order page in its words; the notices of one revision share it."""


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """A decision, the notices to record, and what becomes of the order's unsent ones."""

    decision: OrderDecision
    notices: tuple[NoticeRow, ...] = ()
    withdrawn: tuple[str, ...] = ()
    """Ids of unsent notices that do not say any more what is so."""
    confirmed: tuple[Confirmed, ...] = ()
    """Unsent notices that say what the order's customer has to be told, so that nothing new is recorded."""


def notice_rows(context: Context, decision: OrderDecision, rendered: RenderedPlan) -> tuple[NoticeRow, ...]:
    """Return a notice for each contact of a rendered plan; one without a message is recorded as skipped."""
    plan = rendered.plan
    day = last_day_of(context, plan, decision.assessment.next_check_on)
    facts: dict[str, Any] = {"facts_version": decision.watched.version + 1, "holds_through": day}
    link = _link(context, plan, rendered.messages.values())
    return tuple(
        notice_row(context, plan, contact, rendered.messages.get(contact.channel), link=link, **facts)
        for contact in plan.contacts
    )


def _link(context: Context, plan: Plan, messages: Iterable[Message]) -> dict[str, Any] | None:
    if not any(LINK_PLACEHOLDER in message.text + message.html for message in messages):
        return None
    return new_link(context, plan.delay.order.id, plan.delay.order.customer.id)


def notice_row(
    context: Context,
    plan: Plan,
    contact: Contact,
    message: Message | None,
    state: State = State.HELD,
    *,
    link: dict[str, Any] | None = None,
    **facts: Any,
) -> NoticeRow:
    """Return one notice; `message` is None for a contact that is skipped. Without `link` it gets one where it needs it.

    `facts` are its `facts_version` and the day through which it holds; without them it is checked before it leaves.
    """
    order = plan.delay.order
    link = link or _link(context, plan, [message] if message else [])
    key = message.id if message else notice_id(order.id, plan.revision, contact.channel)
    words = {
        "id": key,
        "run_id": context.run_id,
        "order_id": order.id,
        "customer_id": order.customer.id,
        "revision": plan.revision,
        "channel": contact.channel,
        "message": plan.message,
        "told_on": context.as_of,
        "facts_version": 0,
        "holds_through": None,
        "address": contact.address,
        "created_at": context.started_at,
        "link_id": link["id"] if link else None,
        **about(plan, context.policy),
        **facts,
        **_trial_columns(message),
        **(written_columns(plan, message) if message else _no_words(context)),
    }
    outbox = outbox_row(
        key,
        contact.channel,
        state if message else State.SKIPPED,
        context.started_at,
        reason=contact.skip,
        not_before=contact.not_before,
        valid_until=contact.valid_until,
        settled_at=None if message else context.started_at,
    )
    return NoticeRow(words, outbox, link)


def _no_words(context: Context) -> dict[str, Any]:
    words = {"to_name": "", "locale": context.shop.locale, "subject": "", "text": "", "html": ""}
    return words | {"statements": [], "note_id": None}


def _trial_columns(message: Message | None) -> dict[str, str | None]:
    wording = message.wording if message else None
    if wording is None:
        return {"experiment": None, "wording": None}
    return {"experiment": wording.experiment, "wording": wording.letter}


def words_of(notices: Sequence[NoticeRow]) -> list[dict[str, Any]]:
    """Return the rows of the `notice` table."""
    return [notice.words for notice in notices]


def states_of(notices: Sequence[NoticeRow]) -> list[dict[str, Any]]:
    """Return the rows of the outbox."""
    return [notice.outbox for notice in notices]


def links_of(notices: Sequence[NoticeRow]) -> list[dict[str, Any]]:
    """Return the rows of the `order_link` table, each once."""
    return list({notice.link["id"]: notice.link for notice in notices if notice.link is not None}.values())
