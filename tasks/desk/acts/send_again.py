"""Send a message about an order again, by another channel or to another address, because a person asks for it.

It is a message of its own in the outbox. That the same is told twice is what that person wants: their name is in its
row and in the audit log.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Select, and_, insert, select

from models.customers import LINK_PLACEHOLDER, MailKind
from models.decisions import Contact
from models.enums import Channel, SkipReason, State
from models.errors import ForewarnError
from models.orders import NoticeLine
from rules.contact.addresses import BadAddress, email_address, phone_number
from rules.delays.delays import still_true
from tasks.context import Context
from tasks.customers.links import list_links, mint_link
from tasks.db.outbox import insert_messages, outbox_row, skip_messages
from tasks.desk.acts.subject import ActOrder, contact_of
from tasks.desk.staff_words import skip_words
from tasks.notices.decide import decide_orders
from tasks.notices.deleted_words import HAS_WORDS_FILTER
from tasks.notices.rendering import first_rendered
from tasks.offers.budget import DiscountBudget
from tasks.offers.substitute_stock import SubstituteStock
from tasks.orders.instructions import lock_unheld
from tasks.orders.told import LEFT_STATES, NOTICES_WITH_STATE
from tasks.tables import CUSTOMER_MAILS, NOTICES, OFFERS, OUTBOX
from templates.rendering.customer_mails import STAFF_NOTE, answer_variables
from templates.rendering.fill_variables import order_link, page_link
from templates.rendering.names import greeting_name
from templates.rendering.sms import plain_punctuation

WAITING_STATES = (State.HELD, State.QUEUED, State.SENDING)
TRIED_STATES = (State.SENT, State.DELIVERED, State.BOUNCED, State.REJECTED, State.IN_DOUBT)


@dataclass(frozen=True, slots=True)
class PastMessage:
    """A message about an order that left, or was refused or came back."""

    id: str
    revision: int
    channel: str
    state: str
    at: datetime
    address: str
    subject: str
    text: str
    still_true: bool
    """Whether what it says is so."""
    trial: bool
    """Whether it was kept here, and told nobody."""


@dataclass(frozen=True, slots=True)
class Words:
    """A message to send: its words, and where it goes to."""

    channel: Channel
    contact: Contact
    locale: str
    subject: str
    text: str
    html: str
    link_id: str | None
    repeats: str | None = None


def load_past_messages(
    context: Context, connection: Connection, order: ActOrder, limit: int | None = None
) -> tuple[PastMessage, ...]:
    """Return the messages to an order's customer that can be sent again, the last first; not those without words."""
    query = _past_messages(order).order_by(NOTICES.c.revision.desc(), OUTBOX.c.sending_at.desc(), NOTICES.c.channel)
    ended = _ended_codes(context, connection, order.id)
    return tuple(_past_message(context, order, row, ended) for row in connection.execute(query.limit(limit)))


def find_past_message(context: Context, connection: Connection, order: ActOrder, message_id: str) -> PastMessage | None:
    """Return one of the messages to an order's customer that can be sent again, however old it is."""
    row = connection.execute(_past_messages(order).where(NOTICES.c.id == message_id)).first()
    return None if row is None else _past_message(context, order, row, _ended_codes(context, connection, order.id))


def _past_messages(order: ActOrder) -> Select[Any]:
    return (
        select(NOTICES, *(OUTBOX.c[name] for name in ("state", "trial", "sending_at", "settled_at")))
        .select_from(NOTICES_WITH_STATE)
        .where(
            NOTICES.c.order_id == order.id,
            NOTICES.c.customer_id == order.customer.id,
            OUTBOX.c.state.in_(TRIED_STATES),
            HAS_WORDS_FILTER,
        )
    )


def _ended_codes(context: Context, connection: Connection, order_id: str) -> list[str]:
    """Return the discount codes of an order that are worth nothing any more."""
    ended = OFFERS.c.code.is_not(None) & (OFFERS.c.expires_on < context.as_of)
    return list(connection.scalars(select(OFFERS.c.code).where(OFFERS.c.order_id == order_id, ended)))


def load_last_message(context: Context, connection: Connection, order: ActOrder) -> PastMessage | None:
    """Return the last message that can be sent again; None where there is none, or its words were deleted."""
    return next(iter(load_past_messages(context, connection, order, 1)), None)


