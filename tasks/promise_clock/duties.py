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
DATES = ("deadline", "act_by")
"""Fields of LineDuty that the ledger stores as texts."""


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
    act_by: date | None = None
    """The day by which the shop plans to do it: so many days before the deadline that a failure can be made good."""

    def days_left(self, today: date) -> int | None:
        """Return the days until the deadline, below 0 after it; None where it is no calendar day."""
        return None if self.deadline is None else (self.deadline - today).days

    def act_by_from(self, today: date) -> date | None:
        """Return the day by which to act, seen from a day: none that has passed while the deadline has not."""
        if self.act_by is None or self.deadline is None:
            return self.deadline
        return min(max(self.act_by, today), self.deadline)

    def as_data(self) -> dict[str, Any]:
        """Return the duty as the ledger stores it."""
        return {**asdict(self), **{name: _text(getattr(self, name)) for name in DATES}}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "LineDuty":
        """Return the duty from what the ledger stores."""
        dates = {name: date.fromisoformat(data[name]) if data.get(name) else None for name in DATES}
        return cls(**{**data, **dates})


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def line_duty(clock: LineClock, today: date, lead_days: int) -> LineDuty | None:
    """Return what the shop has to do for a line; None for nothing."""
    standing = clock.standing
    if standing.duty in NO_DUTY or _is_in_hand(clock):
        return None
    what = standing_sentence(standing, clock.rules, today)
    deadline = standing.deadline
    return LineDuty(
        *clock.key,
        country=clock.country,
        state=str(standing.state),
        duty=str(standing.duty),
        deadline=deadline,
        what=what,
        act_by=deadline and deadline - timedelta(days=lead_days),
    )


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
