"""The page about a choice that was made: what holds, what happens next, and until when it can be taken back."""

from collections.abc import Mapping
from datetime import date, datetime

from models.customers import ENDS_CONTRACT, STANDING, Act, Choice, ChoiceState, OrderPage
from models.policy.customers import OrderPagePolicy
from rules.customers.choice_details import is_carried_out
from rules.customers.standing import may_be_undone
from templates.rendering.names import display_name
from templates.rendering.page_words import PageWords
from web.customer.act_view import refund_by
from web.customer.choice_words import item_names, moment_stamp, named, price_text, state_chip
from web.customer.forms import UNDO, WHY
from web.customer.links import PageLinks
from web.customer.site import Site
from web.customer.view_models import DoneView
from web.customer.view_parts import Stamp

TITLES = {
    Act.WAIT: ("wait_done", "wait_next"),
    Act.SHIP: ("ship_done", "ship_next"),
    Act.SWAP: ("swap_done", "swap_next"),
    Act.CANCEL: ("cancel_done", "cancel_next"),
    Act.OFFER: ("offer_done", "offer_next"),
    Act.WITHDRAW: ("withdraw_done", "withdraw_next"),
}
OVER = {
    ChoiceState.UNDONE: ("undone_title", "undone_text"),
    ChoiceState.REPLACED: ("replaced_title", "replaced_text"),
    ChoiceState.REFUSED: ("refused_title", "refused_text"),
}
"""A choice that does not hold any more."""


def done_view(
    words: PageWords,
    links: PageLinks,
    site: Site,
    page: OrderPage,
    choice: Choice,
    now: datetime,
    forms: Mapping[str, str],
) -> DoneView:
    """Return the page about a choice; `forms` are the signed tokens of its forms by their act."""
    title, next_text = OVER.get(choice.state) or TITLES[choice.act]
    if choice.refund == 0 and choice.state not in OVER:
        next_text = "cancel_unpaid_next"
    can_undo = may_be_undone(choice, now) and not is_carried_out(page, choice)
    undo_until = choice.undo_until if can_undo else None
    return DoneView(
        title=words.say(title),
        rows=tuple((words.say(key), value) for key, value in _rows(words, site.policy, page, choice)),
        code=choice.discount.code if choice.discount and choice.state not in OVER else "",
        next_text=words.say(next_text),
        chip=state_chip(words, choice),
        undo_text=words.say("undo_text", moment=words.moment(undo_until)) if undo_until else "",
        undo_action=links.undo(choice.number) if undo_until else "",
        undo_form=forms[UNDO],
        why=words.say("why_said", why=choice.why) if choice.why else "",
        why_action=links.why(choice.number) if choice.act is Act.CANCEL and _awaits_reason(choice) else "",
        why_form=forms[WHY],
    )


def _awaits_reason(choice: Choice) -> bool:
    return choice.state in STANDING and not choice.why


def _rows(words: PageWords, policy: OrderPagePolicy, page: OrderPage, choice: Choice) -> list[tuple[str, Stamp]]:
    rows = [*_items(words, page, choice), *_dates_and_amounts(words, policy, choice)]
    return [*rows, ("row_reference", Stamp(choice.id, "")), ("row_received", moment_stamp(words, choice.made_at))]


def _items(words: PageWords, page: OrderPage, choice: Choice) -> list[tuple[str, Stamp]]:
    rows = []
    if choice.act is not Act.OFFER and (names := item_names(page, choice.lines)):
        rows.append(("row_items", Stamp(named(words, names), "")))
    if choice.product is not None:
        rows.append(("row_product", Stamp(display_name(choice.product.name), "")))
    if choice.act is Act.SWAP:
        rows.append(("row_price", Stamp(price_text(words, choice.price_difference, choice.currency), "")))
    return rows


def _dates_and_amounts(words: PageWords, policy: OrderPagePolicy, choice: Choice) -> list[tuple[str, Stamp]]:
    rows = []
    if choice.act is Act.WAIT and choice.expected_on:
        rows.append(("row_expected", _day(words, choice.expected_on)))
    if choice.act in ENDS_CONTRACT:
        rows += _refund(words, policy, choice)
    if choice.reserved_until and choice.state not in OVER:
        rows.append(("row_reserved", moment_stamp(words, choice.reserved_until)))
    if choice.discount:
        rows.append(("row_valid", _day(words, choice.discount.expires_on)))
    return rows


def _refund(words: PageWords, policy: OrderPagePolicy, choice: Choice) -> list[tuple[str, Stamp]]:
    if choice.refund is None:
        return [("row_refund", Stamp(words.say("refund_unknown"), ""))]
    if not choice.refund:
        return [("row_refund", Stamp(words.say("refund_nothing"), ""))]
    refund = words.say("row_refund_text", refund=words.money(choice.refund, choice.currency))
    by = refund_by(choice.made_at.astimezone(words.zone).date(), policy)
    return [("row_refund", Stamp(refund, "")), ("row_by", _day(words, by))]


def _day(words: PageWords, day: date) -> Stamp:
    return Stamp(words.day(day), day.isoformat())
