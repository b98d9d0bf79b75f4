"""Turn an order's story into the words and shapes of its page."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from babel import Locale
from babel.numbers import format_currency

from models.customers import Act
from models.enums import RemedyKind, SkipReason, State
from tasks.desk.messages import MessageEvent, OrderMessage
from tasks.desk.staff_words import (
    DATE_SOURCES,
    OFFERS,
    STATE_CHIPS,
    TRIAL_CHIP,
    days_words,
    long_day,
    short_date,
    skip_words,
    zone_name,
)
from tasks.desk.story import Story, StoryConsent, StoryDeadline, StoryItem, StoryOffer
from tasks.desk.timeline import MAX_EVENTS, StoryEvent
from web.staff.addresses import message_address, order_address

ISO_DAY = re.compile(r"\b(\d{4}-\d{2}-\d{2})\b")
ITEM_CHIPS = {
    "ready": ("good", "Here, can leave"),
    "packed": ("good", "Packed"),
    "sent": ("good", "On its way"),
    "arrived": ("good", "Arrived"),
    "cancelled": ("calm", "Cancelled"),
    "cancel_requested": ("wait", "Cancellation requested"),
    "swap_requested": ("wait", "Swap requested"),
    "swapped": ("calm", "Swapped"),
}
EVENT_WORDS = {
    "sent": "Sent",
    "delivered": "Delivered",
    "bounced": "Came back",
    "rejected": "Refused",
    "in_doubt": "May or may not have left",
    "queued": "Waiting to be sent again",
    "skipped": "Not sent",
    "settled_sent": "Settled: it was sent",
    "settled_not_sent": "Settled: it was not sent",
    "for_people": "Only a person can settle it",
    "callback_conflict": "The provider contradicts itself",
    "too_late": "An answer came too late to count",
    "suppressed": "Nothing more is sent to this address",
    "fallback": "Tried by another channel",
}
PURPOSES = {"service": "about orders", "marketing": "offers"}
CHANNEL_NAMES = {"email": "Mail", "sms": "Texts"}


@dataclass(frozen=True, slots=True)
class Chip:
    """A state: its shape and its words."""

    kind: str
    word: str


@dataclass(frozen=True, slots=True)
class EventView:
    """One event of the timeline."""

    mark: str
    text: str
    """What stands before a masked address, or all of it."""
    masked: str
    rest: str
    detail: str
    time: str
    machine: str
    url: str = ""
    chip: Chip | None = None
    history: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DayView:
    """The events of one day."""

    title: str
    events: tuple[EventView, ...]


@dataclass(frozen=True, slots=True)
class ItemView:
    """A line of the order."""

    name: str
    url: str
    chip: Chip
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoryView:
    """The page of an order's story."""

    title: str
    chip: Chip
    why: str
    buttons: tuple[tuple[str, str], ...]
    more: tuple[tuple[str, str], ...]
    days: tuple[DayView, ...]
    older: str
    newest: str
    customer: tuple[tuple[str, str], ...]
    show: str
    items: tuple[ItemView, ...]
    offers: tuple[str, ...]
    deadlines: tuple[tuple[str, str], ...]
    evidence: str
    evidence_json: str


def story_view(story: Story, zone: ZoneInfo, *, may_act: bool, after: int = 0) -> StoryView:
    """Return the page of a story; `after` events of it are left out, the newest first."""
    order = story.order_id
    shown = story.timeline[after : after + MAX_EVENTS]
    left = len(story.timeline) > after + MAX_EVENTS
    acts = story.acts if may_act else ()
    return StoryView(
        title=f"Order {order}",
        chip=order_chip(story),
        why=story.why,
        buttons=tuple((act.label, order_address(order, act.name)) for act in acts if act.main),
        more=tuple((act.label, order_address(order, act.name)) for act in acts if not act.main),
        days=days_of(shown, order, zone, story.as_of),
        older=f"{order_address(order)}?after={after + MAX_EVENTS}#happened" if left else "",
        newest=order_address(order) if after else "",
        customer=_customer(story),
        show=order_address(order, "show") if may_act and (story.customer.mail or story.customer.phone) else "",
        items=tuple(item_view(item, story.as_of) for item in story.items),
        offers=tuple(offer_words(offer, story.as_of) for offer in story.offers),
        deadlines=_deadlines(story.deadlines, story.as_of),
        evidence=order_address(order, "evidence"),
        evidence_json=f"{order_address(order, 'evidence')}?as=json",
    )


def order_chip(story: Story) -> Chip:
    """Return how late an order is."""
    page = story.page
    if page.days_late:
        return Chip("wait", f"{days_words(page.days_late)} late")
    words = {
        "arrived": ("good", "Arrived"),
        "sent": ("good", "On its way"),
        "cancelled": ("calm", "Cancelled"),
        "cancel_requested": ("wait", "Cancellation requested"),
        "no_date": ("wait", "No date known"),
    }
    ended = [ITEM_CHIPS[item.status] for item in story.items if item.status in ITEM_CHIPS]
    otherwise = ended[0] if ended and len(ended) == len(story.items) else ("good", "On time")
    return Chip(*words.get(page.headline, otherwise))


