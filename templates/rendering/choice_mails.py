"""Fill the variables of mails about what a customer chose."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from models.config.shop import ShopConfig
from models.customers import Choice, DiscountOption
from models.enums import RemedyKind
from templates.rendering.fill_variables import order_link, page_link, product_view, web_url
from templates.rendering.names import display_name, strip_control_chars
from templates.rendering.variables import ChoiceVariables
from templates.rendering.view_models import AnswerView, DiscountView

CHOICE_MAILS = ("choice_received", "choice_undone", "choice_done", "choice_refused", "discount_code")
"""The folders of these mails."""
MAX_ITEMS = 24


def choice_variables(choice: Choice, items: Sequence[str], shop: ShopConfig, refund_days: int) -> ChoiceVariables:
    """Return the variables of a mail about a choice, beside those of every answer.

    `items` are the names of its products; a refund is paid within `refund_days` at the latest.
    """
    discount = _discount_view(choice.discount, choice.currency) if choice.discount else None
    return {"answer": _answer_view(choice, items, shop, refund_days), "discount": discount}


def choice_page_url(shop: ShopConfig, order_id: str, order_url: str | None) -> str:
    """Return the address of the page on which an order's customer chooses, as messages about the order have it.

    It is the order's own `order_url`; or else Forewarn's page, its token still to be filled in; or the shop's link for
    orders.
    """
    return web_url(order_url) or page_link(shop) or order_link(shop.links, order_id)


def _answer_view(choice: Choice, items: Sequence[str], shop: ShopConfig, refund_days: int) -> AnswerView:
    zone = ZoneInfo(shop.zone)
    made_at = choice.made_at.astimezone(zone)
    return AnswerView(
        reference=strip_control_chars(choice.id),
        act=str(choice.act),
        made_at=made_at,
        items=tuple(map(display_name, items[:MAX_ITEMS])),
        more=max(0, len(items) - MAX_ITEMS),
        product=product_view(choice.product, shop) if choice.product else None,
        expected_on=choice.expected_on,
        refund=choice.refund,
        refund_by=made_at.date() + timedelta(days=refund_days),
        price_difference=choice.price_difference,
        currency=choice.currency,
        reserved_until=_local(choice.reserved_until, zone),
        undo_until=_local(choice.undo_until, zone),
    )


def _local(moment: datetime | None, zone: ZoneInfo) -> datetime | None:
    return None if moment is None else moment.astimezone(zone)


def _discount_view(discount: DiscountOption, currency: str) -> DiscountView:
    return DiscountView(
        kind=RemedyKind(discount.kind),
        code=discount.code,
        percent=discount.percent,
        amount=discount.amount,
        value=discount.value,
        currency=currency,
        expires_on=discount.expires_on,
    )
