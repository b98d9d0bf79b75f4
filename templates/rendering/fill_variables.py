"""Fill the variables of templates from plans, products and shops: links made, names made safe to show."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import lru_cache
from typing import TypeVar
from urllib.parse import quote

from models.config.shop import Links, ShopConfig
from models.customers import LINK_PLACEHOLDER
from models.decisions import Discount, LateLine, Plan
from models.enums import ChangeKind, Promise
from models.orders import LineFacts, ProductFacts, Shipment
from models.posts import ProductDelay, ProductStock
from models.reasons import DelayReason
from models.shipments import Parcel
from templates.rendering.choices import choices_view
from templates.rendering.names import display_name, greeting_name, strip_control_chars
from templates.rendering.variables import NoticeVariables, PostVariables
from templates.rendering.view_models import (
    DiscountView,
    ItemView,
    OrderView,
    ParcelView,
    ProductView,
    ShipmentView,
    SubstituteView,
)

Link = TypeVar("Link", str, str | None)

_CACHE_SIZE = 8192
ITEM_LIMITS = (24, 8, 2)
"""How many items a list of a mail shows, tried in turn until the mail is short enough."""


def notice_variables(
    plan: Plan,
    shop: ShopConfig,
    clause_of: Callable[[DelayReason | None], str | None] = lambda _: None,
    silence: str = "",
    rights: str = "",
) -> NoticeVariables:
    """Return the variables of a customer's mail or text.

    `clause_of` says a reason, `silence` what no answer means, and `rights` what the law gives beside waiting, all in
    the language of the message.
    """
    delay, order, links = plan.delay, plan.delay.order, shop.links
    told = order.told if order.told and not order.told.assumed else None
    reasons = [clause_of(line.line.reason) for line in delay.late]
    late = tuple(
        _item_view(line.line, links, order.currency, delay.as_of, line, reason or None)
        for line, reason in zip(delay.late, reasons, strict=True)
    )
    has_offer = bool(plan.substitutes or plan.discount)
    own_url = web_url(order.url)
    order_url = own_url or page_link(shop) or order_link(links, order.id)
    return {
        "customer": greeting_name(order.customer.name),
        "order": OrderView(strip_control_chars(order.id), order.placed_on, order_url),
        "late": late,
        "on_time": tuple(_item_view(line, links, order.currency, delay.as_of) for line in delay.on_time),
        "max_items": ITEM_LIMITS[0],
        "ships": any(item.ships for item in late),
        "expected_on": delay.expected_on,
        "earliest_on": delay.likely.from_on if delay.likely else None,
        "latest_on": delay.likely.to_on if delay.likely else None,
        "on_its_way": all(each.line.sent(delay.as_of) >= each.line.ordered for each in delay.late),
        "in_time": plan.change is ChangeKind.IN_TIME,
        "some_dates_known": _are_some_known([item.expected_on for item in late]),
        "today": delay.as_of,
        "told_on": told.told_on if told else None,
        "told_date": plan.told_date,
        "told_some_dates": _are_some_known([line.expected_on for line in told.lines] if told else []),
        "sooner": plan.change is not ChangeKind.EARLIER or _is_all_sooner(plan),
        "ready": "all" if all(item.ready for item in late) else "part" if plan.change is ChangeKind.READY else "none",
        "reason": (reasons[0] if len(set(reasons)) == 1 else None) or None,
        "unknown_reasons": _how_many(reason is None for reason in reasons),
        "parcels": tuple(_parcel_view(parcel, plan, links) for parcel in plan.parcels) if len(plan.parcels) > 1 else (),
        "substitutes": tuple(
            SubstituteView(
                _item_view(choice.line, links, order.currency, delay.as_of),
                tuple(_product_view(product, links, shop.currency) for product in choice.products),
            )
            for choice in plan.substitutes
        ),
        "discount": _discount_view(plan.discount) if plan.discount else None,
        "choices": None if own_url else choices_view(plan, shop, order_url),
        "silence": silence,
        "rights": rights,
        "note": plan.note,
        "offer": ("shown" if plan.show_offer else "on_page") if has_offer else "none",
    }


def post_variables(about: ProductDelay | ProductStock, shop: ShopConfig) -> PostVariables:
    """Return the variables of a social post; they have no customer's data."""
    product = product_view(about.product, shop)
    if isinstance(about, ProductStock):
        return {"product": product, "units_left": about.left}
    return {"product": product, "days": about.days, "expected_on": about.expected_on}


