"""Go live: tell anew what left in a trial only, or leave it untold on purpose; a channel is live from then on.

A trial's notices count as told while it lasts, so that no run repeats them. When the shop goes live they count no more.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import islice

from sqlalchemy import Connection, and_, func, or_, select, update

from models.enums import Channel, Skip, State
from models.orders import OrderFacts, Told
from models.purchasing import By, VendorAnswer
from rules.delays.evaluate import judge, told_by
from rules.delays.schedule import next_look
from rules.going_live import Rollout, RolloutFilter
from tasks.context import Desk
from tasks.db.counters import move, put, tally
from tasks.db.events import happened
from tasks.db.sql import Turn, alone, among, in_order, insert, reading
from tasks.delivery.queue import FORGET
from tasks.guardrails.check import SUPERVISED
from tasks.notices.decide import Decided, decide
from tasks.notices.evaluate import Looked, record_page
from tasks.notices.told_state import retell
from tasks.notices.watch_state import moved, watch
from tasks.offers.budget import open_purse
from tasks.offers.substitute_stock import Shelves
from tasks.orders.queries import Watched, named, placed
from tasks.orders.told import told_to_customers
from tasks.posts.compose import iso_week
from tasks.runs.records import HELD, Now
from tasks.tables import LIVE, NOTICES, POSTS, PURCHASED, REQUESTS, RUNS

PAGE = 500
REAL = and_(
    NOTICES.c.state.in_((State.SENDING, State.SENT, State.DELIVERED, State.IN_DOUBT)), NOTICES.c.trial.is_(False)
)
"""The SQL of a notice that a customer has, or may have."""
TRIED = or_(
    NOTICES.c.state.in_((State.HELD, State.QUEUED, State.CLAIMED)),
    and_(NOTICES.c.state == State.SENT, NOTICES.c.trial.is_(True)),
)
"""The SQL of a notice that ends with a trial: one that left in it, or still waits."""


def live_channels(connection: Connection) -> set[Channel]:
    """Return the channels that somebody let go live."""
    return {Channel(name) for name in connection.execute(select(LIVE.c.channel)).scalars()}


def trial_notices(connection: Connection) -> int:
    """Return how many notices count as told and left in a trial only."""
    told = and_(NOTICES.c.state == State.SENT, NOTICES.c.trial.is_(True))
    return connection.execute(select(func.count()).select_from(NOTICES).where(told)).scalar_one()


def supervise(connection: Connection, now: datetime, who: str, *, on: bool) -> None:
    """Let every run's notices wait for a person from now on, or no more."""
    put(connection, SUPERVISED, int(on))
    happened(connection, [("supervision_on" if on else "supervision_off", SUPERVISED, "")], now, who)


def is_supervised(connection: Connection) -> bool:
    """Say whether every run's notices wait for a person."""
    return tally(connection, SUPERVISED) == 1


def plan_rollout(
    desk: Desk, now: Now, which: RolloutFilter, *, batch: int = PAGE, progress: Callable[[int], None] = lambda _: None
) -> Rollout:
    """Find what going live would tell, by what customers really got so far; write nothing."""
    rollout, shelves, looked = Rollout(), Shelves(whole=True), 0
    with reading(desk.engine) as connection:
        purse = open_purse(connection, now, desk.policy)
        for page in _pages(desk, connection, now, batch):
            for one in decide(desk, now, connection, page, shelves, purse):
                if one.plan is not None:
                    rollout.add(one.plan, which)
            looked += len(page)
            progress(looked)
    return rollout


def _pages(desk: Desk, connection: Connection, now: Now, batch: int) -> Iterator[Sequence[Watched]]:
    after = ""
    while page := placed(desk, connection, now.as_of, after, batch):
        after = page[-1].order.id
        yield _as_really_told(connection, page)


def _as_really_told(connection: Connection, page: Sequence[Watched]) -> list[Watched]:
    """Return orders with what reached their customers, as if there had been no trial."""
    told = told_to_customers(connection, [one.order for one in page], REAL)

    def really(order: OrderFacts) -> Told | None:
        return order.told if order.told and order.told.assumed else told.get(order.id)

    return [replace(one, order=replace(one.order, told=really(one.order))) for one in page]


def withdraw_trial(desk: Desk, now: Now, who: str, orders: Sequence[str] | None = None) -> int:
    """End the trial's notices of some orders, or of all; return how many. What really reached customers counts again.

    Each page is a transaction. Safe to repeat.
    """
    ended = 0
    for page in _batched(_tried_orders(desk) if orders is None else orders, PAGE):
        with desk.engine.begin() as connection:
            alone(connection, Turn.JUDGE)
            mine = and_(among(connection, NOTICES.c.order_id, page), TRIED)
            gone = (
                update(NOTICES)
                .where(in_order(connection, NOTICES.c.id, mine))
                .values(**FORGET, state=State.SKIPPED, reason=Skip.TRIAL, settled_at=now.moment)
                .returning(NOTICES.c.id, NOTICES.c.order_id, NOTICES.c.run_id)
            )
            rows = connection.execute(gone).all()
            touched = {row.order_id for row in rows}
            retell(connection, touched, touched, now.as_of)
            _end_held_runs(connection, {row.run_id for row in rows})
            happened(connection, [(Skip.TRIAL, row.id, "the trial is over") for row in rows], now.moment, who)
            ended += len(rows)
    return ended


