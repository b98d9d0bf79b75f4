"""What delivery asks of a kind of message: how due ones are loaded, prepared, and followed up."""

from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

from sqlalchemy import Connection, Row, Select

from models.messages import DeliveryOutcome, Receipt
from tasks.tables import OUTBOX

QUEUE_COLUMNS = [OUTBOX.c[name] for name in ("id", "channel", "attempts", "valid_until")]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message that may leave now."""

    id: str
    channel: str
    attempts: int
    """How often it was tried before."""
    send: Callable[[], Coroutine[Any, Any, Receipt]]
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """Due messages: those that may leave now, and what becomes of others. The rest stay as they are."""

    outgoing: list[Outgoing] = field(default_factory=list)
    outcomes: list[DeliveryOutcome] = field(default_factory=list)


class MessageKind(Protocol):
    """One kind of message, as delivery sees it."""

    @property
    def channels(self) -> Collection[str]:
        """Return the channels that may be used now."""
        ...

    def select(self) -> Select[Any]:
        """Return the SELECT of what `prepare` needs of each message; delivery adds which, and locks the outbox."""
        ...

    def parameters(self, as_of: date, now: datetime) -> dict[str, Any]:
        """Return the parameters of the SELECT for one turn; it is put together once for all turns."""
        ...

    def prepare(self, connection: Connection, rows: Sequence[Row[Any]], as_of: date, now: datetime) -> Prepared:
        """Return which of the messages may leave now. It runs in the transaction that has locked them."""
        ...

    def conclude(self, outgoing: Outgoing, outcome: DeliveryOutcome, now: datetime) -> DeliveryOutcome:
        """Return what the provider's answer means for this kind of message."""
        ...

    def follow_up(self, connection: Connection, recorded: Sequence[DeliveryOutcome], as_of: date) -> None:
        """Record what follows from outcomes, in the same transaction."""
        ...
