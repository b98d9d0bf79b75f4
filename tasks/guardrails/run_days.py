"""Which days may be run: none before the last one, and none that only a wrong clock would name."""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, and_, func, select, update

from models.enums import SkipReason, State
from models.errors import ForewarnError
from tasks.context import Context
from tasks.db.events import record_events
from tasks.delivery.queue import CLEAR_LEASE
from tasks.notices.told_state import restore_told_state
from tasks.runs.records import DISCARDED, EPOCH, check_not_before, last_run_date, latest_run
from tasks.tables import NOTICES, ORDERS, RUNS, WATCHES


class ClockAhead(ForewarnError):
    """Raised where the clock is far ahead of everything the ledger knows."""


def check_not_before_last(context: Context, flow: str, as_of: date) -> None:
    """Refuse a day before the last one that a flow was run for; raises ForewarnError."""
    if (last := latest_run(context.engine, flow)) is not None:
        check_not_before(flow, last["as_of"], as_of, "give that day, or a later one")


def check_clock(context: Context, as_of: date) -> None:
    """Refuse today, as the clock has it, where the last run was too long ago; raises ClockAhead.

    A person who names the day by `--as-of` says that the clock is right.
    """
    before, most = last_run_date(context.engine), context.policy.guardrails.max_days_ahead
    if most and before != EPOCH and as_of - before > timedelta(days=most):
        raise ClockAhead(
            f"the clock says {as_of}, and the last run was for {before}; "
            f"if the clock is right, run once with --as-of {as_of}"
        )


def check_data_date(context: Context) -> None:
    """Refuse today, as the clock has it, where the newest order is too old; raises ClockAhead.

    What an import marked for that day is due on the day of the newest order instead, so that a mended clock finds it.
    """
    most = context.policy.guardrails.max_days_ahead
    with context.engine.begin() as connection:
        newest = context.day(connection.execute(select(func.max(ORDERS.c.placed_at))).scalar())
        if not most or newest is None or context.as_of - newest <= timedelta(days=most):
            return
        marked = update(WATCHES).where(WATCHES.c.next_check_on == context.as_of)
        connection.execute(marked.values(next_check_on=newest))
    raise ClockAhead(
        f"the clock says {context.as_of}, and the newest order was placed on {newest}; "
        f"if the clock is right, run once with --as-of {context.as_of}"
    )


@dataclass(frozen=True, slots=True)
class DiscardedDays:
    """What was put right after runs of days that have not come."""

    runs: int
    orders: int


def discard_days_ahead(context: Context, who: str) -> DiscardedDays:
    """Let runs of days after today count no more, and every order be due today; return how many.

    What was told on those days counts as told today: it left, whatever the clock said. What only waits since then is
    skipped as superseded: it would wait until those days come. Its orders are judged anew.
    """
    with context.engine.begin() as connection:
        runs = _discard_runs(connection, context.as_of)
        if not runs:
            return DiscardedDays(0, 0)
        waiting = _end_waiting(connection, context)
        connection.execute(update(WATCHES).where(WATCHES.c.told_on > context.as_of).values(told_on=context.as_of))
        connection.execute(update(NOTICES).where(NOTICES.c.told_on > context.as_of).values(told_on=context.as_of))
        restore_told_state(connection, waiting, waiting, context.as_of)
        due = update(WATCHES).where(WATCHES.c.next_check_on > context.as_of)
        others = connection.execute(due.values(next_check_on=context.as_of, version=WATCHES.c.version + 1)).rowcount
        record_events(
            connection,
            [(DISCARDED, key, f"its day was after {context.as_of}") for key in runs],
            context.started_at,
            who,
        )
    return DiscardedDays(len(runs), len(waiting) + others)


def _end_waiting(connection: Connection, context: Context) -> set[str]:
    ahead = and_(NOTICES.c.told_on > context.as_of, NOTICES.c.state.in_((State.HELD, State.QUEUED, State.CLAIMED)))
    ended = {**CLEAR_LEASE, "state": State.SKIPPED, "reason": SkipReason.SUPERSEDED, "settled_at": context.started_at}
    over = update(NOTICES).where(ahead).values(**ended).returning(NOTICES.c.order_id)
    return set(connection.execute(over).scalars())


def _discard_runs(connection: Connection, today: date) -> list[str]:
    ahead = update(RUNS).where(RUNS.c.as_of > today).values(state=DISCARDED)
    return list(connection.execute(ahead.returning(RUNS.c.id)).scalars())
