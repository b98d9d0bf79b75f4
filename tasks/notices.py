"""Look at the orders that may have news, and write down what is owed to whom."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import chain
from typing import Any

import stamina
from sqlalchemy import Connection

from models.ledger import Notice
from models.plans import Contact, Plan
from models.values import Message, State
from rules.delays import told_lines
from rules.fingerprints import notice_id
from rules.plans import tells
from tasks import offers
from tasks.db import insert, reading
from tasks.decisions import Decided, decide
from tasks.desk import Desk
from tasks.orders import Watched, due, table_of
from tasks.purses import Contended, Purse, charge, open_purse
from tasks.rendering import Rendered, render
from tasks.runs import Now
from tasks.shards import WHOLE, Shard
from tasks.shelves import Shelves
from tasks.tallies import move
from tasks.watches import moved, watch

NOTICES = table_of(Notice)
SHOWN = 200
TRIES, PATIENCE, LONGEST_PAUSE = 9, 60.0, 2.0
"""How often a page is tried that other workers change, within how many seconds, and the longest pause between."""
Read = Callable[[Connection], Sequence[Watched]]
"""Reads the next page of orders."""


@dataclass(slots=True)
class Looked:
    """What came of looking at orders; adds up over batches."""

    orders: int = 0
    told: int = 0
    """Orders with news that can reach their customer."""
    limited: int = 0
    """Orders with news that the run's limit leaves to a later one."""
    news: Counter[str] = field(default_factory=Counter)
    owed: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    offers: Counter[str] = field(default_factory=Counter)
    over_cap: int = 0
    wanted: Counter[str] = field(default_factory=Counter)
    """What the discounts would have cost were there no caps, by currency, in ten-thousandths."""
    problems: list[str] = field(default_factory=list)
    plans: list[Plan] = field(default_factory=list)
    """The first SHOWN plans, for people to look at."""

    def add(self, other: "Looked") -> None:
        """Take in another batch."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))
        del self.plans[SHOWN:]

    def render(self, desk: Desk, one: Decided, purse: Purse) -> Rendered | None:
        """Render a decision's plan and count it; name what failed among the problems.

        None where no channel's words can be rendered, or there is no plan: nothing is told, and no discount is given.
        """
        if one.plan is None:
            return None
        found = render(desk, one.plan)
        self.problems += found.problems
        if not found.failed:
            self.count(found.plan)
            return found
        if one.new_discount and one.plan.discount is not None:
            purse.give_back(one.plan.discount)
        return None

    def count(self, plan: Plan) -> None:
        """Take in one plan."""
        self.told += tells(plan.contacts)
        self.news[plan.delay.bucket] += 1
        self.owed.update(str(one.channel) for one in plan.contacts if one.skip is None)
        self.skipped.update(str(one.skip) for one in plan.contacts if one.skip is not None)
        self.offers.update("substitute" for _ in plan.substitutes[:1])
        self.offers.update([str(plan.discount.kind)] if plan.discount else [])
        if len(self.plans) < SHOWN:
            self.plans.append(plan)


@dataclass(frozen=True, slots=True)
class Page:
    """Where a batch ended, for the next one to begin."""

    looked: Looked
    last: Watched | None
    """None where nothing more is due."""


def look(
    desk: Desk,
    now: Now,
    shelves: Shelves,
    after: Watched | None,
    *,
    batch: int,
    limit: int | None = None,
    shard: Shard = WHOLE,
) -> Page:
    """Look at the next batch of a shard's orders that may have news: decide, and write down what is owed.

    At most `limit` orders are told; the others stay due. Safe to repeat: what was looked at is not due any more.
    """
    return _retried(desk, now, shelves, lambda ledger: due(desk, ledger, now.as_of, after, batch, shard), limit)


def record_page(desk: Desk, now: Now, shelves: Shelves, read: Read) -> Looked:
    """Decide about the orders that `read` finds, and write down what is owed. Raises Contended as `look` does."""
    return _retried(desk, now, shelves, read).looked


def _retried(desk: Desk, now: Now, shelves: Shelves, read: Read, limit: int | None = None) -> Page:
    """Look at a page until no other worker changes its orders meanwhile, with a longer pause before each new try."""
    try:
        for attempt in stamina.retry_context(Contended, attempts=TRIES, timeout=PATIENCE, wait_max=LONGEST_PAUSE):
            with attempt:
                return _look(desk, now, shelves, read, limit)
    except Contended as error:
        sentence = f"other workers changed the same orders {TRIES} times over; the next run looks at them again"
        raise Contended(sentence) from error
    raise AssertionError("a retry either returns or raises")


def _look(desk: Desk, now: Now, shelves: Shelves, read: Read, limit: int | None) -> Page:
    with reading(desk.engine) as connection:
        page = read(connection)
        if not page:
            return Page(Looked(), None)
        purse = open_purse(connection, now, desk.policy)
        decided = decide(desk, now, connection, page, shelves, purse, limit)
    limited = sum(one.verdict.limited for one in decided)
    looked = Looked(orders=len(page), limited=limited, over_cap=purse.refused, wanted=purse.wanted)
    written = list(_write(desk, now, decided, looked, purse))
    owe(desk, now, written, purse)
    return Page(looked, page[-1])


@dataclass(frozen=True, slots=True)
class Written:
    """A decision and its notices, ready for the ledger."""

    decided: Decided
    notices: tuple[dict[str, Any], ...] = ()


def _write(desk: Desk, now: Now, decided: Sequence[Decided], looked: Looked, purse: Purse) -> Iterator[Written]:
    """Render each plan; an order of which no channel's words can be rendered is left as it was."""
    for one in decided:
        if one.plan is None:
            yield Written(one)
            continue
        found = looked.render(desk, one, purse)
        if found is None:
            continue
        plan, said = found.plan, found.messages
        notices = tuple(notice_row(desk, now, plan, contact, said.get(contact.channel)) for contact in plan.contacts)
        yield Written(replace(one, verdict=replace(one.verdict, plan=plan)), notices)


