"""Stop writing to a person, and take exactly that back."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from models.enums import Channel
from rules.contact.addresses import email_address, phone_number, readable
from tasks.context import Context
from tasks.desk.acts.subject import ActOrder
from tasks.notices.suppressions import mute, suppressed_addresses, unmute
from tasks.notices.waiting import recheck_waiting
from tasks.orders.due import mark_due
from tasks.tables import ORDERS, WATCHES

MAX_ORDERS = 500
"""The most orders of one customer that are checked again at once."""


def addresses_of(context: Context, order: ActOrder) -> dict[Channel, str]:
    """Return the addresses of an order's customer in their normal form, by channel."""
    customer, country = order.customer, order.customer.country or context.shop.country
    found = {
        Channel.EMAIL: readable(email_address, customer.email) if customer.email else None,
        Channel.SMS: readable(lambda number: phone_number(number, country), customer.phone) if customer.phone else None,
    }
    return {channel: address for channel, address in found.items() if address}


def muted_already(context: Context, connection: Connection, addresses: Mapping[Channel, str]) -> set[Channel]:
    """Return the channels on which nothing is sent to a person now."""
    silent = suppressed_addresses(connection, set(addresses.values()), context.erasure_key)
    return {channel for channel, address in addresses.items() if address in silent}


def mute_person(
    context: Context,
    connection: Connection,
    order: ActOrder,
    channels: Sequence[Channel],
    mute_id: str,
    who: str,
    why: str,
) -> list[Channel]:
    """Put the addresses of an order's customer on the do-not-write list; return the channels that are silent now.

    What waits to go to them is checked again, and does not leave.
    """
    addresses = {channel: one for channel, one in addresses_of(context, order).items() if channel in channels}
    taken = set(mute(connection, dict.fromkeys(addresses.values(), why), mute_id, context.started_at, who))
    recheck_waiting(connection, taken)
    return [channel for channel, address in addresses.items() if address in taken]


def unmute_person(context: Context, connection: Connection, mute_id: str, customer: str | None, who: str) -> int:
    """Take the addresses of one mute off the list again; return how many. The customer's orders are checked again."""
    freed = unmute(connection, mute_id, context.started_at, who, "the act was undone")
    if freed and customer is not None:
        orders = select(ORDERS.c.id).join(WATCHES, WATCHES.c.order_id == ORDERS.c.id)
        mine = connection.execute(orders.where(ORDERS.c.customer_id == customer).limit(MAX_ORDERS)).scalars()
        mark_due(connection, set(mine), context.as_of)
    return len(freed)
