"""TODO."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from models.decisions import Contact, Plan
from models.enums import State
from models.messages import Message
from rules.delays.delays import told_lines
from rules.ids import notice_id
from tasks.context import Context
from tasks.db.counters import add_to_counters
from tasks.db.sql import insert
from tasks.notices.decide import OrderDecision
from tasks.notices.watch_state import bucket_deltas, update_watches
from tasks.offers import records as offers
from tasks.offers.budget import DiscountBudget, commit_budget
from tasks.tables import NOTICES


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """A decision and its notices, ready for the ledger."""

    decided: OrderDecision
    notices: tuple[dict[str, Any], ...] = ()


def notice_row(context: Context, plan: Plan, contact: Contact, words: Message | None) -> dict[str, Any]:
    """Return the ledger's row of one notice with its words; None for a contact that is skipped."""
    delay, order = plan.delay, plan.delay.order
    return {
        "id": notice_id(order.id, plan.revision, contact.channel),
        "run_id": context.run_id,
        "order_id": order.id,
        "customer_id": order.customer.id,
        "revision": plan.revision,
        "channel": contact.channel,
        "state": State.HELD if words else State.SKIPPED,
        "reason": contact.skip,
        "message": plan.message,
        "change": plan.change,
        "bucket": delay.bucket,
        "days": delay.days,
        "expected_on": delay.expected_on,
        "told_on": context.as_of,
        "lines": [line.as_data() for line in told_lines(delay, context.policy)],
        "why": plan.why,
        "address": contact.address,
        "created_at": context.started_at,
        "not_before": contact.not_before or context.started_at,
        "valid_until": contact.valid_until,
        "settled_at": None if words else context.started_at,
        **_message_columns(words, context),
    }


def _message_columns(words: Message | None, context: Context) -> dict[str, str]:
    if words is None:
        return {"to_name": "", "locale": context.shop.locale, "subject": "", "text": "", "html": ""}
    return {name: getattr(words, name) for name in ("to_name", "locale", "subject", "text", "html")}


def record_notices(context: Context, written: Sequence[DecisionRecord], purse: DiscountBudget) -> None:
    """Write down, in one transaction, what is owed, offered and looked at.

    Raises Contended, and writes nothing, where another worker was there first.
    """
    decided = [one.decided for one in written]
    notices = list(chain.from_iterable(one.notices for one in written))
    with context.engine.begin() as connection:
        update_watches(context, connection, decided)
        if notices:
            connection.execute(insert(connection, NOTICES).on_conflict_do_nothing(), notices)
        given = (offers.offer_rows(one.plan, context, new_discount=one.new_discount) for one in decided if one.plan)
        offers.insert_offers(connection, chain.from_iterable(given))
        commit_budget(connection, purse, context, context.policy)
        add_to_counters(connection, bucket_deltas(decided))
