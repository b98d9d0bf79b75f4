"""Load an order's story: all that somebody who answers its customer must see, on one page."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from sqlalchemy import Connection, select

from models.customers import Choice, OpenChoices, OrderPage, PageItem
from models.enums import Channel, RemedyKind, SkipReason, State
from models.errors import ForewarnError
from models.orders import CustomerFacts
from models.promise_clock import ClockState
from models.quantities import plain
from models.reasons import DelayReason
from rules.contact.addresses import email_address, phone_number, readable
from rules.contact.masking import mask_address
from rules.promise_clock.sentences import standing_sentence
from tasks.context import Context
from tasks.customers.order_now import load_order_now
from tasks.customers.order_page import page_of
from tasks.db.sql import in_list
from tasks.desk.acts_offered import OfferedAct, acts_offered, load_act_facts
from tasks.desk.messages import OrderMessage, load_messages
from tasks.desk.timeline import StoryEvent, load_timeline
from tasks.desk.why import load_why
from tasks.desk.why_sentence import why_sentence
from tasks.notices.suppressions import suppressed_addresses
from tasks.promise_clock.facts import load_line_clocks
from tasks.promise_clock.timeline import silence_words
from tasks.reporting.explain_consent import explain_consent
from tasks.reporting.explain_supply import explain_coverage, explain_dates
from tasks.tables import OFFERS, ORDERS, PRODUCTS

SWAPPABLE = ("open", "ready")
"""Statuses of an item that a substitute may still take the place of."""
OVER = (ClockState.DONE, ClockState.CLOSED, ClockState.CANCELLED, ClockState.EXEMPT)


@dataclass(frozen=True, slots=True)
class StoryConsent:
    """What may go to the customer by one channel."""

    channel: str
    purpose: str
    allowed: bool
    why: str
    since: date | None


@dataclass(frozen=True, slots=True)
class StoryCustomer:
    """Who ordered; addresses are masked."""

    name: str
    mail: str
    phone: str
    locale: str
    country: str
    opted_out: bool
    consents: tuple[StoryConsent, ...]


@dataclass(frozen=True, slots=True)
class StoryItem:
    """A line of the order."""

    line: str
    product: str
    url: str
    quantity: str
    status: str
    days_late: int
    promised_on: date
    expected_on: date | None
    earliest_on: date | None
    latest_on: date | None
    source: str
    """Who says when it comes: a DateSource; empty where nobody does."""
    set_by: str
    covered_by: str
    reason: str
    """Why it is late, in the shop's language; empty where nobody knows."""


@dataclass(frozen=True, slots=True)
class StoryOffer:
    """What the customer was offered."""

    kind: RemedyKind
    line: str
    products: tuple[str, ...]
    code: str
    percent: Decimal | None
    amount: Decimal | None
    currency: str
    expires_on: date | None
    used: bool
    over: bool = False
    """Whether what it is for is over, so that nobody can take it any more."""


@dataclass(frozen=True, slots=True)
class StoryDeadline:
    """Where a line stands by the law of its country."""

    line: str
    product: str
    country: str
    sentence: str
    silence: str
    deadline: date | None


@dataclass(frozen=True, slots=True)
class Story:
    """An order's story."""

    page: OrderPage
    why: str
    as_of: date
    customer: StoryCustomer
    items: tuple[StoryItem, ...]
    offers: tuple[StoryOffer, ...]
    deadlines: tuple[StoryDeadline, ...]
    messages: tuple[OrderMessage, ...]
    timeline: tuple[StoryEvent, ...]
    acts: tuple[OfferedAct, ...]

    @property
    def order_id(self) -> str:
        """Return the order's number."""
        return self.page.order_id

    @property
    def choices(self) -> tuple[Choice, ...]:
        """Return what the customer answered, the newest first."""
        return self.page.choices

    @property
    def open(self) -> OpenChoices:
        """Return what the customer may choose now."""
        return self.page.open


def load_story(
    context: Context, connection: Connection, order_id: str, acts: Sequence[StoryEvent] = ()
) -> Story | None:
    """Return an order's story at the context's moment; None where the order is unknown. `acts` are those of staff."""
    try:
        now = load_order_now(context, connection, order_id, context.as_of)
    except ForewarnError:
        return None
    page = page_of(context, connection, now)
    messages = load_messages(connection, order_id)
    facts = load_act_facts(context, connection, now, may_answer=bool(page.open.acts))
    return Story(
        page=page,
        why=why_sentence(load_why(context, connection, now.owed)),
        as_of=context.as_of,
        customer=_customer(context, connection, now.sold.customer),
        items=_items(context, connection, page),
        offers=_offers(connection, page, messages),
        deadlines=_deadlines(context, connection, order_id),
        messages=messages,
        timeline=load_timeline(context, connection, now.sold, messages, page.choices, acts),
        acts=acts_offered(facts),
    )


def order_exists(connection: Connection, order_id: str) -> bool:
    """Return whether an order is known."""
    return connection.execute(select(ORDERS.c.id).where(ORDERS.c.id == order_id)).first() is not None


