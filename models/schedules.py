"""When a flow starts by the schedule of its deployments."""

from dataclasses import dataclass
from datetime import datetime, timedelta

GRACE = timedelta(minutes=15)
"""How long after its time a run may end before it counts as missed."""


@dataclass(frozen=True, slots=True)
class ScheduledStart:
    """The last and the next start of a flow by the schedule, in UTC."""

    last_at: datetime
    next_at: datetime

    def is_missed(self, succeeded_at: datetime | None, now: datetime) -> bool:
        """Return whether no run has ended well since the last start, and it should have."""
        return now > self.last_at + GRACE and (succeeded_at is None or succeeded_at < self.last_at)

    def joined(self, other: "ScheduledStart") -> "ScheduledStart":
        """Return the starts of two flows that do the same."""
        return ScheduledStart(max(self.last_at, other.last_at), min(self.next_at, other.next_at))
