"""The pages that ask before a choice is recorded: one question, its consequence, one button."""

from datetime import date, timedelta

from models.customers import ENDS_CONTRACT, Act, CancelOption, OrderPage, PageItem, SwapOption, WithdrawOption
from models.policy.customers import OrderPagePolicy
from templates.rendering.names import display_name
from templates.rendering.page_words import PageWords
from web.customer.choice_words import discount_text, is_unpaid, named, price_text
from web.customer.links import PageLinks
from web.customer.order_view import ENDED, GONE, fact, item_date, item_name
from web.customer.shop_links import ShopLinks
from web.customer.site import Site
from web.customer.view_models import ActView
from web.customer.view_parts import Fact, ItemGroup, Option, Stamp

TITLES = {
    Act.WAIT: "wait_title",
    Act.SHIP: "ship_title",
    Act.SWAP: "swap_title",
    Act.CANCEL: "cancel_title",
    Act.OFFER: "offer_title",
    Act.WITHDRAW: "withdraw_title",
}
LEGENDS = {Act.SWAP: "swap_legend", Act.CANCEL: "cancel_legend"}
BUTTONS = {
    Act.SHIP: "ship_button",
    Act.SWAP: "swap_button",
    Act.CANCEL: "cancel_button",
    Act.OFFER: "offer_button",
    Act.WITHDRAW: "withdraw_button",
}


def option_keys(page: OrderPage, act: Act) -> tuple[str, ...]:
    """Return the keys of an act's options; one that has none has the empty key."""
    match act:
        case Act.SWAP:
            return tuple(option.key for option in page.open.swaps)
        case Act.CANCEL:
            return tuple(option.key for option in page.open.cancels)
    return ("",)


def act_view(
    words: PageWords, links: PageLinks, site: Site, page: OrderPage, act: Act, form: str, problem: str = ""
) -> ActView:
    """Return the page about a choice that is offered; `form` is the signed form token."""
    return ActView(
        act=act,
        title=words.say("cancel_unpaid" if act is Act.CANCEL and is_unpaid(page) else TITLES[act]),
        fact=_fact(words, page, act),
        groups=_groups(words, page) if act is Act.SHIP else (),
        legend=words.say(LEGENDS[act]) if act in LEGENDS else "",
        options=_options(words, site.shop_links, page, act),
        texts=tuple(_texts(words, site.policy, page, act)),
        button=_button(words, page, act),
        keep=words.say("cancel_keep" if act in ENDS_CONTRACT else "back"),
        action=links.act(act),
        form=form,
        problem=problem,
    )


def _fact(words: PageWords, page: OrderPage, act: Act) -> Fact | None:
    if act is Act.WAIT:
        known = fact(words, page)
        return known and Fact(known.label, known.value, ())
    if act is Act.OFFER and page.open.discount:
        value = discount_text(words, page.open.discount, page.currency)
        return Fact("", Stamp(value, ""), ())
    return None


def _groups(words: PageWords, page: OrderPage) -> tuple[ItemGroup, ...]:
    """Return what leaves now, and what follows when."""
    owed = [item for parcel in page.parcels for item in parcel.items if item.status not in (*ENDED, *GONE)]
    now = [item for item in owed if item.number in page.open.ship_now]
    later = [item for item in owed if item.number not in page.open.ship_now]
    groups = (
        ItemGroup(words.say("ship_now"), _named(words, now)),
        ItemGroup(words.say("ship_later"), _named(words, later)),
    )
    return tuple(group for group in groups if group.items)


def _named(words: PageWords, items: list[PageItem]) -> tuple[tuple[str, str], ...]:
    return tuple((item_name(words, item), item_date(words, item)) for item in items)


def _options(words: PageWords, shop: ShopLinks, page: OrderPage, act: Act) -> tuple[Option, ...]:
    if act is Act.CANCEL:
        return tuple(_cancel_option(words, option, page.currency) for option in page.open.cancels)
    if act is Act.WITHDRAW and page.open.withdraw:
        return (_withdraw_option(words, page.open.withdraw, page.currency),)
    if act is Act.SWAP:
        return tuple(_swap_option(words, shop, option, page.currency) for option in page.open.swaps)
    return ()


def _withdraw_option(words: PageWords, option: WithdrawOption, currency: str) -> Option:
    names = words.listed([display_name(name) for name in option.names])
    return Option("", names, (_refund_text(words, option, currency),))


def _refund_text(words: PageWords, option: CancelOption | WithdrawOption, currency: str) -> str:
    if not option.refund:
        return words.say("refund_unknown" if option.refund is None else "refund_nothing")
    amount = words.money(option.refund, currency)
    return words.say("refund_shipping" if option.includes_shipping else "refund", refund=amount)


def _cancel_option(words: PageWords, option: CancelOption, currency: str) -> Option:
    names = named(words, [display_name(name) for name in option.names])
    refund = _refund_text(words, option, currency)
    if option.key == "late":
        return Option(option.key, words.say("cancel_late", count=len(option.lines)), (names, refund))
    if option.key == "all":
        return Option(option.key, words.say("cancel_all" if option.whole_order else "cancel_rest"), (refund,))
    return Option(option.key, names, (refund,))


def _swap_option(words: PageWords, shop: ShopLinks, option: SwapOption, currency: str) -> Option:
    product = display_name(option.product.name)
    title = product if option.quantity == 1 else words.say("quantity", quantity=option.quantity, product=product)
    instead = words.say("swap_instead", product=display_name(option.late_product.name))
    hints = (instead, price_text(words, option.price_difference, currency))
    return Option(option.key, title, hints, shop.image(option.product))


def _texts(words: PageWords, policy: OrderPagePolicy, page: OrderPage, act: Act) -> list[str]:
    match act:
        case Act.WAIT:
            return [words.say("wait_text"), words.say("wait_more")]
        case Act.SHIP:
            return [words.say("ship_text")]
        case Act.SWAP:
            return [words.say("swap_text", hours=policy.reserve_hours)]
        case Act.CANCEL:
            by = refund_by(words.today, policy)
            is_paid = any(option.refund for option in page.open.cancels)
            return [words.say("cancel_text", day=words.day(by))] if is_paid else []
        case Act.WITHDRAW:
            placed_on = words.day(page.placed_on)
            name = display_name(page.customer_name)
            declared = words.say("withdraw_text", name=name, order=page.order_id, placed_on=placed_on)
            return [declared, words.say("withdraw_back", day=words.day(refund_by(words.today, policy)))]
        case Act.OFFER:
            discount = page.open.discount
            return [words.say("offer_text", day=words.day(discount.expires_on))] if discount else []


def refund_by(chosen_on: date, policy: OrderPagePolicy) -> date:
    """Return the day by which a refund is paid."""
    return chosen_on + timedelta(days=policy.refund_days)


def _button(words: PageWords, page: OrderPage, act: Act) -> str:
    if act is Act.CANCEL and is_unpaid(page):
        return words.say("cancel_unpaid")
    if act is not Act.WAIT:
        return words.say(BUTTONS[act])
    if page.open.wait_until is None:
        return words.say("wait_button_undated")
    return words.say("wait_button", date=words.short_day(page.open.wait_until))
