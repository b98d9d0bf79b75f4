"""The counters of settled messages and what is counted beside them are a plain count, whatever happened before."""

import random
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import and_, event, func, insert, select, update

from models.enums import Channel, PostState, SkipReason, State
from models.errors import ForewarnError
from models.messages import DeliveryOutcome
from models.policy.policy import Policy
from models.policy.retention import RetentionPolicy
from models.posts import Writer
from models.purchasing import VendorChannel
from rules.retention import cutoff_days
from tasks.db.counters import get_counter
from tasks.db.outbox import UNSENT_FILTER, insert_messages, outbox_row, queue_messages, skip_messages
from tasks.db.settled_counts import MARGIN, UNTIL, count_messages, count_settled, uncount_settled
from tasks.db.sql import read_only
from tasks.delivery.outcomes import record_outcomes
from tasks.going_live.rollout import set_live, withdraw_trial
from tasks.guardrails.run_days import discard_days_ahead
from tasks.posts.approval import reopen_post, try_again, withdraw_post
from tasks.posts.compose import iso_week
from tasks.posts.review import review_post
from tasks.posts.rows import PostChanged
from tasks.purchasing.review import approve_request, drop_request, mark_delivered
from tasks.retention.prune import prune_records
from tasks.retention.records import PRUNABLE
from tasks.runs.records import start_run
from tasks.tables import LIVE_CHANNELS, NOTICES, OUTBOX, POSTS
from tests.support.shop_driver import noon

WHO = "a test"
CHANNELS = (Channel.EMAIL, Channel.SMS, Channel.X, VendorChannel.MAIL)
NOTICE = {
    "run_id": "r", "customer_id": "c", "revision": 1, "message": "week", "change": "first", "bucket": "week", "days": 5,
    "told_on": date(2026, 6, 15), "lines": [], "why": "", "address": "a@example.com", "locale": "en",
    "facts_version": 0, "to_name": "", "subject": "", "text": "words", "html": "",
}  # fmt: skip
POST = {"run_id": "r", "kind": "own", "networks": ["x"], "locale": "en", "text": "late", "orders": 5, "state": "waits"}


def plain_count(connection):
    columns = (OUTBOX.c.channel, OUTBOX.c.state, OUTBOX.c.trial)
    query = select(*columns, func.count()).group_by(*columns)
    return Counter({tuple(group): n for *group, n in connection.execute(query)})


def counts(engine):
    """Return what is counted by the counters' help, what a plain count says, and whether there are counters."""
    with read_only(engine) as connection:
        return count_messages(connection), plain_count(connection), bool(get_counter(connection, UNTIL))


