"""Go live: end the trial, record notices for the delays told now, leave old ones untold, and mark channels as live.

Notices of a trial count as told while it lasts, so that no run repeats them. Going live withdraws them.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, and_, func, or_, select, update

from models.batches import batched
from models.enums import NETWORKS, Channel, SkipReason, State
from models.orders import LastNotice
from models.purchasing import VendorChannel, VendorResponse
from rules.delays.assess import assess_order, last_notice_after
from rules.delays.schedule import next_check_date
from rules.going_live import Rollout, RolloutFilter
from tasks.context import Context
from tasks.db.counters import SUPERVISED, add_to_counters, set_counter
from tasks.db.events import record_events
from tasks.db.outbox import UNSENT_FILTER, queue_messages, skip_messages
from tasks.db.settled_counts import uncount_settled
from tasks.db.sql import AdvisoryLock, in_list, insert, lock, read_only
from tasks.guardrails.check import held_by, messages_of
from tasks.notices.decide import OrderDecision, decide_orders
from tasks.notices.evaluate import evaluate_orders
from tasks.notices.summary import EvaluationSummary
from tasks.notices.watch_state import bucket_deltas, store_baselines, update_watches
from tasks.offers.budget import load_budget
from tasks.offers.substitute_stock import SubstituteStock
from tasks.orders.due import mark_due
from tasks.orders.order_rows import WatchedOrder
from tasks.orders.queries import get_orders, list_orders
from tasks.orders.told import LEFT_STATES, NOTICES_WITH_STATE, load_told
from tasks.posts.trial import wait_again
from tasks.runs.records import HELD
from tasks.tables import LIVE_CHANNELS, NOTICES, OUTBOX, PURCHASE_LINES, RUNS

PAGE_SIZE = 500
LIVE_NOTICE_FILTER = and_(OUTBOX.c.state.in_(LEFT_STATES), OUTBOX.c.trial.is_(False))
"""Notices that a customer has received, or may have."""
SENT_IN_TRIAL_FILTER = and_(OUTBOX.c.state == State.SENT, OUTBOX.c.trial.is_(True))
TRIAL_NOTICE_FILTER = or_(UNSENT_FILTER, SENT_IN_TRIAL_FILTER)
"""Notices that end with a trial: those sent in it, and those still waiting."""


def live_channels(connection: Connection) -> set[Channel]:
    """Return the channels whose messages reach customers."""
    return {Channel(name) for name in connection.execute(select(LIVE_CHANNELS.c.channel)).scalars()}


def count_trial_notices(connection: Connection) -> int:
    """Return how many notices count as told and were sent in a trial."""
    sent_in_trial = select(func.count()).select_from(NOTICES_WITH_STATE).where(SENT_IN_TRIAL_FILTER)
    return connection.execute(sent_in_trial).scalar_one()


def set_supervision(connection: Connection, now: datetime, who: str, *, on: bool) -> None:
    """Turn supervision on or off: while it is on, a person releases every run's notices."""
    set_counter(connection, SUPERVISED, int(on))
    record_events(connection, [("supervision_on" if on else "supervision_off", SUPERVISED, "")], now, who)


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
        yield _with_live_notices(context, connection, page)


def _with_live_notices(context: Context, connection: Connection, page: Sequence[WatchedOrder]) -> list[WatchedOrder]:
    """Return the orders with the notices that have left outside the trial."""
    customers = {one.order.id: (one.order.customer.id, one.order.customer.email) for one in page if one.order.revision}
    told = load_told(context, connection, customers, LIVE_NOTICE_FILTER)
    return [one.with_only(told.get(one.order.id, ())) for one in page]


def withdraw_trial(context: Context, who: str, orders: Sequence[str] | None = None) -> int:
    """Skip the trial's notices of these orders, or of all; return how many. The last live notice counts again.

    Each page is a transaction. Safe to repeat.
    """
    withdrawn = 0
    for page in batched(_orders_in_trial(context) if orders is None else orders, PAGE_SIZE):
        with context.engine.begin() as connection:
            lock(connection, AdvisoryLock.GUARDRAILS)
            notices = select(NOTICES.c.id).where(in_list(connection, NOTICES.c.order_id, page))
            in_trial = and_(OUTBOX.c.id.in_(notices), TRIAL_NOTICE_FILTER)
            uncount_settled(connection, in_trial)
            skipped = skip_messages(connection, in_trial, SkipReason.TRIAL, context.started_at)
            about = select(NOTICES.c.id, NOTICES.c.order_id, NOTICES.c.run_id)
            rows = connection.execute(about.where(in_list(connection, NOTICES.c.id, skipped))).all()
            mark_due(connection, {row.order_id for row in rows}, context.as_of)
            _end_held_runs(connection, {row.run_id for row in rows})
            record_events(
                connection, [(SkipReason.TRIAL, row.id, "the trial is over") for row in rows], context.started_at, who
            )
            withdrawn += len(rows)
    return withdrawn


