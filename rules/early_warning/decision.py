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

    The promised morning itself is too late, unless `last_day` is 0. Days are counted as the calendar counts them.
    """
    if not policy.on or not first_morning(promised_on, policy, calendar) <= as_of <= end_morning(promised_on, policy):
        return WarningDecision(now=False)
    needed = policy.likely if as_of >= last_morning(promised_on, policy, calendar) else policy.surely
    return WarningDecision(likelihood is not None and in_hundred(likelihood) >= needed, needed)


def in_hundred(likelihood: Likelihood) -> int:
    """Return in how many of 100 cases such an order ends late, rounded down: 59.9 in 100 are not 60."""
    return int(likelihood.probability * 100 + 1e-9)


def first_morning(promised_on: date, policy: WarningPolicy, calendar: Calendar) -> date:
    """Return the first morning on which a warning is possible."""
    return _before(promised_on, policy.days_before, calendar)


def last_morning(promised_on: date, policy: WarningPolicy, calendar: Calendar) -> date:
    """Return the morning from which a warning needs only to be likely."""
    return _before(promised_on, policy.last_day, calendar)


def end_morning(promised_on: date, policy: WarningPolicy) -> date:
    """Return the last morning on which a warning is possible: mornings off follow the last working one."""
    return promised_on - DAY if policy.last_day else promised_on


def next_morning(promised_on: date, as_of: date, policy: WarningPolicy, calendar: Calendar) -> date | None:
    """Return the next morning after `as_of` on which a warning is possible; None where there is none."""
    if not policy.on:
        return None
    morning = max(first_morning(promised_on, policy, calendar), as_of + DAY)
    return morning if morning <= end_morning(promised_on, policy) else None


def _before(promised_on: date, days: int, calendar: Calendar) -> date:
    """Return the day so many days before the promised one; where that is a day off, its last working day is one."""
    if not days:
        return promised_on
    working = calendar.day_when(promised_on, 0)
    return calendar.day_when(promised_on, -days if working == promised_on else 1 - days)