def _tried_orders(desk: Desk) -> list[str]:
    with reading(desk.engine) as connection:
        query = select(NOTICES.c.order_id).where(TRIED).distinct().order_by(NOTICES.c.order_id)
        return list(connection.execute(query).scalars())


def _end_held_runs(connection: Connection, runs: set[str]) -> None:
    """Let no run wait whose last notice was withdrawn; one that is held for its facts has none, and still waits."""
    held = select(NOTICES.c.id).where(NOTICES.c.run_id == RUNS.c.id, NOTICES.c.state == State.HELD)
    over = and_(among(connection, RUNS.c.id, runs), RUNS.c.state == HELD, ~held.exists())
    connection.execute(update(RUNS).where(over).values(state="dropped"))


def leave_untold(desk: Desk, now: Now, who: str, orders: Sequence[str]) -> int:
    """Take delays as known without telling them; return how many. The next change of one is told as a first notice."""
    left = 0
    for page in _batched(orders, PAGE):
        with desk.engine.begin() as connection:
            found = _judged(desk, connection, now, page)
            decided = [one for one, _ in found]
            watch(desk, connection, decided)
            move(connection, moved(decided))
            happened(connection, [("left_untold", one.watched.order.id, why) for one, why in found], now.moment, who)
            left += len(found)
    return left


def _judged(desk: Desk, connection: Connection, now: Now, page: Sequence[str]) -> list[tuple[Decided, str]]:
    found = []
    for one in named(desk, connection, page):
        verdict = judge(one.order, now.as_of, desk.policy, desk.calendar)
        if verdict.plan is None:
            continue
        told = replace(told_by(verdict.plan, desk.policy), assumed=True)
        known = replace(one, order=replace(one.order, told=told, revision=verdict.plan.revision), told=told)
        look = next_look(known.order, told, now.as_of, desk.policy, desk.calendar)
        found.append((Decided(known, replace(verdict, plan=None, look_again_on=look)), verdict.plan.why))
    return found


def tell(
    desk: Desk, now: Now, orders: Sequence[str], *, hold: bool, progress: Callable[[int], None] = lambda _: None
) -> Looked:
    """Record the notices of orders in this run and let them leave, or stay held for a person.

    No guardrail judges them: a person saw how many there are. Raises Contended where an order changes all the time.
    """
    looked, shelves = Looked(), Shelves()
    for page in _batched(orders, PAGE):
        looked.add(record_page(desk, now, shelves, partial(named, desk, ids=page)))
        progress(looked.orders)
    if not hold:
        with desk.engine.begin() as connection:
            mine = and_(NOTICES.c.run_id == now.run, NOTICES.c.state == State.HELD)
            connection.execute(
                update(NOTICES).where(in_order(connection, NOTICES.c.id, mine)).values(state=State.QUEUED)
            )
    return looked


def set_live(desk: Desk, now: Now, channels: Collection[Channel], who: str) -> None:
    """Let channels reach customers from now on.

    This week's posts of the trial wait for approval once more, and lines that vendors' mails named in it are asked for
    by the next run.
    """
    names = sorted(str(channel) for channel in channels)
    rows = [{"channel": name, "live_at": now.moment, "who": who} for name in names]
    with desk.engine.begin() as connection:
        connection.execute(insert(connection, LIVE).on_conflict_do_nothing(), rows)
        happened(connection, [("live", name, "") for name in names], now.moment, who)
        if Channel.X in channels:
            tried = and_(POSTS.c.trial.is_(True), POSTS.c.state == State.SENT, POSTS.c.week == iso_week(now.as_of))
            connection.execute(update(POSTS).where(tried).values(state=State.HELD, trial=False, settled_at=None))
        if Channel.EMAIL in channels:
            _ask_vendors_anew(connection, now)


def _ask_vendors_anew(connection: Connection, now: Now) -> None:
    tried = and_(REQUESTS.c.trial.is_(True), REQUESTS.c.state == State.SENT, REQUESTS.c.channel == By.MAIL)
    ended = update(REQUESTS).where(tried).values(state=State.SKIPPED, reason=Skip.TRIAL, settled_at=now.moment)
    keys = list(connection.execute(ended.returning(REQUESTS.c.id)).scalars())
    lines = and_(among(connection, PURCHASED.c.request_id, keys), PURCHASED.c.answer.is_(None))
    connection.execute(update(PURCHASED).where(lines).values(answer=VendorAnswer.ASK_AGAIN))


def _batched(ids: Iterable[str], size: int) -> Iterator[list[str]]:
    rest = iter(ids)
    while page := list(islice(rest, size)):
        yield page