def _past_message(context: Context, order: ActOrder, row: Any, ended: Collection[str]) -> PastMessage:
    true = still_true([NoticeLine.from_data(line) for line in row.lines], order.watched.order, context.as_of)
    true = true and not any(code in row.text for code in ended)
    at = row.sending_at or row.settled_at or row.created_at
    return PastMessage(
        row.id, row.revision, row.channel, row.state, at, row.address or "", row.subject, row.text, true, row.trial
    )


def write_again(
    context: Context, connection: Connection, order: ActOrder, past: PastMessage, channel: Channel, address: str = ""
) -> Words:
    """Return the message for a channel and an address; by default the customer's own.

    Raises ForewarnError with a sentence where it may not be sent: what holds for every message holds for it.
    """
    if order.watched.order.held_by:
        raise ForewarnError(f"{order.watched.order.held_by} holds this order. Release it first.")
    if not past.still_true:
        raise ForewarnError(NOT_TRUE)
    customer = order.customer
    if customer.opted_out:
        raise ForewarnError(skip_words(SkipReason.OPTED_OUT, channel, order.name))
    new = _normal(context, order, channel, address) if address else ""
    by_mail = channel is Channel.EMAIL
    asked = customer if not new else replace(customer, email=new) if by_mail else replace(customer, phone=new)
    contact = contact_of(context, connection, asked, channel)
    if contact.skip is not None:
        raise ForewarnError(skip_words(contact.skip, channel, order.name))
    _check_not_twice(connection, order, past, contact)
    if channel == past.channel:
        row = connection.execute(select(NOTICES).where(NOTICES.c.id == past.id)).one()
        link = row.link_id and _working_link(context, connection, order.id, row.link_id)
        return Words(channel, contact, row.locale, row.subject, row.text, row.html, link, past.id)
    return _rendered(context, connection, order, past, contact)


def _working_link(context: Context, connection: Connection, order_id: str, link_id: str) -> str:
    """Return a link that opens the order's page; a new one in place of one that was revoked, or is too old."""
    links = list_links(context, connection, order_id, context.started_at)
    return link_id if any(link["id"] == link_id and link["works"] for link in links) else _NEW_LINK


def _check_not_twice(connection: Connection, order: ActOrder, past: PastMessage, contact: Contact) -> None:
    """Raise ForewarnError where what the message says went to an address already, or goes there by itself."""
    word = "mail" if contact.channel is Channel.EMAIL else "text"
    where = "mail address" if contact.channel is Channel.EMAIL else "number"
    same = and_(NOTICES.c.order_id == order.id, NOTICES.c.revision == past.revision)
    columns = (NOTICES.c.id, NOTICES.c.channel, NOTICES.c.address, OUTBOX.c.state, OUTBOX.c.awaits_fallback)
    for row in connection.execute(select(*columns).select_from(NOTICES_WITH_STATE).where(same)):
        if row.awaits_fallback:
            raise ForewarnError("Another way is tried by itself within a minute. Wait for what becomes of it.")
        if row.channel != contact.channel:
            continue
        if row.state in WAITING_STATES:
            raise ForewarnError(f"A {word} that says it waits already, and leaves by itself.")
        if row.address == contact.address and row.state in (State.SENT, State.DELIVERED):
            raise ForewarnError(f"It went to this {where} already. Choose another way or another address.")
        if row.address == contact.address and row.state == State.IN_DOUBT and row.id != past.id:
            raise ForewarnError(f"It is not known whether the {word} arrived. Settle that first.")
    asked = select(CUSTOMER_MAILS.c.id).join(OUTBOX, OUTBOX.c.id == CUSTOMER_MAILS.c.id)
    again = asked.where(
        CUSTOMER_MAILS.c.order_id == order.id,
        CUSTOMER_MAILS.c.repeats.in_(select(NOTICES.c.id).where(same)),
        CUSTOMER_MAILS.c.channel == contact.channel,
        CUSTOMER_MAILS.c.address == contact.address,
        OUTBOX.c.state.in_((*WAITING_STATES, *LEFT_STATES)),
    )
    if connection.execute(again.limit(1)).first() is not None:
        raise ForewarnError(f"It was sent again to this {where} already. Choose another way or another address.")


