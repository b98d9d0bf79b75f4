"""Choose the sentence that opens an order's page."""

from collections.abc import Sequence
from datetime import date

from models.customers import Choice, ChoiceState, Headline
from models.decisions import LateLine
from models.orders import LineFacts, OrderFacts
from rules.customers.changeable import is_cancelled, pieces_to_send
from rules.customers.standing import cancelled_by, closing_choices
from rules.delays.delays import closed_on, is_open, last_expected_date


def headline(
    order: OrderFacts,
    late: Sequence[LateLine],
    choices: Sequence[Choice],
    as_of: date,
    *,
    good_news: bool,
    may_be_late: bool = False,
) -> Headline:
    """Return the headline of an order as its shop has it, with the choices made so far.

    `late` are the open late lines that are neither cancelled nor swapped; `good_news`: what was told last was good, and
    nothing has become worse since; `may_be_late`: nothing of it is known to be late, and something may be.
    """
    if order.cancelled_on is not None and order.cancelled_on <= as_of:
        return Headline.CANCELLED
    closing = closing_choices(choices)
    open_lines = [line for line in order.lines if is_open(line, as_of) and line.number not in closing]
    if not open_lines:
        return _of_ended(order, choices, as_of)
    if may_be_late:
        return Headline.MAY_BE_LATE
    if late:
        if last_expected_date(late) is None:
            return Headline.NO_DATE
        return Headline.GOOD_NEWS if good_news else _of_late(order, late, choices, as_of)
    if good_news:
        return Headline.GOOD_NEWS
    return Headline.ON_TIME if any(pieces_to_send(line, as_of) for line in open_lines) else Headline.SENT


def _of_late(order: OrderFacts, late: Sequence[LateLine], choices: Sequence[Choice], as_of: date) -> Headline:
    gone = cancelled_by(choices)
    kept = {line.number for line in order.lines if not is_cancelled(line, as_of) and line.number not in gone}
    is_part = kept != {one.line.number for one in late} or any(one.line.sent(as_of) for one in late)
    return Headline.PART_LATE if is_part else Headline.LATE


def _of_ended(order: OrderFacts, choices: Sequence[Choice], as_of: date) -> Headline:
    """Return the headline of an order that has no open line."""
    gone = cancelled_by(choices)
    kept = [line for line in order.lines if not is_cancelled(line, as_of) and line.number not in gone]
    if not order.lines:
        return Headline.ON_TIME
    if not kept:
        states = {choice.state for choice in gone.values()}
        return Headline.CANCEL_REQUESTED if ChoiceState.REQUESTED in states else Headline.CANCELLED
    if any(line.number in closing_choices(choices) for line in kept):
        return Headline.ON_TIME
    return Headline.ARRIVED if all(has_arrived(line, as_of) for line in kept) else Headline.SENT


def has_arrived(line: LineFacts, as_of: date) -> bool:
    """Return whether all of a line has arrived, as far as the shop knows."""
    if line.delivered_on is not None and line.delivered_on <= as_of:
        return True
    delivered = sum(parcel.quantity for parcel in line.shipments if parcel.delivered(as_of))
    is_done = line.closed and not any(day is not None for day in closed_on(line))
    return is_done or delivered >= line.ordered
