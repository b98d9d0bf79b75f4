"""Record what a page of orders decided, in one transaction, and withdraw the unsent notices that do not hold."""

from collections.abc import Sequence
from datetime import datetime
from itertools import chain

from sqlalchemy import Connection, and_

from models.enums import SkipReason, State
from tasks.context import Context
from tasks.db.bulk import bulk_insert
from tasks.db.counters import add_to_counters
from tasks.db.outbox import skip_messages
from tasks.db.sql import in_list
from tasks.notices.notice_rows import DecisionRecord, links_of, states_of, words_of
from tasks.notices.restate import store_confirmed
from tasks.notices.watch_state import bucket_deltas, update_watches
from tasks.offers.budget import DiscountBudget, WriteConflict, commit_budget
from tasks.offers.records import offer_rows
from tasks.orders.links import insert_links
from tasks.tables import NOTICES, OFFERS, OUTBOX


def record_notices(context: Context, records: Sequence[DecisionRecord], budget: DiscountBudget) -> None:
    """Record notices, offers, the state of the watches and the discounts' cost in one transaction.

    It withdraws the unsent notices that do not hold. Raises WriteConflict, and writes nothing, where one of them is
    being sent by now, or another worker changed one of the orders or used up the budget.
    """
    decisions = [record.decision for record in records]
    notices = list(chain.from_iterable(record.notices for record in records))
    withdrawn = list(chain.from_iterable(record.withdrawn for record in records))
    offers = (offer_rows(one.plan, context, new_discount=one.new_discount) for one in decisions if one.plan is not None)
    with context.engine.begin() as connection:
        # The outbox, the notices and then the watches, as delivery does: no two transactions wait for each other.
        _withdraw(connection, withdrawn, context.started_at)
        store_confirmed(connection, chain.from_iterable(record.confirmed for record in records), version_step=1)
        update_watches(connection, decisions)
        # The version of the watch was compared above: no other worker has recorded this revision, or its discount.
        bulk_insert(connection, NOTICES, words_of(notices), ignore_conflicts=False)
        bulk_insert(connection, OUTBOX, states_of(notices), ignore_conflicts=False)
        insert_links(connection, links_of(notices))
        bulk_insert(connection, OFFERS, list(chain.from_iterable(offers)), ignore_conflicts=False)
        commit_budget(connection, budget, context, context.policy)
        add_to_counters(connection, bucket_deltas(decisions))


def _withdraw(connection: Connection, ids: Sequence[str], now: datetime) -> None:
    if not ids:
        return
    unsent = and_(in_list(connection, OUTBOX.c.id, ids), OUTBOX.c.state == State.QUEUED)
    if len(skip_messages(connection, unsent, SkipReason.CHANGED, now)) != len(ids):
        raise WriteConflict("a notice is being sent, and what its customer knows is decided by whether it arrives")
