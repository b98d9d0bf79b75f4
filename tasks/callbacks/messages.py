"""The messages that callbacks are about: load them locked, and write what became of them."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, bindparam, func, select, update

from models.enums import DIRECT, Channel, State
from tasks.context import Context
from tasks.db.outbox import CLEAR_LEASE
from tasks.db.settled_counts import MARGIN, recount_settled, uncount_settled
from tasks.db.sql import in_list
from tasks.orders.due import lock_orders, mark_due, touch_orders
from tasks.tables import CUSTOMER_MAILS, NOTICES, OUTBOX

COUNTED_AFTER = MARGIN - timedelta(hours=1)
"""The age from which a settled message may be in the counters."""


@dataclass(slots=True)
class CallbackMessage:
    """A message as it stands, changed by one callback after another."""

    id: str
    channel: str
    state: str
    attempts: int
    reference: str | None
    reason: str | None
    settled_at: datetime | None
    sending_at: datetime | None
    not_before: datetime
    trial: bool
    address: str | None
    order_id: str | None
    """The order of a notice; None for any other message."""
    is_mail: bool
    """Whether it is a mail that answers a customer."""
    was: str = ""
    """Its state before the first change; empty while there is none."""

    @property
    def is_ours(self) -> bool:
        """Return whether a callback may change its state: purchase requests have other ones."""
        return self.channel in list(Channel)

    def move(self, state: str, now: datetime) -> None:
        """Change its state."""
        self.was = self.was or self.state
        if state == State.QUEUED:
            self.settled_at = None
        elif self.settled_at is None:
            self.settled_at = now
        self.state = state


def load_callback_messages(connection: Connection, ids: Collection[str]) -> dict[str, CallbackMessage]:
    """Return the messages with these ids, locked until the transaction ends."""
    names = ("id", "channel", "state", "attempts", "reference", "reason", "settled_at", "sending_at", "not_before")
    query = (
        select(
            *(OUTBOX.c[name] for name in names),
            OUTBOX.c.trial,
            func.coalesce(NOTICES.c.address, CUSTOMER_MAILS.c.address).label("address"),
            NOTICES.c.order_id,
            CUSTOMER_MAILS.c.id.is_not(None).label("is_mail"),
        )
        .select_from(
            OUTBOX.outerjoin(NOTICES, NOTICES.c.id == OUTBOX.c.id).outerjoin(
                CUSTOMER_MAILS, CUSTOMER_MAILS.c.id == OUTBOX.c.id
            )
        )
        .where(in_list(connection, OUTBOX.c.id, ids))
        .order_by(OUTBOX.c.id)
        .with_for_update(of=OUTBOX)
    )
    rows = connection.execute(query).mappings() if ids else ()
    return {row["id"]: CallbackMessage(**row) for row in rows}


def write_messages(context: Context, connection: Connection, messages: Iterable[CallbackMessage]) -> None:
    """Write the messages that changed, and have their orders checked again where that changes what customers know."""
    changed = [message for message in messages if message.was]
    if not changed:
        return
    connection.execute(_WRITE, [_values(message) for message in changed])
    _recheck_orders(connection, context, changed)


@contextmanager
def counted_again(connection: Connection, ids: Collection[str], now: datetime) -> Iterator[None]:
    """Keep the counters of settled messages right while some of these change: begin it before they are locked."""
    old = and_(in_list(connection, OUTBOX.c.id, ids), OUTBOX.c.settled_at < now - COUNTED_AFTER)
    counted = list(connection.execute(select(OUTBOX.c.id).where(old)).scalars()) if ids else []
    which = in_list(connection, OUTBOX.c.id, counted)
    if counted:
        uncount_settled(connection, which)
    yield
    if counted:
        recount_settled(connection, which)


_CHANGED = ("state", "reason", "reference", "settled_at", "not_before", "trial")
_WRITE = (
    update(OUTBOX)
    .where(OUTBOX.c.id == bindparam("changed_id"))
    .values(
        **CLEAR_LEASE,
        **{name: bindparam(f"new_{name}", type_=OUTBOX.c[name].type) for name in _CHANGED},
        awaits_fallback=bindparam("new_awaits_fallback", type_=OUTBOX.c.awaits_fallback.type),
    )
)


def _values(message: CallbackMessage) -> dict[str, object]:
    # In a trial the test address failed, and no customer waits for another channel.
    awaits = message.state == State.BOUNCED and message.channel in DIRECT and not message.trial
    values: dict[str, object] = {f"new_{name}": getattr(message, name) for name in _CHANGED}
    return {"changed_id": message.id, "new_awaits_fallback": awaits, **values}


def _recheck_orders(connection: Connection, context: Context, changed: Iterable[CallbackMessage]) -> None:
    """Make the orders of settled doubts due, and move the version of those whose notice did not arrive."""
    of_orders = [(message, message.order_id) for message in changed if message.order_id]
    due = {order for message, order in of_orders if message.was == State.IN_DOUBT}
    others = {order for message, order in of_orders if message.state in (State.BOUNCED, State.QUEUED)} - due
    if due or others:
        lock_orders(connection, due | others)
        mark_due(connection, due, context.as_of)
        touch_orders(connection, others)