def product_view(product: ProductFacts, shop: ShopConfig) -> ProductView:
    """Return a product for templates, with its links."""
    return _product_view(product, shop.links, shop.currency)


def page_link(shop: ShopConfig) -> str | None:
    """Return the address of the order's page, its token still to be filled in; None where Forewarn shows no pages."""
    return f"{shop.order_pages.url}/o/{LINK_PLACEHOLDER}" if shop.order_pages else None


def order_link(links: Links, order_id: str) -> str:
    """Return the shop's own link for an order."""
    return _fill_link(links.order, "order", order_id)


def _is_all_sooner(plan: Plan) -> bool:
    """Return whether the whole order comes sooner than told, not only some lines of it."""
    told = [line.expected_on for line in plan.delay.order.told.lines] if plan.delay.order.told else []
    if plan.delay.expected_on is None or None in told:
        return False
    return plan.delay.expected_on < max((day for day in told if day), default=date.max)


def _are_some_known(dates: Sequence[date | None]) -> bool:
    """Return whether some of the dates are known, and others not."""
    return any(dates) and not all(dates)


def _how_many(flags: Iterable[bool]) -> str:
    """Return `all`, `part` or `none`."""
    found = set(flags)
    return "part" if len(found) > 1 else "all" if found == {True} else "none"


def _item_view(
    line: LineFacts,
    links: Links,
    currency: str,
    as_of: date,
    late: LateLine | None = None,
    reason: str | None = None,
) -> ItemView:
    expected_on = late.expected_on if late else None
    ships, owed, ordered = line.promise is Promise.SHIP, line.owed(as_of), line.ordered
    product = _product_view(line.product, links, currency)
    return ItemView(
        product=product,
        quantity=owed,
        ships=ships,
        promised_on=line.promised_on,
        expected_on=expected_on,
        ready=line.ready,
        ordered=ordered,
        is_partial=owed != ordered,
        shipments=tuple(filter(None, map(_shipment_view, line.under_way(as_of)))),
        reason=reason,
    )


def _shipment_view(parcel: Shipment) -> ShipmentView | None:
    carrier, number = display_name(parcel.carrier or ""), display_name(parcel.tracking_number or "")
    url = web_url(parcel.tracking_url)
    https_url = url if url and url.startswith("https://") else None
    return ShipmentView(carrier, number, https_url) if carrier or number or https_url else None


def _discount_view(discount: Discount) -> DiscountView:
    return DiscountView(
        kind=discount.kind,
        code=discount.code,
        percent=discount.percent,
        amount=discount.amount,
        value=discount.value,
        currency=discount.currency,
        expires_on=discount.expires_on,
    )


def _parcel_view(parcel: Parcel, plan: Plan, links: Links) -> ParcelView:
    order = plan.delay.order
    lines = {line.number: line for line in order.lines}
    as_of = plan.delay.as_of
    items = (_item_view(lines[number], links, order.currency, as_of) for number in parcel.lines if number in lines)
    return ParcelView(tuple(items), parcel.ships_on)


def _product_view(product: ProductFacts, links: Links, currency: str) -> ProductView:
    category = product.category and display_name(product.category)
    return ProductView(
        name=display_name(product.name) or display_name(product.id),
        url=web_url(product.url) or _fill_link(links.product, "product", product.id),
        image=product.image if product.image and product.image.startswith(("https://", "data:image/")) else None,
        category=category,
        category_url=_fill_link(links.category, "category", product.category) if product.category else None,
        price=product.price,
        currency=currency,
    )


def web_url(url: str | None) -> str | None:
    """Return a web address that can stand in a link; None for any other text."""
    return url if url and url.startswith(("https://", "http://")) and url.isprintable() and " " not in url else None


def _fill_link(link: Link, name: str, value: str) -> Link:
    return link.replace(f"{{{name}}}", _quoted(value)) if link else link


@lru_cache(_CACHE_SIZE)
def _quoted(value: str) -> str:
    return quote(value, safe="")