def days_of(events: Sequence[StoryEvent], order: str, zone: ZoneInfo, today: date) -> tuple[DayView, ...]:
    """Return events by day in the shop's zone, as they come."""
    by_day = groupby(events, key=lambda event: event.at.astimezone(zone).date())
    return tuple(
        DayView(_day_title(day, today), tuple(_event(event, order, zone, today) for event in found))
        for day, found in by_day
    )


def _day_title(day: date, today: date) -> str:
    if day == today:
        return f"Today, {short_date(day, today)}"
    return f"Yesterday, {short_date(day, today)}" if day == today - timedelta(days=1) else long_day(day, today)


def _event(event: StoryEvent, order: str, zone: ZoneInfo, today: date) -> EventView:
    local = event.at.astimezone(zone)
    message = event.message
    before, masked, rest = event.text.partition(message.to) if message and message.to else (event.text, "", "")
    return EventView(
        mark=event.mark,
        text=before,
        masked=masked,
        rest=rest,
        detail=event.detail,
        time=f"{local:%H:%M}",
        machine=local.isoformat(timespec="seconds"),
        url=message_address(order, message.number) if message else "",
        chip=message_chip(message, zone) if message else None,
        history=message_history(message, zone, today) if message and message.events else (),
    )


def message_chip(message: OrderMessage, zone: ZoneInfo) -> Chip:
    """Return where a message stands."""
    if message.trial and message.state in (State.SENT, State.DELIVERED):
        return Chip(*TRIAL_CHIP)
    kind, word = STATE_CHIPS[message.state]
    if message.state is State.QUEUED and message.attempts:
        return Chip(kind, "Not taken yet; it is tried again")
    if message.state is State.QUEUED and message.not_before > message.created_at:
        return Chip(kind, f"Waits until {message.not_before.astimezone(zone):%H:%M} ({zone_name(zone.key)})")
    if message.state is State.SKIPPED and message.reason in set(SkipReason):
        return Chip(kind, f"Not sent: {NOT_SENT[SkipReason(message.reason)]}")
    return Chip(kind, word)


NOT_SENT = {
    SkipReason.NO_ADDRESS: "no address",
    SkipReason.BAD_ADDRESS: "the address cannot be one",
    SkipReason.NOT_MOBILE: "a landline gets no texts",
    SkipReason.OPTED_OUT: "wants no messages",
    SkipReason.SUPPRESSED: "on the do-not-write list",
    SkipReason.NO_CONSENT: "no consent to texts",
    SkipReason.NO_HOUR: "no common daytime hour",
    SkipReason.RENDER_FAILED: "it could not be written",
    SkipReason.SHIPPED: "it left first",
    SkipReason.CANCELLED: "cancelled first",
    SkipReason.CHANGED: "the facts changed first",
    SkipReason.SUPERSEDED: "a newer one took its place",
    SkipReason.DROPPED: "decided not to send",
    SkipReason.TOO_OLD: "it waited too long",
    SkipReason.TRIAL: "the trial ended",
}


def message_history(message: OrderMessage, zone: ZoneInfo, today: date) -> tuple[str, ...]:
    """Return what happened to a message, each with its time."""
    return tuple(_step(event, zone, today) for event in message.events)


def _step(event: MessageEvent, zone: ZoneInfo, today: date) -> str:
    words = EVENT_WORDS.get(event.kind, event.kind.replace("_", " ").capitalize())
    why = event.why
    if why in set(SkipReason):
        why = NOT_SENT[SkipReason(why)]
    return f"{full_moment(event.at, zone, today)}: {words}{f' ({why})' if why else ''}"


def full_moment(at: datetime, zone: ZoneInfo, today: date) -> str:
    """Return a moment as 24 November, 14:03."""
    local = at.astimezone(zone)
    return f"{short_date(local.date(), today)}, {local:%H:%M}"


def item_view(item: StoryItem, today: date) -> ItemView:
    """Return a line of the order in words."""
    chip = Chip(*ITEM_CHIPS[item.status]) if item.status in ITEM_CHIPS else None
    if chip is None:
        late = Chip("wait", f"{days_words(item.days_late)} late")
        chip = late if item.days_late else Chip("good", "On time")
    over = item.status in ("cancelled", "swapped", "arrived", "sent")
    texts = [f"{item.quantity} × , promised by {short_date(item.promised_on, today)}.".replace("× ,", "pieces,")]
    if item.quantity == "1":
        texts = [f"Promised by {short_date(item.promised_on, today)}."]
    if not over:
        texts += _expected(item, today)
    if item.reason:
        texts.append(f"Reason given to customers: {item.reason}.")
    if item.covered_by and not over:
        texts.append(f"Covered by {_days_in(item.covered_by, today)}.")
    return ItemView(item.product, item.url, chip, tuple(texts))


