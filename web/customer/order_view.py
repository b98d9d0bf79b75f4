"""Say how an order stands: the answer first, then what can be chosen, then what comes when."""

from models.customers import STANDING, ChoiceState, Headline, OrderPage, PageItem, PageParcel, SentMessage
from models.enums import Channel
from models.orders import Shipment
from templates.rendering.names import display_name
from templates.rendering.page_words import PageWords
from templates.rendering.silence import rights_text, silence_text
from web.customer.choice_words import CHANNELS, answer_row, choice_rows, moment_stamp
from web.customer.links import PageLinks
from web.customer.reasons import reason_text
from web.customer.shop_links import ShopLinks
from web.customer.view_models import OrderView
from web.customer.view_parts import Anchor, Chip, Fact, ItemRow, MessageRow, ParcelBlock, Stamp, Tone

TITLES = {
    Headline.LATE: "late_title",
    Headline.PART_LATE: "part_late_title",
    Headline.NO_DATE: "no_date_title",
    Headline.GOOD_NEWS: "good_news_title",
    Headline.MAY_BE_LATE: "may_be_late_title",
    Headline.ON_TIME: "on_time_title",
    Headline.ARRIVED: "arrived_title",
    Headline.CANCELLED: "cancelled_title",
    Headline.SENT: "sent_off_title",
    Headline.CANCEL_REQUESTED: "cancel_requested_title",
}
OVER = (Headline.ARRIVED, Headline.CANCELLED, Headline.CANCEL_REQUESTED)
"""Nothing is expected any more."""
SHOWN = (*STANDING, ChoiceState.REFUSED)
"""Choices that stand above those still open; the others are history."""
ENDED = ("cancelled", "cancel_requested", "swap_requested", "swapped")
CALM = (Headline.ON_TIME, Headline.SENT)
"""Nothing is late, so no reason is owed."""
GONE = ("sent", "arrived")
CHIPS = {
    "ready": (Tone.GOOD, "chip_ready"),
    "packed": (Tone.GOOD, "chip_packed"),
    "sent": (Tone.GOOD, "chip_sent"),
    "arrived": (Tone.GOOD, "chip_arrived"),
    "cancelled": (Tone.CALM, "chip_cancelled"),
    "cancel_requested": (Tone.CALM, "chip_cancel_requested"),
    "swap_requested": (Tone.CALM, "chip_swap_requested"),
    "swapped": (Tone.CALM, "chip_swapped"),
}


def order_view(words: PageWords, links: PageLinks, shop: ShopLinks, page: OrderPage) -> OrderView:
    """Return the order page."""
    rows = choice_rows(words, links, page)
    note = words.say("too_late") if page.open.too_late else _silence(words, page) if rows else ""
    return OrderView(
        title=words.say(TITLES[page.headline]),
        order_line=words.say("order_line", order=page.order_id, placed_on=words.short_day(page.placed_on)),
        fact=fact(words, page),
        rows=rows,
        note=note,
        answers=tuple(answer_row(words, links, page, choice) for choice in page.choices if choice.state in SHOWN),
        parcels_title=words.say("items_title" if page.headline in OVER else "parcels_title"),
        parcels=_parcel_blocks(words, shop, page),
        history_title=words.say("history_title" if page.choices else "messages_title"),
        history=_history(words, links, page),
        stop_texts=_stop_texts(words, links, page),
    )


def _stop_texts(words: PageWords, links: PageLinks, page: OrderPage) -> Anchor | None:
    """Return the link that stops texts, where the customer got one about this order."""
    got_texts = any(message.channel == Channel.SMS for message in page.messages)
    return Anchor(links.texts(), words.say("stop_texts_link")) if got_texts else None


def _silence(words: PageWords, page: OrderPage) -> str:
    """Return what it means if nothing is chosen, and until when there is a choice."""
    late = len({item.number for parcel in page.parcels for item in parcel.items if item.days_late})
    dated = page.expected_on is not None
    says = silence_text(words, page.silence, late, is_dated=dated) if page.silence is not None else ""
    return " ".join(filter(None, (says, words.say("until_packed"), rights_text(words, page.rights))))


def fact(words: PageWords, page: OrderPage) -> Fact | None:
    """Return the date, how late it is and why; None where nothing is expected any more."""
    if page.headline in OVER:
        return None
    ships = any(item.ships for parcel in page.parcels for item in parcel.items if item.status not in (*ENDED, *GONE))
    on_time = page.headline in CALM
    if page.headline is Headline.MAY_BE_LATE:
        return _likely_fact(words, page, ships=ships)
    if page.expected_on is None:
        return None if on_time else _undated_fact(words, page, ships=ships)
    label = ("expected_ships" if ships else "expected") if on_time else ("now_ships" if ships else "now_expected")
    value = Stamp(words.day(page.expected_on), page.expected_on.isoformat())
    texts = [_lateness(words, page), _range(words, page), "" if on_time else reason_text(words, page.reason)]
    if page.headline is Headline.GOOD_NEWS:
        texts = texts[:2]
    return Fact(words.say(label), value, tuple(filter(None, texts)))


def _likely_fact(words: PageWords, page: OrderPage, *, ships: bool) -> Fact | None:
    if page.earliest_on is None or page.latest_on is None:
        return None
    days = {"earliest": words.short_day(page.earliest_on), "latest": words.short_day(page.latest_on)}
    value = Stamp(words.say("may_come_range", **days), "")
    return Fact(words.say("may_ship" if ships else "may_come"), value, (words.say("may_come_text"),))


