"""Go live: end the trial, record notices for the delays told now, leave old ones untold, and mark channels as live.

Notices of a trial count as told while it lasts, so that no run repeats them. Going live withdraws them.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, and_, func, or_, select, update

from models.batches import batched
from models.enums import Channel, SkipReason, State
from models.orders import LastNotice, OrderFacts
from models.purchasing import VendorChannel, VendorResponse
from rules.delays.assess import assess_order, last_notice_after
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
"""Notices that a customer has received, or may have."""
TRIAL_NOTICE_FILTER = or_(
    NOTICES.c.state.in_((State.HELD, State.QUEUED, State.CLAIMED)),
    and_(NOTICES.c.state == State.SENT, NOTICES.c.trial.is_(True)),
)
"""Notices that end with a trial: those sent in it, and those still waiting."""


def live_channels(connection: Connection) -> set[Channel]:
    """Return the channels whose messages reach customers."""
    return {Channel(name) for name in connection.execute(select(LIVE_CHANNELS.c.channel)).scalars()}


def count_trial_notices(connection: Connection) -> int:
    """Return how many notices count as told and were sent in a trial."""
    sent_in_trial = and_(NOTICES.c.state == State.SENT, NOTICES.c.trial.is_(True))
    return connection.execute(select(func.count()).select_from(NOTICES).where(sent_in_trial)).scalar_one()


def set_supervision(connection: Connection, now: datetime, who: str, *, on: bool) -> None:
    """Turn supervision on or off: while it is on, a person releases every run's notices."""
    set_counter(connection, SUPERVISED, int(on))
    record_events(connection, [("supervision_on" if on else "supervision_off", SUPERVISED, "")], now, who)


def is_supervised(connection: Connection) -> bool:
    """Return whether supervision is on."""
    return get_counter(connection, SUPERVISED) == 1


def plan_rollout(
    context: Context, which: RolloutFilter, *, batch: int = PAGE_SIZE, progress: Callable[[int], None] = lambda _: None
) -> Rollout:
    """Find what going live would tell, given what customers have really received; write nothing."""
    rollout, substitutes, orders_checked = Rollout(), SubstituteStock(all_orders=True), 0
    with read_only(context.engine) as connection:
        budget = load_budget(connection, context, context.policy)
        for page in _pages(context, connection, batch):
            for decision in decide_orders(context, connection, page, substitutes, budget):
                if decision.plan is not None:
                    rollout.add(decision.plan, which)
            orders_checked += len(page)
            progress(orders_checked)
    return rollout


def _pages(context: Context, connection: Connection, batch: int) -> Iterator[Sequence[WatchedOrder]]:
    after = ""
    while page := list_orders(context, connection, context.as_of, after, batch):
        after = page[-1].order.id
        yield _with_live_notices(connection, page)


def _with_live_notices(connection: Connection, page: Sequence[WatchedOrder]) -> list[WatchedOrder]:
    """Return the orders with their last notice outside the trial."""
    told = told_to_customers(connection, [one.order for one in page], LIVE_NOTICE_FILTER)

    def last_live_notice(order: OrderFacts) -> LastNotice | None:
        return order.told if order.told and order.told.assumed else told.get(order.id)

    return [replace(one, order=replace(one.order, told=last_live_notice(one.order))) for one in page]


def withdraw_trial(context: Context, who: str, orders: Sequence[str] | None = None) -> int:
    """Skip the trial's notices of these orders, or of all; return how many. The last live notice counts again.

    Each page is a transaction. Safe to repeat.
    """
    withdrawn = 0
    for page in batched(_orders_in_trial(context) if orders is None else orders, PAGE_SIZE):
        with context.engine.begin() as connection:
            lock(connection, AdvisoryLock.GUARDRAILS)
            in_trial = and_(in_list(connection, NOTICES.c.order_id, page), TRIAL_NOTICE_FILTER)
            skipped = (
                update(NOTICES)
                .where(lock_ordered(connection, NOTICES.c.id, in_trial))
                .values(**CLEAR_LEASE, state=State.SKIPPED, reason=SkipReason.TRIAL, settled_at=context.started_at)
                .returning(NOTICES.c.id, NOTICES.c.order_id, NOTICES.c.run_id)
            )
            rows = connection.execute(skipped).all()
            orders_changed = {row.order_id for row in rows}
            restore_told_state(connection, orders_changed, orders_changed, context.as_of)
            _end_held_runs(connection, {row.run_id for row in rows})
            record_events(
                connection, [(SkipReason.TRIAL, row.id, "the trial is over") for row in rows], context.started_at, who
            )
            withdrawn += len(rows)
    return withdrawn


