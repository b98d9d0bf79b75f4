"""Which acts the desk offers for an order: each only where it applies."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, select

from models.enums import State
from rules.delays.delays import open_lines
from tasks.context import Context
from tasks.customers.order_now import OrderNow
from tasks.orders.told import NOTICES_WITH_STATE
from tasks.tables import NOTICES, OUTBOX

DECIDED_STATES = (State.SENT, State.DELIVERED, State.BOUNCED, State.REJECTED, State.SKIPPED)
"""States of a message that can be sent again: it has ended, in whichever way."""


@dataclass(frozen=True, slots=True)
class ActFacts:
    """What decides which acts an order offers."""

    open_lines: int
    """Lines of which something is still to come."""
    to_send: int
    """Lines of which pieces are still to leave."""
    has_address: bool
    """Whether there is a mail address or a number."""
    may_answer: bool
    """Whether the customer could choose something now."""
    may_link: bool
    """Whether the shop has order pages."""
    ended_messages: int
    in_doubt: int


@dataclass(frozen=True, slots=True)
class OfferedAct:
    """An act on an order: the last part of its address, and what its link says."""

    name: str
    label: str
    main: bool = False
    """Whether it stands in the row of buttons; the others are under More."""


ACTS: tuple[tuple[OfferedAct, Callable[[ActFacts], bool]], ...] = (
    (OfferedAct("doubt", "Settle the message in doubt", main=True), lambda facts: facts.in_doubt > 0),
    (OfferedAct("answer", "Record an answer", main=True), lambda facts: facts.may_answer),
    (OfferedAct("date", "Set an expected date", main=True), lambda facts: facts.open_lines > 0),
    (OfferedAct("again", "Send again", main=True), lambda facts: facts.ended_messages > 0),
    (OfferedAct("hold", "Hold this order", main=True), lambda facts: facts.open_lines > 0),
    (OfferedAct("note", "Add a note to the next message"), lambda facts: facts.open_lines > 0),
    (OfferedAct("mute", "Stop writing to this person"), lambda facts: facts.has_address),
    (OfferedAct("critical", "Mark as time-critical"), lambda facts: facts.open_lines > 0),
    (OfferedAct("shipment", "Ship together or in parts"), lambda facts: facts.to_send > 1),
    (OfferedAct("link", "Send a new link to the order page"), lambda facts: facts.may_link and facts.has_address),
)
"""In the order in which they are shown, each with when it applies. `show`, unmasking, stands beside the addresses."""


def acts_offered(facts: ActFacts) -> tuple[OfferedAct, ...]:
    """Return the acts that apply to an order, in the order in which they are shown."""
    return tuple(act for act, applies in ACTS if applies(facts))


def load_act_facts(context: Context, connection: Connection, order: OrderNow, *, may_answer: bool) -> ActFacts:
    """Return what decides which acts an order offers."""
    rows = connection.execute(
        select(OUTBOX.c.state).select_from(NOTICES_WITH_STATE).where(NOTICES.c.order_id == order.sold.id)
    )
    states = list(rows.scalars())
    customer = order.sold.customer
    return ActFacts(
        open_lines=len(open_lines(order.owed, order.as_of)),
        to_send=len(order.to_send),
        has_address=bool(customer.email or customer.phone),
        may_answer=may_answer,
        may_link=context.shop.order_pages is not None,
        ended_messages=sum(state in DECIDED_STATES for state in states),
        in_doubt=states.count(State.IN_DOUBT),
    )
