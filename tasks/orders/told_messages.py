"""Load the messages about orders that have left, each once, whichever channels it went by."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, and_, select

from models.enums import WITHOUT_OFFER, Channel, State
from models.orders import NoticeLine
from tasks.db.sql import in_list
from tasks.orders.told import NOTICES_WITH_STATE
from tasks.tables import NOTICES, OUTBOX

TAKEN = (State.SENT, State.DELIVERED, State.BOUNCED)
"""States of a message that a provider took."""
TAKEN_FILTER = and_(OUTBOX.c.state.in_(TAKEN), OUTBOX.c.trial.is_(False))
"""The SQL of a message that a provider took, not in a trial run."""
_COLUMNS = ("order_id", "customer_id", "revision", "channel", "message", "change", "bucket", "lines", "created_at")
_TRIAL_COLUMNS = ("experiment", "wording")


@dataclass(frozen=True, slots=True)
class ToldMessage:
    """A message to a customer, by mail, text or both."""

    order_id: str
    customer_id: str
    revision: int
    message: str
    change: str
    bucket: str
    told_at: datetime
    """When it first left."""
    created_at: datetime
    promised_on: date | None
    """The earliest day that was promised of what it is about."""
    states: Mapping[Channel, State]
    experiment: str
    """The trial of two wordings that it takes part in; empty: none."""
    wording: str

    @property
    def arrived(self) -> bool:
        """Return whether it may have reached its customer: it did not come back by every channel."""
        return any(state is not State.BOUNCED for state in self.states.values())


def load_told_messages(connection: Connection, orders: Collection[str]) -> dict[str, list[ToldMessage]]:
    """Return by order id the messages that left, the first one first."""
    query = (
        select(*(NOTICES.c[name] for name in (*_COLUMNS, *_TRIAL_COLUMNS)), OUTBOX.c.state, OUTBOX.c.settled_at)
        .select_from(NOTICES_WITH_STATE)
        .where(in_list(connection, NOTICES.c.order_id, orders), TAKEN_FILTER)
        .order_by(NOTICES.c.order_id, OUTBOX.c.settled_at, NOTICES.c.revision, NOTICES.c.channel)
    )
    by_message: dict[tuple[str, int], list[Any]] = defaultdict(list)
    for row in connection.execute(query):
        by_message[row.order_id, row.revision].append(row)
    found: dict[str, list[ToldMessage]] = defaultdict(list)
    for (order, _), rows in by_message.items():
        found[order].append(_message(rows))
    return found


def _message(rows: Sequence[Any]) -> ToldMessage:
    first = rows[0]
    tried = next((row for row in rows if row.experiment), None)
    return ToldMessage(
        order_id=first.order_id,
        customer_id=first.customer_id,
        revision=first.revision,
        message=first.message,
        change=first.change,
        bucket=first.bucket,
        told_at=first.settled_at,
        created_at=min(row.created_at for row in rows),
        promised_on=min((NoticeLine.from_data(line).promised_on for line in first.lines), default=None),
        states={Channel(row.channel): State(row.state) for row in rows},
        experiment=tried.experiment if tried else "",
        wording=tried.wording if tried else "",
    )


def message_of_code(messages: Sequence[ToldMessage], given_at: datetime) -> ToldMessage | None:
    """Return the message that a discount code came with: the first that left since the code was made, and may offer.

    None where no such message has left.
    """
    return next((one for one in messages if one.created_at >= given_at and one.change not in WITHOUT_OFFER), None)