def _customer(context: Context, connection: Connection, customer: CustomerFacts) -> StoryCustomer:
    country = customer.country or context.shop.country
    number = partial(phone_number, country=country)
    mail, phone = readable(email_address, customer.email), readable(number, customer.phone)
    consents = explain_consent(context, connection, customer)
    silent = suppressed_addresses(connection, {each for each in (mail, phone) if each}, context.erasure_key)
    stopped = {
        channel
        for channel, address in ((Channel.EMAIL, mail), (Channel.SMS, phone))
        if address and silent.get(address) is SkipReason.SUPPRESSED
    }
    return StoryCustomer(
        name=customer.name,
        mail=_masked(mail or customer.email),
        phone=_masked(phone or customer.phone),
        locale=customer.locale or context.shop.locale,
        country=country,
        opted_out=customer.opted_out,
        consents=tuple(_consent(context, one, stopped) for one in consents),
    )


def _masked(address: str | None) -> str:
    return mask_address(address) if address else ""


def _consent(context: Context, one: Mapping[str, Any], stopped: Set[str]) -> StoryConsent:
    """Return what may go by a channel; nothing may to an address that is on the do-not-write list."""
    if one["channel"] in stopped:
        what = "number" if one["channel"] == Channel.SMS else "address"
        why = f"the {what} is on the do-not-write list"
        return StoryConsent(str(one["channel"]), str(one["purpose"]), allowed=False, why=why, since=None)
    return StoryConsent(str(one["channel"]), str(one["purpose"]), one["allowed"], one["why"], context.day(one["at"]))


def _items(context: Context, connection: Connection, page: OrderPage) -> tuple[StoryItem, ...]:
    found = explain_dates(connection, page.order_id)
    dates = {stored["line"]: stored for stored in found if stored["ended_at"] is None}
    covered: dict[str, list[str]] = {}
    for part in explain_coverage(connection, page.order_id):
        covered.setdefault(part["line"], []).append(part["covered by"])
    items = [item for parcel in page.parcels for item in parcel.items]
    return tuple(_item(context, item, dates.get(item.number), covered.get(item.number, [])) for item in items)


def _item(context: Context, item: PageItem, stored: Mapping[str, Any] | None, covered: Sequence[str]) -> StoryItem:
    known = stored is not None and stored["expected_on"] == item.expected_on
    source = str(stored["source"]) if stored is not None and known else "shop" if item.expected_on else ""
    return StoryItem(
        line=item.number,
        product=item.product.name,
        url=item.product.url or "",
        quantity=plain(item.quantity),
        status=item.status,
        days_late=item.days_late,
        promised_on=item.promised_on,
        expected_on=item.expected_on,
        earliest_on=item.earliest_on,
        latest_on=item.latest_on,
        source=source,
        set_by=str(stored["set_by"]) if stored is not None and source == "staff" else "",
        covered_by="; ".join(dict.fromkeys(covered)),
        reason=_reason(context, item.reason),
    )


def _reason(context: Context, reason: DelayReason | None) -> str:
    return (context.renderer.reasons.clause(reason, context.shop.locale) or "") if reason else ""


def _offers(connection: Connection, page: OrderPage, messages: Sequence[OrderMessage]) -> tuple[StoryOffer, ...]:
    """Return the offers that belong to a message that has left, or may have, the newest first."""
    left = [one.created_at for one in messages if one.change and one.state not in (State.HELD, State.SKIPPED)]
    rows = (
        connection.execute(
            select(OFFERS).where(OFFERS.c.order_id == page.order_id).order_by(OFFERS.c.created_at.desc(), OFFERS.c.id)
        )
        .mappings()
        .all()
    )
    names = _product_names(connection, {product for row in rows for product in row["products"]})
    swappable = {item.number for parcel in page.parcels for item in parcel.items if item.status in SWAPPABLE}
    taken = {choice.discount.code for choice in page.choices if choice.discount is not None}
    return tuple(
        StoryOffer(
            kind=RemedyKind(row["kind"]),
            line=row["line"],
            products=tuple(names.get(product, product) for product in row["products"]),
            code=row["code"] or "",
            percent=row["percent"],
            amount=row["amount"],
            currency=row["currency"],
            expires_on=row["expires_on"],
            used=row["code"] is not None and row["code"] in taken,
            over=row["kind"] == RemedyKind.SUBSTITUTE and row["line"] not in swappable,
        )
        for row in rows
        if any(at >= row["created_at"] for at in left)
    )


def _product_names(connection: Connection, products: set[str]) -> dict[str, str]:
    query = select(PRODUCTS.c.id, PRODUCTS.c.name).where(in_list(connection, PRODUCTS.c.id, products))
    return {row.id: row.name for row in connection.execute(query)} if products else {}


def _deadlines(context: Context, connection: Connection, order_id: str) -> tuple[StoryDeadline, ...]:
    clocks = load_line_clocks(context, connection, [order_id], context.as_of).get(order_id, ())
    return tuple(
        StoryDeadline(
            line=clock.line.number,
            product=clock.line.product.name,
            country=clock.country,
            sentence=standing_sentence(clock.standing, clock.rules, context.as_of),
            silence=silence_words(clock),
            deadline=clock.standing.deadline,
        )
        for clock in clocks
        if clock.standing.state not in OVER
    )
