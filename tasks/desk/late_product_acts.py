"""Acts on all orders that wait for a late product: a date for all, a reason that customers read, a post."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from models.enums import PostState
from models.errors import ForewarnError
from models.inventory import DateSource
from models.orders import LineKey
from models.posts import Writer
from rules.delays.assess import assess_order
from rules.early_warning.facts import dated_by_staff
from tasks.context import Context
from tasks.db.sql import AdvisoryLock, in_list, lock
from tasks.desk.late_products import LateLine, late_lines
from tasks.inventory.forecast_inputs import load_forecast_inputs
from tasks.inventory.overrides import delete_overrides, save_override
from tasks.orders.queries import get_orders
from tasks.posts.approval import withdraw_post
from tasks.posts.compose import late_products, save_drafts
from tasks.tables import EXPECTED_DATES, POSTS

MOST_LINES = 1_000
"""Lines that one act gives a date; a date for more belongs in the shop's own system."""


class TooMany(ForewarnError):
    """Raised for a product that more lines wait for than one act may change."""


@dataclass(frozen=True, slots=True)
class DateEffect:
    """What a date for all orders of a product does."""

    lines: tuple[LateLine, ...]
    orders: int
    people: int
    told: int
    """People who get a message because of it."""


def find_late_lines(context: Context, connection: Connection, product: str) -> tuple[LateLine, ...]:
    """Return the late lines of a product; raises TooMany."""
    lines = tuple(late_lines(context, connection, [product]))
    if len(lines) > MOST_LINES:
        raise TooMany(f"{len(lines):,} lines wait for it, and at most {MOST_LINES:,} can be given a date here")
    return lines


def preview_date(context: Context, connection: Connection, product: str, day: date) -> DateEffect:
    """Return what a date would do, by the facts as they are; raises TooMany."""
    lines = find_late_lines(context, connection, product)
    keys = {(line.order_id, line.number) for line in lines}
    told = set()
    for watched in get_orders(context, connection, sorted({line.order_id for line in lines})):
        order = watched.order
        dated = tuple(dated_by_staff(line, day) if (order.id, line.number) in keys else line for line in order.lines)
        assessment = assess_order(replace(order, lines=dated), context.as_of, context.policy, context.calendar)
        if assessment.plan is not None and not order.customer.opted_out:
            told.add(order.customer.id)
    people = len({line.customer_id for line in lines})
    return DateEffect(lines, len({line.order_id for line in lines}), people, len(told))


def set_dates(
    context: Context, connection: Connection, lines: Sequence[LateLine], day: date, who: str
) -> list[list[str | None]]:
    """Set the day for lines; return each with the day that staff had set before, as texts that undo reads."""
    keys = [(line.order_id, line.number) for line in lines]
    before = _staff_dates(connection, keys)
    for order, number in keys:
        save_override(context, connection, order, number, day, who)
    return [[order, number, _text(before.get((order, number)))] for order, number in keys]


def undo_dates(
    context: Context, connection: Connection, before: Sequence[Sequence[Any]], set_to: date, who: str
) -> int:
    """Set the days again that staff had set before, and clear those of lines without one; return of how many lines.

    A line that is closed by now, or has another day than the one that is undone, is left out. Raises ForewarnError
    where all of them have.
    """
    lock(connection, AdvisoryLock.ALLOCATE)
    now = _staff_dates(connection, [(order, number) for order, number, _ in before])
    before = [one for one in before if now.get((one[0], one[1])) == set_to]
    if not before:
        raise ForewarnError("each of these dates was changed again since")
    cleared = [(order, number) for order, number, day in before if day is None or not _is_ahead(context, day)]
    changed = delete_overrides(context, connection, load_forecast_inputs(context), cleared, who) if cleared else 0
    for order, number, day in before:
        if day is not None and _is_ahead(context, day):
            save_override(context, connection, order, number, date.fromisoformat(day), who)
            changed += 1
    return changed


def _is_ahead(context: Context, day: str) -> bool:
    return date.fromisoformat(day) >= context.as_of


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _staff_dates(connection: Connection, keys: Sequence[LineKey]) -> Mapping[LineKey, date]:
    columns = (EXPECTED_DATES.c.order_id, EXPECTED_DATES.c.line, EXPECTED_DATES.c.expected_on)
    query = select(*columns).where(
        in_list(connection, EXPECTED_DATES.c.order_id, {order for order, _ in keys}),
        EXPECTED_DATES.c.ended_at.is_(None),
        EXPECTED_DATES.c.source == DateSource.STAFF,
        EXPECTED_DATES.c.expected_on.is_not(None),
    )
    return {(row.order_id, row.line): row.expected_on for row in connection.execute(query)}


def draft_post(context: Context, connection: Connection, product: str) -> str | None:
    """Draft this week's post about a late product; return its id.

    None where too few orders are late for a post, or the week has one already.
    """
    late = late_products(context, connection, context.as_of, [product])
    new = save_drafts(context, connection, late)
    return new[0]["id"] if new else None


def withdraw_draft(context: Context, connection: Connection, post: str, who: str) -> bool:
    """Withdraw a post that was drafted; return whether nobody had decided about it."""
    state = connection.execute(select(POSTS.c.state).where(POSTS.c.id == post)).scalar()
    if state not in (PostState.DRAFT, PostState.WAITS):
        return False
    withdraw_post(context, connection, post, Writer(who), "the draft was undone")
    return True
