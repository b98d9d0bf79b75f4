"""Go live: tell anew what left in a trial only, or leave it untold on purpose; a channel is live from then on.

A trial's notices count as told while it lasts, so that no run repeats them. When the shop goes live they count no more.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, and_, func, or_, select, update

from models.batches import batched
from models.enums import Channel, SkipReason, State
from models.orders import LastNotice, OrderFacts
from models.purchasing import VendorChannel, VendorResponse
from rules.delays.evaluate import assess_order, last_notice_after
from rules.delays.schedule import next_check_date
from rules.going_live import Rollout, RolloutFilter
from tasks.context import Context
from tasks.db.counters import add_to_counters, get_counter, set_counter
from tasks.db.events import record_events
from tasks.db.sql import AdvisoryLock, in_list, insert, lock, lock_ordered, read_only
from tasks.delivery.queue import CLEAR_LEASE
from tasks.guardrails.check import SUPERVISED
from tasks.notices.decide import OrderDecision, decide_orders
from tasks.notices.evaluate import evaluate_orders
from tasks.notices.summary import EvaluationSummary
from tasks.notices.told_state import restore_told_state
from tasks.notices.watch_state import bucket_deltas, update_watches
from tasks.offers.budget import load_budget
from tasks.offers.substitute_stock import SubstituteStock
from tasks.orders.order_rows import WatchedOrder
from tasks.orders.queries import get_orders, list_orders
from tasks.orders.told import told_to_customers
from tasks.posts.compose import iso_week
from tasks.runs.records import HELD
from tasks.tables import LIVE_CHANNELS, NOTICES, POSTS, PURCHASE_LINES, PURCHASE_REQUESTS, RUNS

PAGE_SIZE = 500
LIVE_NOTICE_FILTER = and_(
    NOTICES.c.state.in_((State.SENDING, State.SENT, State.DELIVERED, State.IN_DOUBT)), NOTICES.c.trial.is_(False)
)
"""The SQL of a notice that a customer has, or may have."""
TRIAL_NOTICE_FILTER = or_(
    NOTICES.c.state.in_((State.HELD, State.QUEUED, State.CLAIMED)),
    and_(NOTICES.c.state == State.SENT, NOTICES.c.trial.is_(True)),
)
"""The SQL of a notice that ends with a trial: one that left in it, or still waits."""


def live_channels(connection: Connection) -> set[Channel]:
    """Return the channels that somebody let go live."""
    return {Channel(name) for name in connection.execute(select(LIVE_CHANNELS.c.channel)).scalars()}


def count_trial_notices(connection: Connection) -> int:
    """Return how many notices count as told and left in a trial only."""
    told = and_(NOTICES.c.state == State.SENT, NOTICES.c.trial.is_(True))
    return connection.execute(select(func.count()).select_from(NOTICES).where(told)).scalar_one()


def set_supervision(connection: Connection, now: datetime, who: str, *, on: bool) -> None:
    """Let every run's notices wait for a person from now on, or no more."""
    set_counter(connection, SUPERVISED, int(on))
    record_events(connection, [("supervision_on" if on else "supervision_off", SUPERVISED, "")], now, who)


def is_supervised(connection: Connection) -> bool:
    """Say whether every run's notices wait for a person."""
    return get_counter(connection, SUPERVISED) == 1


def plan_rollout(
    context: Context, which: RolloutFilter, *, batch: int = PAGE_SIZE, progress: Callable[[int], None] = lambda _: None
) -> Rollout:
    """Find what going live would tell, by what customers really got so far; write nothing."""
    rollout, shelves, looked = Rollout(), SubstituteStock(all_orders=True), 0
    with read_only(context.engine) as connection:
        purse = load_budget(connection, context, context.policy)
        for page in _pages(context, connection, batch):
            for one in decide_orders(context, connection, page, shelves, purse):
                if one.plan is not None:
                    rollout.add(one.plan, which)
            looked += len(page)
            progress(looked)
    return rollout


def _pages(context: Context, connection: Connection, batch: int) -> Iterator[Sequence[WatchedOrder]]:
    after = ""
    while page := list_orders(context, connection, context.as_of, after, batch):
        after = page[-1].order.id
        yield _as_really_told(connection, page)


def _as_really_told(connection: Connection, page: Sequence[WatchedOrder]) -> list[WatchedOrder]:
    """Return orders with what reached their customers, as if there had been no trial."""
    told = told_to_customers(connection, [one.order for one in page], LIVE_NOTICE_FILTER)

    def really(order: OrderFacts) -> LastNotice | None:
        return order.told if order.told and order.told.assumed else told.get(order.id)

    return [replace(one, order=replace(one.order, told=really(one.order))) for one in page]


def withdraw_trial(context: Context, who: str, orders: Sequence[str] | None = None) -> int:
    """End the trial's notices of some orders, or of all; return how many. What really reached customers counts again.

    Each page is a transaction. Safe to repeat.
    """
    ended = 0
    for page in batched(_tried_orders(context) if orders is None else orders, PAGE_SIZE):
        with context.engine.begin() as connection:
            lock(connection, AdvisoryLock.JUDGE)
            mine = and_(in_list(connection, NOTICES.c.order_id, page), TRIAL_NOTICE_FILTER)
            gone = (
                update(NOTICES)
                .where(lock_ordered(connection, NOTICES.c.id, mine))
                .values(**CLEAR_LEASE, state=State.SKIPPED, reason=SkipReason.TRIAL, settled_at=context.started_at)
                .returning(NOTICES.c.id, NOTICES.c.order_id, NOTICES.c.run_id)
            )
            rows = connection.execute(gone).all()
            touched = {row.order_id for row in rows}
            restore_told_state(connection, touched, touched, context.as_of)
            _end_held_runs(connection, {row.run_id for row in rows})
            record_events(
                connection, [(SkipReason.TRIAL, row.id, "the trial is over") for row in rows], context.started_at, who
            )
            ended += len(rows)
    return ended


