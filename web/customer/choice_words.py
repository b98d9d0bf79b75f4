"""Say what a customer can choose, and what they chose."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

from models.customers import (
    Act,
    CancelOption,
    Choice,
    ChoiceState,
    DiscountOption,
    OrderPage,
    SwapOption,
    WithdrawOption,
)
from models.enums import Channel, RemedyKind
from templates.rendering.names import display_name
from templates.rendering.page_words import PageWords
from web.customer.links import PageLinks
from web.customer.view_parts import AnswerRow, Chip, ChoiceRow, Stamp, Tone

TITLES = {
    Act.WAIT: "wait_row",
    Act.SHIP: "ship_row",
    Act.SWAP: "swap_row",
    Act.CANCEL: "cancel_row",
    Act.OFFER: "offer_row",
    Act.WITHDRAW: "withdraw_row",
}
STATES = {
    ChoiceState.REQUESTED: (Tone.CALM, "state_requested"),
    ChoiceState.DONE: (Tone.GOOD, "state_done"),
    ChoiceState.REPLACED: (Tone.CALM, "state_replaced"),
    ChoiceState.UNDONE: (Tone.CALM, "state_undone"),
    ChoiceState.REFUSED: (Tone.BAD, "state_refused"),
}
REQUESTED = {Act.CANCEL: "chip_cancel_requested", Act.SWAP: "chip_swap_requested"}
CHANNELS: dict[str, str] = {Channel.EMAIL: "message_email", Channel.SMS: "message_sms"}
MAX_NAMED = 3
"""Items that are named in one sentence; more are counted."""


def choice_rows(words: PageWords, links: PageLinks, page: OrderPage) -> tuple[ChoiceRow, ...]:
    """Return the choices that are offered, all alike."""
    return tuple(
        ChoiceRow(act, links.act(act), words.say(_title(page, act)), tuple(filter(None, _hints(words, page, act))))
        for act in page.open.acts
    )


def _title(page: OrderPage, act: Act) -> str:
    return "cancel_unpaid" if act is Act.CANCEL and is_unpaid(page) else TITLES[act]


def is_unpaid(page: OrderPage) -> bool:
    """Return whether nothing that can be cancelled gives money back."""
    return all(option.refund == 0 for option in page.open.cancels)


def answer_row(words: PageWords, links: PageLinks, page: OrderPage, choice: Choice) -> AnswerRow:
    """Return a choice that was made, as one sentence."""
    text, at = _answer_text(words, page, choice), moment_stamp(words, choice.made_at)
    return AnswerRow(links.answer(choice.number), text, at, state_chip(words, choice))


def state_chip(words: PageWords, choice: Choice) -> Chip:
    """Return where a choice stands; of a cancellation or a swap, that the shop has not confirmed it yet."""
    tone, key = STATES[choice.state]
    if choice.state is ChoiceState.REQUESTED:
        key = REQUESTED.get(choice.act, key)
    return Chip(tone, words.say(key))


def moment_stamp(words: PageWords, at: datetime) -> Stamp:
    """Return a moment for people, and for machines in UTC, so that their order is that of the texts."""
    return Stamp(words.moment(at), at.astimezone(UTC).isoformat(timespec="seconds"))


def item_names(page: OrderPage, lines: Iterable[str]) -> list[str]:
    """Return the names of the products on lines."""
    wanted = set(lines)
    items = (item for parcel in page.parcels for item in parcel.items if item.number in wanted)
    return list(dict.fromkeys(display_name(item.product.name) for item in items))


def discount_text(words: PageWords, discount: DiscountOption, currency: str) -> str:
    """Return what a discount is worth, without a full stop."""
    value = words.money(discount.value, currency)
    for_shipping = discount.kind == RemedyKind.SHIPPING_DISCOUNT
    if discount.amount is not None:
        key = "offer_shipping_amount" if for_shipping else "offer_amount"
        return words.say(key, amount=words.money(discount.amount, currency))
    if for_shipping and discount.percent == 100:
        return words.say("offer_free_shipping", value=value)
    key = "offer_shipping_percent" if for_shipping else "offer_percent"
    return words.say(key, percent=discount.percent, value=value)


def _hints(words: PageWords, page: OrderPage, act: Act) -> list[str]:
    choices = page.open
    match act:
        case Act.WAIT:
            return [words.say("wait_hint")]
        case Act.SHIP:
            names = item_names(page, choices.ship_now)
            if len(names) == 1:
                return [words.say("ship_hint", items=names[0])]
            return [words.say("ship_hint_many", count=len(choices.ship_now))]
        case Act.SWAP:
            if len(choices.swaps) > 1:
                return [words.say("swap_hint_many", count=len(choices.swaps))]
            return [_swap_hint(words, choices.swaps[0], page.currency)]
        case Act.CANCEL:
            return _cancel_hints(words, page, choices.cancels)
        case Act.OFFER:
            return [discount_text(words, choices.discount, page.currency)] if choices.discount else []
        case Act.WITHDRAW:
            return [_withdraw_hint(words, choices.withdraw)] if choices.withdraw else []


def _withdraw_hint(words: PageWords, withdraw: WithdrawOption) -> str:
    if withdraw.until is None:
        return words.say("withdraw_hint_open", days=withdraw.days)
    return words.say("withdraw_hint", day=words.day(withdraw.until))


def _swap_hint(words: PageWords, swap: SwapOption, currency: str) -> str:
    product, difference = display_name(swap.product.name), swap.price_difference
    if difference is None:
        return words.say("swap_hint_unknown", product=product)
    if difference == 0:
        return words.say("swap_hint_same", product=product)
    amount = words.money(abs(difference), currency)
    return words.say("swap_hint_dearer" if difference > 0 else "swap_hint_cheaper", product=product, amount=amount)


def _cancel_hints(words: PageWords, page: OrderPage, options: tuple[CancelOption, ...]) -> list[str]:
    """Return what the late items and the whole order give back; of an order of one option, that one."""
    by_key = {option.key: option for option in options}
    if all(option.refund == 0 for option in options):
        return [words.say("refund_nothing")]
    chosen = [by_key[key] for key in ("late", "all") if key in by_key] or list(options[:1])
    if any(option.refund is None for option in chosen):
        if len(options) > 1:
            return [words.say("cancel_hint_unknown")]
        return [words.say("cancel_hint_all_unknown" if options[0].whole_order else "refund_unknown")]
    return [_cancel_hint(words, option, page.currency) for option in chosen]


def _cancel_hint(words: PageWords, option: CancelOption, currency: str) -> str:
    refund = words.money(option.refund or Decimal(), currency)
    if option.key == "late":
        return words.say("cancel_hint_late", count=len(option.lines), refund=refund)
    if option.key == "all":
        return words.say("cancel_hint_all" if option.whole_order else "cancel_hint_rest", refund=refund)
    return words.say("cancel_hint_line", item=display_name(option.names[0]), refund=refund)


def price_text(words: PageWords, difference: Decimal | None, currency: str) -> str:
    """Say what a swap costs or gives back."""
    if difference is None:
        return words.say("swap_unknown")
    if difference == 0:
        return words.say("swap_same")
    amount = words.money(abs(difference), currency)
    return words.say("swap_dearer" if difference > 0 else "swap_cheaper", amount=amount)


def _answer_text(words: PageWords, page: OrderPage, choice: Choice) -> str:
    match choice.act:
        case Act.WAIT if choice.expected_on:
            return words.say("answer_wait", expected_on=words.short_day(choice.expected_on))
        case Act.WAIT:
            return words.say("answer_wait_undated")
        case Act.SHIP:
            return words.say("answer_ship")
        case Act.SWAP:
            product = choice.product.name if choice.product else ""
            return words.say("answer_swap", product=display_name(product))
        case Act.CANCEL:
            return words.say("answer_cancel", items=named(words, item_names(page, choice.lines)))
        case Act.WITHDRAW:
            return words.say("answer_withdraw", items=named(words, item_names(page, choice.lines)))
        case Act.OFFER:
            return words.say("answer_offer")


def named(words: PageWords, names: list[str]) -> str:
    """Return names as a list in a sentence; of more than MAX_NAMED only how many."""
    if len(names) > MAX_NAMED:
        return words.say("items_counted", count=len(names))
    return words.listed(names)