def _undated_fact(words: PageWords, page: OrderPage, *, ships: bool) -> Fact:
    texts = [words.say("no_date_text"), reason_text(words, page.reason)]
    if page.promised_on is not None:
        texts.insert(0, words.say("promised", promised_on=words.short_day(page.promised_on)))
    label = words.say("now_ships" if ships else "now_expected")
    return Fact(label, Stamp(words.say("no_date"), ""), tuple(texts))


def _lateness(words: PageWords, page: OrderPage) -> str:
    if page.promised_on is None:
        return ""
    promised_on = words.short_day(page.promised_on)
    if page.days_late > 0:
        return words.say("days_late", days=page.days_late, promised_on=promised_on)
    return words.say("promised", promised_on=promised_on)


def _range(words: PageWords, page: OrderPage) -> str:
    earliest, latest, expected_on = page.earliest_on, page.latest_on, page.expected_on
    if earliest is None or latest is None or expected_on is None or earliest == latest:
        return ""
    days = {"earliest": earliest, "latest": latest, "expected_on": expected_on}
    return words.say("date_range", **{name: words.short_day(day) for name, day in days.items()})


def _parcel_blocks(words: PageWords, shop: ShopLinks, page: OrderPage) -> tuple[ParcelBlock, ...]:
    coming = [parcel for parcel in page.parcels if not _is_over(parcel)]
    numbers = {id(parcel): number for number, parcel in enumerate(coming, 1)}
    return tuple(
        ParcelBlock(
            _parcel_title(words, parcel, numbers.get(id(parcel), 0), len(coming)),
            tuple(_item_row(words, shop, page, item) for item in parcel.items),
            tuple(filter(None, (_tracking(words, shipment) for shipment in parcel.shipments))),
        )
        for parcel in page.parcels
    )


def _is_over(parcel: PageParcel) -> bool:
    return all(item.status in (*ENDED, "arrived") for item in parcel.items)


def _parcel_title(words: PageWords, parcel: PageParcel, number: int, count: int) -> str:
    """Return a parcel's heading; an order of one parcel needs no number."""
    if not number:
        arrived = any(item.status == "arrived" for item in parcel.items)
        return words.say("parcel_arrived" if arrived else "parcel_ended")
    name = words.say("parcel", number=number, count=count)
    if any(item.status in GONE for item in parcel.items):
        return words.say("parcel_sent", parcel=name) if count > 1 else words.say("parcel_only_sent")
    if parcel.leaves_on is None and any(item.expected_on for item in parcel.items):
        return name if count > 1 else words.say("parcel_only")
    if parcel.leaves_on is None:
        return words.say("parcel_undated", parcel=name) if count > 1 else words.say("parcel_only_undated")
    day = words.day(parcel.leaves_on)
    return words.say("parcel_leaves", parcel=name, day=day) if count > 1 else words.say("parcel_only_leaves", day=day)


def _item_row(words: PageWords, shop: ShopLinks, page: OrderPage, item: PageItem) -> ItemRow:
    reason = reason_text(words, item.reason) if item.reason and item.reason != page.reason else ""
    return ItemRow(
        name=item_name(words, item),
        url=shop.product(item.product),
        chip=_chip(words, item),
        texts=tuple(filter(None, (item_date(words, item), reason))),
        category=shop.category(words, item.product),
    )


def item_name(words: PageWords, item: PageItem) -> str:
    """Return an item's name, with its pieces where there are several."""
    name = display_name(item.product.name)
    return name if item.quantity == 1 else words.say("quantity", quantity=item.quantity, product=name)


def item_date(words: PageWords, item: PageItem) -> str:
    """Say when an item is expected; nothing where it has come or will not."""
    if item.status == "arrived" or item.status in ENDED:
        return ""
    if item.expected_on is None:
        return words.say("item_undated")
    return words.say("item_ships" if item.ships else "item_expected", day=words.day(item.expected_on))


def _chip(words: PageWords, item: PageItem) -> Chip | None:
    if item.status in CHIPS:
        tone, key = CHIPS[item.status]
        return Chip(tone, words.say(key))
    if item.days_late > 0:
        return Chip(Tone.WAIT, words.say("chip_late", days=item.days_late))
    if item.may_be_late:
        return Chip(Tone.CALM, words.say("chip_may_be_late"))
    if item.expected_on is None:
        return None
    return Chip(Tone.GOOD, words.say("chip_on_time"))


def _tracking(words: PageWords, shipment: Shipment) -> Anchor | None:
    carrier = display_name(shipment.carrier or "")
    url = shipment.tracking_url
    if url and url.startswith(("https://", "http://")):
        return Anchor(url, words.say("track", carrier=carrier) if carrier else words.say("track_parcel"))
    if not carrier or not shipment.tracking_number:
        return None
    return Anchor("", words.say("tracking", carrier=carrier, number=display_name(shipment.tracking_number)))


def _history(words: PageWords, links: PageLinks, page: OrderPage) -> tuple[MessageRow, ...]:
    """Return what was written and answered, the newest first."""
    rows = [_message_row(words, links, message) for message in page.messages]
    for choice in page.choices:
        answer = answer_row(words, links, page, choice)
        rows.append(MessageRow(answer.url, answer.text, answer.chip.text, answer.at))
    return tuple(sorted(rows, key=lambda row: row.at.machine, reverse=True))


def _message_row(words: PageWords, links: PageLinks, message: SentMessage) -> MessageRow:
    channel = words.say(CHANNELS[message.channel])
    at = moment_stamp(words, message.at)
    subject = display_name(message.subject)
    return MessageRow(links.message(message.number), subject or channel, channel if subject else "", at)
