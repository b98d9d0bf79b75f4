"""The order that an act is about, its customer, and what a message to them would go by."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, func, select

from models.decisions import Contact, Plan
from models.enums import Channel
from models.orders import CustomerFacts
from models.policy.policy import NOT_OPEN
from rules.contact.contact import choose_contacts, contact_by, contacts_for, without_suppressed
from rules.delays.assess import bucket_of
from rules.delays.critical import policy_for
from tasks.context import Context
from tasks.db.outbox import UNSENT_FILTER
from tasks.db.sql import lock_ordered
from tasks.desk.staff_words import channel_word, skip_words
from tasks.early_warning.outlook import with_outlook
from tasks.notices.suppressions import suppressed_addresses
from tasks.orders.due import lock_orders
from tasks.orders.instructions import Instructions, load_instructions
from tasks.orders.order_rows import WatchedOrder
from tasks.orders.queries import get_orders
from tasks.orders.told import NOTICES_WITH_STATE
from tasks.tables import NOTICES, ORDERS, OUTBOX, WATCHES
from templates.rendering.names import greeting_name

MAX_COUNTED = 100


@dataclass(frozen=True, slots=True)
class ActOrder:
    """An order as an act finds it."""

    watched: WatchedOrder
    instructions: Instructions
    waiting: int
    """Messages about it that wait to be sent."""

    @property
    def id(self) -> str:
        """Return the order's number."""
        return self.watched.order.id

    @property
    def customer(self) -> CustomerFacts:
        """Return its customer."""
        return self.watched.order.customer

    @property
    def name(self) -> str:
        """Return how the customer is called in a sentence."""
        return greeting_name(self.customer.name) or "The customer"


def load_act_order(context: Context, connection: Connection, order_id: str) -> ActOrder | None:
    """Return an order for an act; None for an unknown one."""
    found = with_outlook(context, connection, get_orders(context, connection, [order_id]))
    if not found:
        return None
    waiting = select(func.count()).select_from(NOTICES_WITH_STATE)
    count = connection.execute(waiting.where(NOTICES.c.order_id == order_id, UNSENT_FILTER)).scalar_one()
    return ActOrder(found[0], load_instructions(connection, order_id), count)


def count_other_orders(connection: Connection, order: ActOrder) -> int:
    """Return how many other orders of the customer are open; at most MAX_COUNTED are counted."""
    others = (
        select(ORDERS.c.id)
        .join(WATCHES, WATCHES.c.order_id == ORDERS.c.id)
        .where(
            ORDERS.c.customer_id == order.customer.id,
            ORDERS.c.id != order.id,
            func.coalesce(WATCHES.c.bucket, "").not_in(NOT_OPEN),
        )
        .limit(MAX_COUNTED)
        .subquery()
    )
    return connection.execute(select(func.count()).select_from(others)).scalar_one()


def contact_of(context: Context, connection: Connection, customer: CustomerFacts, channel: Channel) -> Contact:
    """Return a customer's contact on a channel now, with the reason where nothing may go by it."""
    shop = context.shop
    contact = contact_by(customer, channel, context.policy, context.started_at, shop.country, shop.zone)
    suppressed = suppressed_addresses(connection, {contact.address} if contact.address else set(), context.erasure_key)
    return without_suppressed((contact,), suppressed)[0]


def contacts_of(context: Context, connection: Connection, plan: Plan) -> tuple[Contact, ...]:
    """Return by which channels a plan's messages would go now."""
    order, shop = plan.delay.order, context.shop
    bucket = bucket_of(plan, policy_for(order, context.policy))
    found = contacts_for(
        order.customer, bucket, context.policy, context.started_at, country=shop.country, zone=shop.zone
    )
    addresses = {contact.address for contact in found if contact.address}
    suppressed = suppressed_addresses(connection, addresses, context.erasure_key)
    return choose_contacts(order.customer, without_suppressed(found, suppressed))


def by_words(contacts: tuple[Contact, ...]) -> str:
    """Return the usable channels as `a mail and a text`; empty where none is usable."""
    return " and ".join(f"a {channel_word(one.channel)}" for one in contacts if one.skip is None)


def blocked_words(order: ActOrder, contacts: tuple[Contact, ...]) -> str:
    """Return why no channel can be used, and what to do."""
    first: Any = next((one for one in contacts if one.skip is not None), None)
    return "" if first is None else skip_words(first.skip, first.channel, order.name)


def lock_messages(connection: Connection, order_id: str) -> None:
    """Lock an order and its messages that have not ended, so that none begins to leave before the transaction ends.

    It waits for a worker that has taken one of them: after it, what has left is known.
    """
    mine = OUTBOX.c.id.in_(select(NOTICES.c.id).where(NOTICES.c.order_id == order_id))
    waiting = lock_ordered(connection, OUTBOX.c.id, and_(mine, OUTBOX.c.settled_at.is_(None)))
    # The outbox before the watches, as delivery locks them.
    connection.execute(select(OUTBOX.c.id).where(waiting)).all()
    lock_orders(connection, {order_id})


def waiting_states(connection: Connection, order_id: str) -> list[str]:
    """Return the states of the messages about an order."""
    query = select(OUTBOX.c.state).select_from(NOTICES_WITH_STATE).where(NOTICES.c.order_id == order_id)
    return list(connection.execute(query).scalars())
