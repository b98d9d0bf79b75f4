"""Look at the orders that may have news, and write down what is owed to whom."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace

import stamina
from sqlalchemy import Connection

from models.decisions import Plan
from rules.delays.evaluate import tells
from tasks.context import Desk
from tasks.db.sharding import WHOLE, Shard
from tasks.db.sql import reading
from tasks.notices.decide import Decided, decide
from tasks.notices.records import Written, notice_row, owe
from tasks.notices.rendering import Rendered, render
from tasks.offers.budget import Contended, Purse, open_purse
from tasks.offers.substitute_stock import Shelves
from tasks.orders.queries import Watched, due
from tasks.runs.records import Now

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