def _tried_orders(context: Context) -> list[str]:
    with read_only(context.engine) as connection:
        query = select(NOTICES.c.order_id).where(TRIAL_NOTICE_FILTER).distinct().order_by(NOTICES.c.order_id)
        return list(connection.execute(query).scalars())


def _end_held_runs(connection: Connection, runs: set[str]) -> None:
    """Let no run wait whose last notice was withdrawn; one that is held for its facts has none, and still waits."""
    held = select(NOTICES.c.id).where(NOTICES.c.run_id == RUNS.c.id, NOTICES.c.state == State.HELD)
    over = and_(in_list(connection, RUNS.c.id, runs), RUNS.c.state == HELD, ~held.exists())
    connection.execute(update(RUNS).where(over).values(state="dropped"))


def leave_delays_untold(context: Context, who: str, orders: Sequence[str]) -> int:
    """Take delays as known without telling them; return how many. The next change of one is told as a first notice."""
    left = 0
    for page in batched(orders, PAGE_SIZE):
        with context.engine.begin() as connection:
            found = _assess_pages(context, connection, page)
            decided = [one for one, _ in found]
            update_watches(context, connection, decided)
            add_to_counters(connection, bucket_deltas(decided))
            record_events(
                connection, [("left_untold", one.watched.order.id, why) for one, why in found], context.started_at, who
            )
            left += len(found)
    return left


def _assess_pages(context: Context, connection: Connection, page: Sequence[str]) -> list[tuple[OrderDecision, str]]:
    found = []
    for one in get_orders(context, connection, page):
        verdict = assess_order(one.order, context.as_of, context.policy, context.calendar)
        if verdict.plan is None:
            continue
        told = replace(last_notice_after(verdict.plan, context.policy), assumed=True)
        known = replace(one, order=replace(one.order, told=told, revision=verdict.plan.revision), told=told)
        look = next_check_date(known.order, told, context.as_of, context.policy, context.calendar)
        found.append((OrderDecision(known, replace(verdict, plan=None, next_check_on=look)), verdict.plan.why))
    return found


def record_delays(
    context: Context, orders: Sequence[str], *, hold: bool, progress: Callable[[int], None] = lambda _: None
) -> EvaluationSummary:
    """Record the notices of orders in this run and let them leave, or stay held for a person.

    No guardrail judges them: a person saw how many there are. Raises Contended where an order changes all the time.
    """
    looked, shelves = EvaluationSummary(), SubstituteStock()
    for page in batched(orders, PAGE_SIZE):
        looked.add(evaluate_orders(context, shelves, page))
        progress(looked.orders)
    if not hold:
        with context.engine.begin() as connection:
            mine = and_(NOTICES.c.run_id == context.run_id, NOTICES.c.state == State.HELD)
            connection.execute(
                update(NOTICES).where(lock_ordered(connection, NOTICES.c.id, mine)).values(state=State.QUEUED)
            )
    return looked


def set_live(context: Context, channels: Collection[Channel], who: str) -> None:
    """Let channels reach customers from now on.

    This week's posts of the trial wait for approval once more, and lines that vendors' mails named in it are asked for
    by the next run.
    """
    names = sorted(str(channel) for channel in channels)
    rows = [{"channel": name, "live_at": context.started_at, "who": who} for name in names]
    with context.engine.begin() as connection:
        connection.execute(insert(connection, LIVE_CHANNELS).on_conflict_do_nothing(), rows)
        record_events(connection, [("live", name, "") for name in names], context.started_at, who)
        if Channel.X in channels:
            tried = and_(POSTS.c.trial.is_(True), POSTS.c.state == State.SENT, POSTS.c.week == iso_week(context.as_of))
            connection.execute(update(POSTS).where(tried).values(state=State.HELD, trial=False, settled_at=None))
        if Channel.EMAIL in channels:
            _reopen_purchase_lines(connection, context)


def _reopen_purchase_lines(connection: Connection, context: Context) -> None:
    tried = and_(
        PURCHASE_REQUESTS.c.trial.is_(True),
        PURCHASE_REQUESTS.c.state == State.SENT,
        PURCHASE_REQUESTS.c.channel == VendorChannel.MAIL,
    )
    ended = (
        update(PURCHASE_REQUESTS)
        .where(tried)
        .values(state=State.SKIPPED, reason=SkipReason.TRIAL, settled_at=context.started_at)
    )
    keys = list(connection.execute(ended.returning(PURCHASE_REQUESTS.c.id)).scalars())
    lines = and_(in_list(connection, PURCHASE_LINES.c.request_id, keys), PURCHASE_LINES.c.response.is_(None))
    connection.execute(update(PURCHASE_LINES).where(lines).values(response=VendorResponse.ASK_AGAIN))