def _normal(context: Context, order: ActOrder, channel: Channel, address: str) -> str:
    try:
        if channel is Channel.EMAIL:
            return email_address(address)
        return phone_number(address, order.customer.country or context.shop.country)
    except BadAddress as error:
        what = "mail address" if channel is Channel.EMAIL else "mobile number"
        raise ForewarnError(f"This is not a {what} that a message can be sent to.") from error


def _rendered(context: Context, connection: Connection, order: ActOrder, past: PastMessage, contact: Contact) -> Words:
    """Return what the message says, in the words of another channel, as a second way would be written."""
    same = order.watched.before(past.revision)
    (decision,) = decide_orders(context, connection, [same], SubstituteStock(), DiscountBudget({}))
    found = first_rendered(context, decision.plan, [contact]) if decision.plan is not None else None
    if found is None:
        raise ForewarnError("There is nothing to tell any more, so this message cannot be written for another way.")
    message = found[1]
    needs_link = LINK_PLACEHOLDER in message.text or LINK_PLACEHOLDER in message.html
    link = _NEW_LINK if needs_link else None
    return Words(
        Channel(message.channel), contact, message.locale, message.subject, message.text, message.html, link, past.id
    )


NOT_TRUE = "What this message says is not so any more. Where there is something new to tell, the next run writes it."
_NEW_LINK = "new"
"""Stands for a link that is made as the message is queued."""


def write_note(
    context: Context, connection: Connection, order: ActOrder, note: str, channel: Channel = Channel.EMAIL
) -> Words:
    """Return a personal note as a message by itself. Raises ForewarnError where it may not be sent."""
    if order.watched.order.held_by:
        raise ForewarnError(f"{order.watched.order.held_by} holds this order. Release it first.")
    if order.customer.opted_out:
        raise ForewarnError(skip_words(SkipReason.OPTED_OUT, channel, order.name))
    contact = contact_of(context, connection, order.customer, channel)
    if contact.skip is not None:
        raise ForewarnError(skip_words(contact.skip, channel, order.name))
    facts = order.watched.order
    url = facts.url or page_link(context.shop) or order_link(context.shop.links, facts.id)
    if channel is Channel.SMS:
        shop = context.shop.sms_name or context.shop.name
        text = plain_punctuation(f"{shop}, {facts.id}: {note}")
        return Words(channel, contact, order.customer.locale or context.shop.locale, "", text, "", None)
    variables = answer_variables(order.customer.name, facts.id, facts.placed_on, url, context.as_of)
    words = context.renderer.answers.render(STAFF_NOTE, order.customer.locale, variables, note=note)
    link = _NEW_LINK if LINK_PLACEHOLDER in words.text + words.html else None
    return Words(channel, contact, words.language, words.subject, words.text, words.html, link)


def queue_words(
    context: Context, connection: Connection, order: ActOrder, words: Words, kind: MailKind, who: str
) -> str:
    """Queue a message that staff asked for; return its id. Raises ForewarnError where the order is held by now."""
    lock_unheld(connection, order.id)
    key, now = uuid4().hex, context.started_at
    link_id = words.link_id
    if link_id == _NEW_LINK:
        link_id, _ = mint_link(context, connection, order.id, order.customer.id)
    row = {
        "id": key,
        "order_id": order.id,
        "customer_id": order.customer.id,
        "kind": kind,
        "channel": words.channel,
        "asked_by": who,
        "repeats": words.repeats,
        "choice_id": None,
        "link_id": link_id,
        "address": words.contact.address,
        "to_name": greeting_name(order.customer.name),
        "locale": words.locale,
        "subject": words.subject,
        "text": words.text,
        "html": words.html,
        "created_at": now,
    }
    connection.execute(insert(CUSTOMER_MAILS).values(row))
    hours = {"not_before": words.contact.not_before, "valid_until": words.contact.valid_until}
    insert_messages(connection, [outbox_row(key, words.channel, State.QUEUED, now, **hours)])
    return key


def withdraw_message(connection: Connection, key: str, now: datetime) -> bool:
    """Withdraw a message that staff asked for and that has not left; return whether it was withdrawn."""
    queued = OUTBOX.c.id == key, OUTBOX.c.state == State.QUEUED
    return skip_messages(connection, queued[0] & queued[1], SkipReason.DROPPED, now) == [key]