class History:
    """Messages to which what happens in a shop happens in a random order, over months."""

    def __init__(self, context, seed):
        policy = Policy(retention=RetentionPolicy(message_days=3, evidence_days=6))
        self.random, self.moment, self.made = random.Random(seed), noon(0), 0  # noqa: S311 - its histories are repeatable
        self.context = replace(context, policy=policy)

    @property
    def now(self):
        return self.context.with_run("r", self.moment.date(), self.moment)

    def transaction(self):
        return self.context.engine.begin()

    def ids(self, *which, most=5):
        with read_only(self.context.engine) as connection:
            found = sorted(connection.execute(select(OUTBOX.c.id).where(*which)).scalars())
        return self.random.sample(found, min(most, len(found)))

    def record(self):
        with self.transaction() as connection:
            for _ in range(self.random.randint(1, 8)):
                self.made += 1
                channel, key = self.random.choice(CHANNELS), f"{self.random.getrandbits(64):016x}"
                if channel in (Channel.EMAIL, Channel.SMS):
                    own = {"id": key, "order_id": f"o{self.made}", "channel": channel, "created_at": self.moment}
                    connection.execute(insert(NOTICES).values(NOTICE | own))
                if channel is Channel.X:
                    own = {"id": key, "product_id": f"p{self.made}", "week": iso_week(self.moment.date())}
                    times = dict.fromkeys(("created_at", "changed_at", "calendar_at"), self.moment)
                    connection.execute(insert(POSTS).values(POST | own | times))
                    continue
                state = self.random.choice((State.HELD, State.QUEUED))
                insert_messages(connection, [outbox_row(key, channel, state, self.moment)])

    def settle(self):
        states = (State.SENT, State.SENT, State.SENT, State.REJECTED, State.BOUNCED, State.IN_DOUBT, State.SKIPPED)
        outcomes = [
            DeliveryOutcome(key, self.random.choice(states), trial=self.random.random() < 0.5)
            for key in self.ids(OUTBOX.c.state == State.QUEUED, most=8)
        ]
        with self.transaction() as connection:
            record_outcomes(connection, outcomes, self.moment, WHO, locked=True)

    def settle_a_doubt(self):
        outcomes = [DeliveryOutcome(key, State.SENT) for key in self.ids(OUTBOX.c.state == State.IN_DOUBT)]
        with self.transaction() as connection:
            record_outcomes(connection, outcomes, self.moment, WHO)

    def withdraw_unsent(self):
        with self.transaction() as connection:
            skip_messages(connection, OUTBOX.c.id.in_(self.ids(UNSENT_FILTER)), SkipReason.CHANGED, self.moment)

    def confirm_what_was_asked_yesterday(self):
        with self.transaction() as connection:
            asked = self.moment - timedelta(days=1)
            skip_messages(connection, OUTBOX.c.id.in_(self.ids(UNSENT_FILTER)), SkipReason.CHANGED, asked)

    def release(self):
        with self.transaction() as connection:
            queue_messages(connection, OUTBOX.c.id.in_(self.ids(OUTBOX.c.state == State.HELD)), self.moment)

    def withdraw_the_trial(self):
        with read_only(self.context.engine) as connection:
            orders = sorted(connection.execute(select(NOTICES.c.order_id)).scalars())
        withdraw_trial(self.now, WHO, self.random.sample(orders, len(orders) // 4) if orders else [])

    def go_live(self):
        with self.transaction() as connection:
            connection.execute(LIVE_CHANNELS.delete())
        set_live(self.now, (Channel.EMAIL, Channel.X), WHO)

    def staff_decide(self):
        decide = self.random.choice((approve_request, drop_request, mark_delivered))
        for key in self.ids(OUTBOX.c.channel == VendorChannel.MAIL):
            try:
                decide(self.now, key, WHO)
            except ForewarnError:
                continue

    def approve_posts(self):
        for key in self.posts(PostState.WAITS):
            review_post(self.now, key, self.random.choice((State.QUEUED, State.QUEUED, State.SKIPPED)), WHO)

    def withdraw_posts(self):
        for act in (withdraw_post, reopen_post):
            for key in self.posts(PostState.APPROVED):
                with suppress(PostChanged), self.transaction() as connection:
                    act(self.now, connection, key, Writer(WHO))

    def try_posts_again(self):
        for key in self.posts(PostState.APPROVED, most=5):
            with suppress(PostChanged), self.transaction() as connection:
                connection.execute(update(OUTBOX).where(OUTBOX.c.channel == Channel.X).values(sending_at=self.moment))
                try_again(self.now, connection, key, Channel.X, Writer(WHO))

    def posts(self, state, most=2):
        with read_only(self.context.engine) as connection:
            found = sorted(connection.execute(select(POSTS.c.id).where(POSTS.c.state == state)).scalars())
        return self.random.sample(found, min(most, len(found)))

    def prune(self):
        cutoffs = cutoff_days(self.now.policy.retention, self.now.as_of)
        for kind in PRUNABLE:
            if kind.name in ("notices", "words"):
                prune_records(self.now, cutoffs, kind)

    def count(self):
        start_run(self.now, "prune", self.now.as_of, self.moment)
        assert count_settled(self.context.engine, self.moment)

    def correct_a_clock_that_was_ahead(self):
        start_run(self.now, "late-orders", self.now.as_of, self.moment)
        self.moment -= timedelta(days=3)
        discard_days_ahead(self.now, WHO)

    def run_with_an_earlier_clock(self):
        self.moment -= timedelta(days=2)
        start_run(self.now, "deliver", self.now.as_of, self.moment)

    def go_on(self):
        steps = (
            self.record, self.record, self.settle, self.settle, self.settle_a_doubt, self.withdraw_unsent, self.release,
            self.withdraw_the_trial, self.go_live, self.staff_decide, self.approve_posts, self.withdraw_posts,
            self.try_posts_again, self.prune, self.count,
            self.confirm_what_was_asked_yesterday, self.correct_a_clock_that_was_ahead, self.run_with_an_earlier_clock,
        )  # fmt: skip
        weights = [1 if step.__name__.startswith(("correct", "run_with", "confirm")) else 4 for step in steps]
        (step,) = self.random.choices(steps, weights)
        step()
        self.moment += timedelta(hours=self.random.choice((0, 1, 5, 12, 30)))
        return step.__name__


@pytest.mark.parametrize("seed", range(4))
def test_after_any_history_the_counts_are_a_plain_count(context, seed):
    history, done, with_counters = History(context, seed), [], 0
    for _ in range(200):
        done.append(history.go_on())
        counted, plain, has_counters = counts(context.engine)
        assert counted == plain, done[-10:]
        with_counters += has_counters
    assert with_counters > 50, "most steps are counted by the counters' help"


def settled(context, n, moment):
    rows = [
        outbox_row(f"{key:02}", Channel.EMAIL, State.SENT, moment, settled_at=moment, trial=True) for key in range(n)
    ]
    with context.engine.begin() as connection:
        insert_messages(connection, rows)


@contextmanager
def after_each_transaction(context, work, most):
    """Do some work, up to `most` times, each time when a connection was given back."""
    done, working = [], []

    def when_given_back(*_):
        if working or len(done) >= most:
            return
        working.append(True)
        work()
        done.append(True)
        working.clear()

    event.listen(context.engine, "checkin", when_given_back)
    yield done
    event.remove(context.engine, "checkin", when_given_back)


def skip_some(context):
    with context.engine.begin() as connection:
        some = and_(OUTBOX.c.id < "04", OUTBOX.c.state == State.SENT)
        uncount_settled(connection, some)
        skip_messages(connection, some, SkipReason.TRIAL, noon(1))


def test_a_change_while_messages_are_counted_has_them_counted_again(context):
    settled(context, 9, noon(0))
    with after_each_transaction(context, lambda: skip_some(context), most=1) as done:
        assert count_settled(context.engine, noon(1))
    assert done
    counted, plain, has_counters = counts(context.engine)
    assert has_counters
    assert counted == plain == {("email", "sent", True): 5, ("email", "skipped", True): 4}


def test_what_keeps_changing_while_it_is_counted_keeps_its_earlier_counts(context):
    settled(context, 9, noon(0))
    assert count_settled(context.engine, noon(1))
    with after_each_transaction(context, lambda: skip_some(context), most=1000) as done:
        assert not count_settled(context.engine, noon(2))
    assert len(done) > 1
    counted, plain, has_counters = counts(context.engine)
    assert has_counters
    assert counted == plain == {("email", "sent", True): 5, ("email", "skipped", True): 4}


@pytest.mark.parametrize("earlier", [timedelta(0), timedelta(microseconds=1)])
def test_what_was_settled_exactly_at_the_counted_moment_is_counted_once(context, earlier):
    settled(context, 3, noon(0) - MARGIN - earlier)
    assert count_settled(context.engine, noon(0))
    counted, plain, _ = counts(context.engine)
    assert counted == plain == {("email", "sent", True): 3}