def _orders_in_trial(context: Context) -> list[str]:
    with read_only(context.engine) as connection:
        query = select(NOTICES.c.order_id).where(TRIAL_NOTICE_FILTER).distinct().order_by(NOTICES.c.order_id)
        return list(connection.execute(query).scalars())


def _end_held_runs(connection: Connection, runs: set[str]) -> None:
    """Drop held runs whose last held notice was withdrawn. A run held for its data has no notices and stays held."""
    held = select(NOTICES.c.id).where(NOTICES.c.run_id == RUNS.c.id, NOTICES.c.state == State.HELD)
    empty = and_(in_list(connection, RUNS.c.id, runs), RUNS.c.state == HELD, ~held.exists())
    connection.execute(update(RUNS).where(empty).values(state="dropped"))


def leave_delays_untold(context: Context, who: str, orders: Sequence[str]) -> int:
    """Record delays as known without a notice; return how many. A later change gets a first notice."""
    untold = 0
    for page in batched(orders, PAGE_SIZE):
        with context.engine.begin() as connection:
            decisions = _decide_untold(context, connection, page)
            watched = [decision for decision, _ in decisions]
            update_watches(context, connection, watched)
            add_to_counters(connection, bucket_deltas(watched))
            record_events(
                connection,
                [("left_untold", decision.watched.order.id, why) for decision, why in decisions],
                context.started_at,
                who,
            )
            untold += len(decisions)
    return untold


def _decide_untold(context: Context, connection: Connection, page: Sequence[str]) -> list[tuple[OrderDecision, str]]:
    """Return, for each order with a delay to tell, the decision to leave it untold, and why it would be told."""
    decisions = []
    for watched in get_orders(context, connection, page):
        assessment = assess_order(watched.order, context.as_of, context.policy, context.calendar)
        if (plan := assessment.plan) is None:
            continue
        told = replace(last_notice_after(plan, context.policy), assumed=True)
        known = replace(watched, order=replace(watched.order, told=told, revision=plan.revision), told=told)
        next_check_on = next_check_date(known.order, told, context.as_of, context.policy, context.calendar)
        untold = replace(assessment, plan=None, next_check_on=next_check_on)
        decisions.append((OrderDecision(known, untold), plan.why))
    return decisions


def record_delays(
    context: Context, orders: Sequence[str], *, hold: bool, progress: Callable[[int], None] = lambda _: None
) -> EvaluationSummary:
    """Record the notices of orders in this run, and queue them unless they are to be held for a person.

    The guardrails do not check them, because a person has confirmed their number. Raises WriteConflict when an order
    keeps changing.
    """
    summary, substitutes = EvaluationSummary(), SubstituteStock()
    for page in batched(orders, PAGE_SIZE):
        summary.add(evaluate_orders(context, substitutes, page))
        progress(summary.orders)
    if not hold:
        with context.engine.begin() as connection:
            held = and_(NOTICES.c.run_id == context.run_id, NOTICES.c.state == State.HELD)
            connection.execute(
                update(NOTICES).where(lock_ordered(connection, NOTICES.c.id, held)).values(state=State.QUEUED)
            )
    return summary


def set_live(context: Context, channels: Collection[Channel], who: str) -> None:
    """Mark channels as live: their messages reach customers from now on.

    This week's posts of the trial wait for approval again, and purchase lines that were mailed in the trial are
    requested again by the next run.
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
