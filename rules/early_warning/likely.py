"""Find of which lines of an order to warn its customer, and when all is well after a warning."""

from collections.abc import Collection
from datetime import date

from models.decisions import Delay, LateLine, LikelyDelay
from models.enums import ChangeKind
from models.orders import LineFacts, NoticeLine, OrderFacts, Outlook
from models.policy.policy import MAY_BE_LATE, ON_TIME, Policy
from rules.delays.delays import expected_date, open_lines
from rules.delays.working_days import Calendar
from rules.early_warning.decision import warn_now
from rules.early_warning.facts import is_assured, is_dated


def likely_delay(order: OrderFacts, as_of: date, policy: Policy, calendar: Calendar) -> Delay | None:
    """Return the likely delay of which to warn an order's customer now; None where there is none.

    A warning is the first that a customer hears of an order's delay, and the only warning about it. It names the lines
    that are likely to be late; the carrier's or the staff's word when a line comes counts for more, on time or not.
    """
    if order.told is not None:
        return None
    outlooks = [each for each in order.outlook if _is_to_warn(each, as_of, policy, calendar)]
    lines = open_lines(order, as_of)
    warned = [line for line in lines if _covering(line, outlooks) is not None and not is_dated(line, as_of)]
    if not warned:
        return None
    worst = max(
        (outlook for line in warned if (outlook := _covering(line, outlooks))),
        key=lambda outlook: (outlook.likelihood.probability, -outlook.promised_on.toordinal()),
    )
    numbers = {line.number for line in warned}
    return Delay(
        order=order,
        as_of=as_of,
        days=0,
        bucket=MAY_BE_LATE,
        expected_on=None,
        late=tuple(LateLine(line, 0, None) for line in warned),
        on_time=tuple(line for line in lines if line.number not in numbers),
        likely=LikelyDelay(worst.likelihood, *may_come(warned, as_of, policy, calendar)),
    )


def _is_to_warn(outlook: Outlook, as_of: date, policy: Policy, calendar: Calendar) -> bool:
    return warn_now(outlook.likelihood, outlook.promised_on, as_of, policy.warning, calendar).now


def _covering(line: LineFacts, outlooks: list[Outlook]) -> Outlook | None:
    return next((outlook for outlook in outlooks if outlook.covers(line)), None)


def may_come(lines: Collection[LineFacts], as_of: date, policy: Policy, calendar: Calendar) -> tuple[date, date]:
    """Return between which days lines may come that are not known to be late: from the first promised day on."""
    return min(line.promised_on for line in lines), max(_may_take_to(line, as_of, policy, calendar) for line in lines)


def _may_take_to(line: LineFacts, as_of: date, policy: Policy, calendar: Calendar) -> date:
    """Return the last day that a warning names: never before the date that is shown."""
    longest = calendar.add(line.promised_on, policy.warning.up_to_days)
    return max(longest, expected_date(line, as_of) or longest)


def all_in_time(order: OrderFacts, as_of: date, policy: Policy) -> tuple[ChangeKind, Delay] | None:
    """Return the good news for a customer who was warned: all of which they were warned comes as promised.

    None where that is not known of every such line that is still open, or nothing of them is: what arrives in time
    speaks for itself.
    """
    if order.told is None or not order.told.warned or not policy.restock.good_news:
        return None
    warned = {(line.number, line.promised_on): line for line in order.told.lines}
    lines = open_lines(order, as_of)
    pairs = [(line, warned[key]) for line in lines if (key := (line.number, line.promised_on)) in warned]
    if not pairs or not all(_is_well(line, notice, as_of) for line, notice in pairs):
        return None
    numbers = {line.number for line, _ in pairs}
    late = tuple(LateLine(line, 0, expected_date(line, as_of)) for line, _ in pairs)
    days = [line.expected_on for line in late if line.expected_on is not None]
    on_time = tuple(line for line in lines if line.number not in numbers)
    return ChangeKind.IN_TIME, Delay(order, as_of, 0, ON_TIME, max(days), late, on_time)


def _is_well(line: LineFacts, notice: NoticeLine, as_of: date) -> bool:
    """Return whether a line of which the customer was warned is known to come as promised."""
    if is_assured(line, as_of):
        return True
    expected_on = expected_date(line, as_of)
    is_here = line.ready and not notice.ready
    return is_here and expected_on is not None and expected_on <= line.promised_on
