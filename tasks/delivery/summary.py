"""Count the messages of a deliver run by outcome."""

from collections import Counter
from dataclasses import dataclass, field

from models.enums import State
from models.messages import DeliveryOutcome


@dataclass(slots=True)
class DeliverySummary:
    """Messages of a deliver run by outcome."""

    sent: Counter[str] = field(default_factory=Counter)
    """By channel."""
    trial: Counter[str] = field(default_factory=Counter)
    """Of those sent, by channel, the messages that reached only the local outbox, a test address or a sandbox."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Counted by reason, like the next two."""
    rejected: Counter[str] = field(default_factory=Counter)
    retrying: Counter[str] = field(default_factory=Counter)
    in_doubt: int = 0
    down: dict[str, str] = field(default_factory=dict)
    """Channels that a person must repair, with the provider's reason."""

    def add(self, other: "DeliverySummary") -> None:
        """Add the summary of another channel."""
        for name in ("sent", "trial", "skipped", "rejected", "retrying"):
            getattr(self, name).update(getattr(other, name))
        self.in_doubt += other.in_doubt
        self.down.update(other.down)

    def count(self, channel: str, outcome: DeliveryOutcome) -> None:
        """Count one outcome."""
        match outcome.state:
            case State.SENT:
                self.sent[channel] += 1
                self.trial[channel] += outcome.trial
            case State.SKIPPED:
                self.skipped[outcome.reason] += 1
            case State.REJECTED:
                self.rejected[outcome.reason] += 1
            case State.QUEUED:
                self.retrying[outcome.reason] += 1
            case State.IN_DOUBT:
                self.in_doubt += 1

    @property
    def by_outcome(self) -> dict[str, int]:
        """Return how many messages were sent, rejected, or queued for another try."""
        counts = {"sent": self.sent, "rejected": self.rejected, "retrying": self.retrying}
        return {name: counter.total() for name, counter in counts.items() if counter}

    def __bool__(self) -> bool:
        """Return whether anything happened."""
        return self != type(self)()
