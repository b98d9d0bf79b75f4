"""Judge a history by what its provider took: each message against the facts of the moment at which it left."""

from collections import Counter, defaultdict
from dataclasses import dataclass, replace

from sqlalchemy import select

from models.enums import GOOD_CHANGES
from models.orders import LastNotice
from rules.delays.assess import assess_order, is_reachable, last_notice_after
from tasks.db.sql import read_only
from tasks.delivery.in_doubt import list_in_doubt
from tasks.early_warning.outlook import with_outlook
from tasks.orders.queries import get_orders
from tasks.tables import NOTICES
from tests.support.history_oracle import (
    at_any_time,
    contact_now,
    difference,
    plan_now,
    render_now,
    with_possible_remedies,
    words,
)

WAITING = ("held", "queued", "sending", "in_doubt")
WITHDRAWN = ("changed", "superseded", "too_old", "shipped", "cancelled")
"""Reasons for which a notice is skipped and its order evaluated again: they explain nothing by themselves."""


@dataclass(frozen=True)
class Departure:
    """A message that left for the provider: of which order, to which customer, and what they know if it arrived."""

    order: str
    customer: str
    knows: LastNotice


class Judge:
    """What customers received in one history, and each rule that it broke."""

    def __init__(self, shop, clock):
        self.shop, self.clock = shop, clock
        self.broken: list[str] = []
        self.log: list[str] = []
        self.counts: Counter[str] = Counter()
        """What customers received, by message."""
        self._received: dict[tuple[str, str], list[LastNotice]] = defaultdict(list)
        """What reached customers, by order and customer."""
        self._left: dict[str, Departure] = {}
        """What left, by message id, whether or not it arrived."""
        self._taken: set[str] = set()
        """The ids of what arrived."""
        self._last_words: dict[tuple[str, str, str], tuple[int, tuple[object, ...]]] = {}
        """The last revision and its content by order, address and channel.

        The dates that it is about belong to its content, though a text may leave them out.
        """

    def note(self, sentence):
        self.log.append(f"{self.clock.now:%a %d %b %H:%M} {sentence}")

    def _break(self, rule, order, detail):
        self.broken.append(f"{self.clock.now:%d %b %H:%M} order {order}: {rule}: {detail}")
        self.note(f"BROKEN: order {order}: {rule}: {detail}")

    def _context(self):
        now = self.clock.now
        return self.shop.context.with_run("judge", now.astimezone(self.shop.context.zone).date(), now)

    def leaves(self, message):
        """Judge a message that leaves now; return it as a departure."""
        with read_only(self.shop.context.engine) as connection:
            query = select(NOTICES.c.order_id, NOTICES.c.revision).where(NOTICES.c.id == message.id)
            order_id, revision = connection.execute(query).one()
            (watched,) = get_orders(self._context(), connection, [order_id])
            self._check_allowed(connection, watched.order, message)
            departure = Departure(
                order_id, watched.order.customer.id, self._check_words(connection, watched, revision, message)
            )
        self._left[message.id] = departure
        headline = message.subject or message.text[:60]
        self.note(f"leaves: {order_id} rev {revision} {message.channel} to {message.to}: {headline}")
        return departure

    def takes(self, message, departure, *, again):
        """Keep what the provider took."""
        knows = departure.knows
        known = self._received[departure.order, departure.customer]
        content = (
            message.subject,
            message.text,
            {(line.number, line.promised_on, line.expected_on) for line in knows.lines},
        )
        key = (departure.order, message.to, message.channel)
        last_revision, last_content = self._last_words.get(key, (0, None))
        if again:
            self._break("the same notice twice", departure.order, message.id)
        elif last_content == content and not any(last_revision < one.revision < knows.revision for one in known):
            self._break("the same content twice in a row", departure.order, message.subject or message.text)
        if knows.warned and any(one.revision < knows.revision for one in known):
            self._break("a warning after another message", departure.order, message.subject or message.text)
        self._last_words[key] = knows.revision, content
        self._taken.add(message.id)
        if not known or known[-1].revision < knows.revision:
            known.append(knows)
        self.counts[message.category] += 1
        self.note("  taken")

    def _check_allowed(self, connection, order, message):
        contact = contact_now(self._context(), connection, order.customer, message.channel)
        if order.customer.opted_out or contact.skip is not None or contact.address != message.to:
            self._break("not allowed", order.id, f"{message.channel} to {message.to}: {contact.skip or 'opted out'}")
        if contact.not_before is not None and contact.not_before > self.clock.now:
            self._break("in quiet hours", order.id, message.channel)

    def _check_words(self, connection, watched, revision, message) -> LastNotice:
        """Check that a message says what there is to say now; return what its customer then knows."""
        context, order = self._context(), watched.order
        contact = contact_now(context, connection, order.customer, message.channel)
        doubts, closest = self._doubts(order, revision), None
        for told in (self._told(order, before=revision), *doubts):
            known = replace(watched, order=replace(order, told=told, revision=revision - 1))
            plan = plan_now(at_any_time(context), connection, known)
            for candidate in with_possible_remedies(context, connection, plan, revision) if plan else ():
                fresh = render_now(context, candidate, contact, message.id)
                if fresh is not None and words(fresh) == words(message):
                    if plan.change in GOOD_CHANGES and doubts:
                        self._break("good news while a notice is in doubt", order.id, message.subject)
                    return last_notice_after(plan, context.policy)
                closest = closest or fresh
        self._break("not what is so now", order.id, difference(message, closest))
        return LastNotice(revision, context.as_of, (), order.customer.id)

    def _told(self, order, before=None) -> LastNotice | None:
        received = self._received[order.id, order.customer.id]
        return next((one for one in reversed(received) if before is None or one.revision < before), None)

    def _doubts(self, order, revision) -> list[LastNotice]:
        """Return what notices in doubt may have told before a revision, and after the last one told for certain."""
        in_doubt = {row["id"] for row in list_in_doubt(self.shop.context)}
        to_them = {
            key: one.knows
            for key, one in self._left.items()
            if (one.order, one.customer) == (order.id, order.customer.id) and one.knows.revision < revision
        }
        certain = max((knows.revision for key, knows in to_them.items() if key in self._taken - in_doubt), default=0)
        return [knows for key, knows in to_them.items() if key in in_doubt and knows.revision > certain]

    def check_untold(self, *, settled=False):
        """Check that each order with something to tell is told, or that the reason is recorded."""
        context = self._context()
        with read_only(context.engine) as connection:
            ids = [row["id"] for row in self.shop.system.all("orders")]
            for watched in with_outlook(context, connection, get_orders(context, connection, ids)):
                order = replace(watched.order, told=self._told(watched.order))
                if assess_order(order, context.as_of, context.policy, context.calendar).plan is None:
                    continue
                plan = plan_now(context, connection, replace(watched, order=order))
                if not self._reason(watched, plan, settled=settled):
                    self._break("nobody was told, and no reason is recorded", watched.order.id, plan.why)

    def _reason(self, watched, plan, *, settled):
        rows = [row for row in self.shop.notices if row["order_id"] == watched.order.id]
        last = [row for row in rows if row["revision"] == max(row["revision"] for row in rows)] if rows else []
        if not settled and any(row["state"] in WAITING for row in rows):
            return "it waits"
        if not settled and watched.next_check_on <= self._context().as_of:
            return "the next run evaluates it"
        if not is_reachable(plan.contacts):
            return "there is no channel" if last else ""
        refused = [row for row in last if row["state"] == "rejected"]
        refused += [row for row in last if row["state"] == "skipped" and row["reason"] not in WITHDRAWN]
        return "each channel refused it" if last and len(refused) == len(last) else ""
