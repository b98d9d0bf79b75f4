"""Decide whether to warn of a delay that is not known yet: by how likely it is, and how long there is left."""

from dataclasses import dataclass
from datetime import date, timedelta

from models.early_warning import Likelihood
from models.policy.warning import WarningPolicy
from rules.delays.working_days import Calendar

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class WarningDecision:
    """Whether to warn on a morning, and what decided it."""

    now: bool
    needed: int | None = None
    """In how many of 100 cases such an order must end late on this morning; None: no warning is possible on it."""


def warn_now(
    likelihood: Likelihood | None, promised_on: date, as_of: date, policy: WarningPolicy, calendar: Calendar
) -> WarningDecision:
    """Return whether to warn on a morning of an order that is still out and not known to be late.

    | morning                                      | warned when so many in 100 such orders end late |
    |----------------------------------------------|-------------------------------------------------|
    | earlier than `days_before`                   | never                                           |
    | from `days_before` on                        | `surely`                                        |
    | from `last_day` on, while the promise stands | `likely`                                        |
    | a day off                                    | never                                           |

    The promised morning itself is too late, unless `last_day` is 0. Days are counted as the calendar counts them, and
    the last morning is a working day however they are counted: who reads a warning can call the shop.
    """
    if not policy.on or not _is_possible(promised_on, as_of, policy, calendar):
        return WarningDecision(now=False)
    needed = policy.likely if as_of >= last_morning(promised_on, policy, calendar) else policy.surely
    return WarningDecision(likelihood is not None and in_hundred(likelihood) >= needed, needed)


def in_hundred(likelihood: Likelihood) -> int:
    """Return in how many of 100 cases such an order ends late, rounded down: 59.9 in 100 are not 60."""
    return int(likelihood.probability * 100 + 1e-9)


def first_morning(promised_on: date, policy: WarningPolicy, calendar: Calendar) -> date:
    """Return the first morning on which a warning is possible."""
    first = _before(promised_on, policy.days_before, calendar)
    return min(first, last_morning(promised_on, policy, calendar))


def last_morning(promised_on: date, policy: WarningPolicy, calendar: Calendar) -> date:
    """Return the morning from which a warning needs only to be likely: a working day, or the promised day itself."""
    return calendar.working_day(_before(promised_on, policy.last_day, calendar)) if policy.last_day else promised_on


def next_morning(promised_on: date, as_of: date, policy: WarningPolicy, calendar: Calendar) -> date | None:
    """Return the next morning after `as_of` on which a warning is possible; None where there is none."""
    if not policy.on:
        return None
    morning = max(first_morning(promised_on, policy, calendar), as_of + DAY)
    while morning <= promised_on:
        if _is_possible(promised_on, morning, policy, calendar):
            return morning
        morning += DAY
    return None


def _is_possible(promised_on: date, morning: date, policy: WarningPolicy, calendar: Calendar) -> bool:
    """Return whether a warning is possible on a morning; the promised one counts where it is the last by the policy."""
    if morning >= promised_on:
        return morning == promised_on and policy.last_day == 0
    return first_morning(promised_on, policy, calendar) <= morning and calendar.is_working(morning)


def _before(promised_on: date, days: int, calendar: Calendar) -> date:
    """Return the day so many days before the promised one; where that is a day off, its last working day is one."""
    if not days:
        return promised_on
    working = calendar.day_when(promised_on, 0)
    return calendar.day_when(promised_on, -days if working == promised_on else 1 - days)