def _expected(item: StoryItem, today: date) -> list[str]:
    if item.expected_on is None:
        return ["No date is known."] if item.days_late else []
    says = f"{item.set_by} said so" if item.set_by else DATE_SOURCES.get(item.source, "")
    span = ""
    if item.earliest_on and item.latest_on:
        span = f", between {short_date(item.earliest_on, today)} and {short_date(item.latest_on, today)}"
    return [f"Expected by {short_date(item.expected_on, today)}{span}{': ' + says if says else ''}."]


def offer_words(offer: StoryOffer, today: date) -> str:
    """Return an offer in a sentence."""
    if offer.kind is RemedyKind.SUBSTITUTE:
        until = "not open any more: the item is over" if offer.over else "open until it is gone"
        return f"Swap for {' or '.join(offer.products)}, {until}."
    worth = f"{offer.percent.normalize():f} %" if offer.percent is not None else ""
    if offer.amount is not None:
        worth = format_currency(offer.amount, offer.currency, locale="en")
    until = f", until {short_date(offer.expires_on, today)}" if offer.expires_on else ""
    worth = f", {worth}" if worth else ""
    return f"{OFFERS[offer.kind]}: code {offer.code}{worth}{until}, {'taken' if offer.used else 'not taken yet'}."


def _customer(story: Story) -> tuple[tuple[str, str], ...]:
    customer = story.customer
    language = Locale.parse(customer.locale).get_display_name("en") or customer.locale
    pairs = [
        ("Name", customer.name or "Erased"),
        ("Mail", customer.mail or "None known"),
        ("Phone", customer.phone or "None known"),
        ("Language", language),
    ]
    if customer.opted_out:
        pairs.append(("Messages", "Wants none about orders"))
    return (*pairs, *((_consent_name(one), _consent_words(one, story.as_of)) for one in customer.consents))


def _consent_name(one: StoryConsent) -> str:
    return f"{CHANNEL_NAMES.get(one.channel, one.channel)}, {PURPOSES.get(one.purpose, one.purpose)}"


def _consent_words(one: StoryConsent, today: date) -> str:
    since = f" since {short_date(one.since, today)}" if one.since else ""
    return f"{'Yes' if one.allowed else 'No'}. {one.why[0].upper()}{one.why[1:]}{since}."


def _deadlines(deadlines: Sequence[StoryDeadline], today: date) -> tuple[tuple[str, str], ...]:
    return tuple(
        (f"{one.product} ({one.country})", _days_in(" ".join(filter(None, (one.sentence, one.silence))), today))
        for one in deadlines
    )


def _days_in(text: str, today: date) -> str:
    return ISO_DAY.sub(lambda found: short_date(date.fromisoformat(found[1]), today), text)


def can_do(story: Story) -> str:
    """Return what the customer can choose now, in a sentence; empty where they can choose nothing."""
    choices = story.open
    words = []
    if Act.WAIT in choices.acts:
        words.append("wait")
    if Act.SHIP in choices.acts:
        words.append("have sent what is ready")
    words += [f"swap for {swap.product.name}" for swap in choices.swaps[:2]]
    if choices.cancels:
        refund = choices.cancels[0].refund
        money = f" ({format_currency(refund, story.page.currency, locale='en')} back)" if refund is not None else ""
        words.append(f"cancel{money}")
    elif Act.WITHDRAW in choices.acts:
        words.append("withdraw from the contract")
    if not words:
        return ""
    listed = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
    return f"The customer can {listed}."


def outcome_sentence(message: OrderMessage, customer: str, zone: ZoneInfo, today: date, hours: int) -> str:
    """Return what became of a message, in a sentence."""
    word = "text" if message.is_text else "mail"
    at = full_moment(message.at, zone, today)
    if message.trial and message.state in (State.SENT, State.DELIVERED):
        return f"This {word} was a trial on {at}: it was kept here and not sent. {customer} does not know of it."
    match message.state:
        case State.DELIVERED:
            return f"This {word} left on {at} and was delivered."
        case State.SENT:
            return f"This {word} left on {at}. The provider took it, and has not confirmed that it arrived."
        case State.BOUNCED:
            return f"This {word} left on {at} and came back: the address does not work. {customer} does not know of it."
        case State.REJECTED:
            quoted = f': "{message.reason}"' if message.reason else ""
            return f"The provider refused this {word} on {at}{quoted}. {customer} does not know of it."
        case State.IN_DOUBT:
            return f"We do not know whether this {word} left on {at}. Do not promise that {customer} has it."
        case State.HELD:
            return f"This {word} waits: its run is held until somebody releases it."
        case State.SENDING:
            return f"This {word} is being sent right now."
        case State.QUEUED:
            return f"This {word} waits to be sent, not before {full_moment(message.not_before, zone, today)}."
        case _:
            return f"This {word} was not sent. {skip_words(message.reason, message.channel, customer, '', hours)}"
