"""What the promise clock asks of the shop: a duty of a line, and the day from which staff are warned of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from models.promise_clock import ClockState, Duty
from rules.promise_clock.sentences import standing_sentence
from tasks.promise_clock.facts import LineClock

NEVER = date(9999, 12, 31)
NO_DUTY = (Duty.NONE, Duty.HONOUR_WITHDRAWAL, Duty.ACCEPT_ENDING, Duty.KEEP_OPEN)
"""What needs nobody, until the customer acts."""
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class LineDuty:
    """What the shop has to do for a line. It names no customer."""

    order: str
    line: str
    country: str
    state: str
    duty: str
    deadline: date | None
    what: str
    warned: int | None = None
    """The fewest days ahead of the deadline that staff were warned at so far."""

    def days_left(self, today: date) -> int | None:
        """Return the days until the deadline, below 0 after it; None where it is no calendar day."""
        return None if self.deadline is None else (self.deadline - today).days

    def as_data(self) -> dict[str, Any]:
        """Return the duty as the ledger stores it."""
        return {**asdict(self), "deadline": self.deadline.isoformat() if self.deadline else None}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "LineDuty":
        """Return the duty from what the ledger stores."""
        deadline = date.fromisoformat(data["deadline"]) if data["deadline"] else None
        return cls(**{**data, "deadline": deadline})


def line_duty(clock: LineClock, today: date) -> LineDuty | None:
    """Return what the shop has to do for a line; None for nothing."""
    standing = clock.standing
    if standing.duty in NO_DUTY or _is_in_hand(clock):
        return None
    what = standing_sentence(standing, clock.rules, today)
    order, number = clock.key
    return LineDuty(order, number, clock.country, str(standing.state), str(standing.duty), standing.deadline, what)


def _is_in_hand(clock: LineClock) -> bool:
    """Return whether there is nothing to do but what is done anyway: the line is on time, or its customer was told."""
    standing = clock.standing
    if standing.duty is Duty.TELL_CUSTOMER:
        return any(notice.counts for notice in clock.facts.notices)
    return standing.state is ClockState.RUNNING and standing.duty is Duty.PERFORM


def warning_level(duty: LineDuty, warn_days: Iterable[int], today: date) -> int | None:
    """Return how many days ahead staff are to be warned now, as 3 where 2 days are left; None: not yet."""
    left = duty.days_left(today)
    if left is None:
        return None
    return min((days for days in warn_days if left <= days), default=None)


def next_check(clocks: Sequence[LineClock], warn_days: Iterable[int], today: date) -> date:
    """Return the first day after today on which a line stands elsewhere by itself, or a warning is due."""
    days = list(warn_days)
    candidates = [NEVER]
    for clock in clocks:
        deadline, expected_on = clock.standing.deadline, clock.line.expected_on
        if deadline is not None and clock.standing.duty not in NO_DUTY:
            candidates += [deadline + DAY, *(deadline - timedelta(days=ahead) for ahead in days)]
        if expected_on is not None:
            candidates.append(expected_on + DAY)
    return min(day for day in candidates if day > today)