def _orders_in_trial(context: Context) -> list[str]:
    with read_only(context.engine) as connection:
        orders = select(NOTICES.c.order_id).select_from(NOTICES_WITH_STATE).where(TRIAL_NOTICE_FILTER)
        query = orders.distinct().order_by(NOTICES.c.order_id)
        return list(connection.execute(query).scalars())


def _end_held_runs(connection: Connection, runs: set[str]) -> None:
    """Drop held runs whose last held notice was withdrawn. A run held for its data has no notices and stays held."""
    held = (
        select(NOTICES.c.id)
        .select_from(NOTICES_WITH_STATE)
        .where(NOTICES.c.run_id == RUNS.c.id, OUTBOX.c.state == State.HELD)
        .correlate(RUNS)
    )
    empty = and_(in_list(connection, RUNS.c.id, runs), RUNS.c.state == HELD, ~held.exists())
    connection.execute(update(RUNS).where(empty).values(state="dropped"))


def leave_delays_untold(context: Context, who: str, orders: Sequence[str]) -> int:
    """Record delays as known without a notice; return how many. A later change gets a first notice."""
    untold = 0
    for page in batched(orders, PAGE_SIZE):
        with context.engine.begin() as connection:
            decisions = _decide_untold(context, connection, page)
            watched = [decision for decision, *_ in decisions]
            update_watches(connection, watched)
            store_baselines(connection, {one.watched.order.id: told for one, told, _ in decisions})
            add_to_counters(connection, bucket_deltas(watched))
            record_events(
                connection,
                [("left_untold", decision.watched.order.id, why) for decision, _, why in decisions],
                context.started_at,
                who,
            )
            untold += len(decisions)
    return untold


def _decide_untold(
    context: Context, connection: Connection, page: Sequence[str]
) -> list[tuple[OrderDecision, LastNotice, str]]:
    """Return for each order with a delay to tell the decision to leave it untold, what is left untold, and why."""
    decisions = []
    for watched in get_orders(context, connection, page):
        assessment = assess_order(watched.order, context.as_of, context.policy, context.calendar)
        if (plan := assessment.plan) is None:
            continue
        told = replace(last_notice_after(plan, context.policy), assumed=True)
        known = replace(watched, order=replace(watched.order, told=told, revision=plan.revision))
        next_check_on = next_check_date(known.order, told, context.as_of, context.policy, context.calendar)
        untold = replace(assessment, plan=None, next_check_on=next_check_on)
        decisions.append((OrderDecision(known, untold), told, plan.why))
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
            queue_messages(connection, messages_of(held_by([context.run_id])))
    return summary


def set_live(context: Context, channels: Collection[Channel], who: str) -> None:
    """Mark channels as live: their messages reach customers from now on.

    This week's posts of the trial, and those that are still to come, wait for approval again. Purchase lines that were
    mailed in the trial are requested again by the next run.
    """
    names = sorted(str(channel) for channel in channels)
    rows = [{"channel": name, "live_at": context.started_at, "who": who} for name in names]
    with context.engine.begin() as connection:
        was_live = live_channels(connection)
        connection.execute(insert(connection, LIVE_CHANNELS).on_conflict_do_nothing(), rows)
        record_events(connection, [("live", name, "") for name in names], context.started_at, who)
        if networks := [channel for channel in channels if channel in NETWORKS and channel not in was_live]:
            wait_again(connection, context, networks)
        if Channel.EMAIL in channels:
            _reopen_purchase_lines(connection, context)


def _reopen_purchase_lines(connection: Connection, context: Context) -> None:
    tried = and_(SENT_IN_TRIAL_FILTER, OUTBOX.c.channel == VendorChannel.MAIL)
    uncount_settled(connection, tried)
    keys = skip_messages(connection, tried, SkipReason.TRIAL, context.started_at)
    lines = and_(in_list(connection, PURCHASE_LINES.c.request_id, keys), PURCHASE_LINES.c.response.is_(None))
    connection.execute(update(PURCHASE_LINES).where(lines).values(response=VendorResponse.ASK_AGAIN))