def notice_row(desk: Desk, now: Now, plan: Plan, contact: Contact, words: Message | None) -> dict[str, Any]:
    """Return the ledger's row of one notice with its words; None for a contact that is skipped."""
    delay, order = plan.delay, plan.delay.order
    return {
        "id": notice_id(order.id, plan.revision, contact.channel),
        "run_id": now.run,
        "order_id": order.id,
        "customer_id": order.customer.id,
        "revision": plan.revision,
        "channel": contact.channel,
        "state": State.HELD if words else State.SKIPPED,
        "reason": contact.skip,
        "message": plan.message,
        "news": plan.news,
        "bucket": delay.bucket,
        "days": delay.days,
        "expected_on": delay.expected_on,
        "told_on": now.as_of,
        "lines": [line.as_data() for line in told_lines(delay, desk.policy)],
        "why": plan.why,
        "address": contact.address,
        "created_at": now.moment,
        "not_before": contact.not_before or now.moment,
        "valid_until": contact.valid_until,
        "settled_at": None if words else now.moment,
        **_words(words, desk),
    }


def _words(words: Message | None, desk: Desk) -> dict[str, str]:
    if words is None:
        return {"to_name": "", "locale": desk.shop.locale, "subject": "", "text": "", "html": ""}
    return {name: getattr(words, name) for name in ("to_name", "locale", "subject", "text", "html")}


def owe(desk: Desk, now: Now, written: Sequence[Written], purse: Purse) -> None:
    """Write down, in one transaction, what is owed, offered and looked at.

    Raises Contended, and writes nothing, where another worker was there first.
    """
    decided = [one.decided for one in written]
    notices = list(chain.from_iterable(one.notices for one in written))
    with desk.engine.begin() as connection:
        watch(desk, connection, decided)
        if notices:
            connection.execute(insert(connection, NOTICES).on_conflict_do_nothing(), notices)
        given = (offers.rows_of(one.plan, now, new_discount=one.new_discount) for one in decided if one.plan)
        offers.record(connection, chain.from_iterable(given))
        charge(connection, purse, now, desk.policy)
        move(connection, moved(decided))
