"""Try a brand: the colour, the logo and the legal footer on the order page, a mail and a notice, by day and by night.

The shop's files stay the truth: the page gives the lines to put into `shop.toml`.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from urllib.parse import urlencode

from pydantic import ValidationError
from starlette.responses import HTMLResponse, Response

from models.config.shop import Brand, ShopConfig, in_language
from models.customers import CancelOption, Headline, OpenChoices, OrderPage, PageItem, PageParcel
from models.enums import Channel
from models.orders import ProductFacts
from models.reasons import DelayReason
from models.staff import Right
from templates.rendering.brand import Accent, accent_pair, contrast
from templates.rendering.messages import Renderer
from templates.rendering.palette import DARK, LIGHT
from templates.rendering.samples import LOCALES, sample_plans, sample_storefront_notices
from web.customer.links import PageLinks
from web.customer.order_view import order_view
from web.customer.site import Site
from web.security import MAIL_POLICY, PAGE_POLICY
from web.staff.addresses import desk_address
from web.staff.desk import Desk, StaffRoute
from web.staff.forms import Form
from web.staff.visit import Visit
from web.static_files import SCRIPT, STYLE, brand_file, shared_file

FRAMED_POLICY = PAGE_POLICY.replace("frame-ancestors 'none'", "frame-ancestors 'self'")
BRAND = ("settings", "brand")
SCHEMES = ("light", "dark")
DARK_MEDIA = re.compile(r"\(prefers-color-scheme:\s*dark\)")
LOOKS = {"order": "Order page", "mail": "Mail", "notice": "Notice on a product page"}
OWN = "#0a5a8a"
"""The accent of the pages where a shop has none."""


@dataclass(frozen=True, slots=True)
class Look:
    """A framed preview."""

    title: str
    light: str
    dark: str


def routes(_: Desk) -> Sequence[StaffRoute]:
    """Return the page that tries a brand, and what it frames."""
    return [
        StaffRoute("/settings/brand", Right.ADMINISTER, show_brand),
        StaffRoute("/settings/brand/look/{what}", Right.ADMINISTER, show_look),
        StaffRoute("/settings/brand/files/{accent}/{scheme}/{file}", Right.ADMINISTER, show_file),
    ]


def show_brand(visit: Visit) -> Response:
    """Return the page."""
    shop, now = visit.context.shop, visit.context.shop.brand
    legal = in_language(now.legal, shop.locale) or ""
    given = {"accent": now.accent or "", "logo": now.logo or "", "legal": legal}
    params = visit.request.query_params
    # Lines of a text end in CRLF when a browser sends them.
    tried = {name: params.get(name, value).replace("\r\n", "\n").strip() for name, value in given.items()}
    form = Form("", {name: [value] for name, value in tried.items()})
    brand = _brand(now, tried, form)
    query = urlencode({name: value for name, value in tried.items() if value})
    looks = [
        Look(title, *(f"{desk_address(*BRAND, 'look', what)}?{query}&scheme={scheme}" for scheme in SCHEMES))
        for what, title in LOOKS.items()
    ]
    return visit.page(
        "desk/brand.html",
        title="Brand",
        form=form,
        action=visit.here,
        looks=() if form.errors else looks,
        contrasts=_contrast_words(brand.accent) if brand and brand.accent else (),
        lines=_lines(brand) if brand and tried != given else "",
        back=desk_address("settings"),
    )


def show_look(visit: Visit) -> Response:
    """Return a page or a mail of the shop as it would look."""
    params = visit.request.query_params
    tried = {name: params.get(name, "") for name in ("accent", "logo", "legal")}
    brand = _brand(visit.context.shop.brand, tried, Form(""))
    what = visit.path("what")
    scheme = "dark" if params.get("scheme") == "dark" else "light"
    if brand is None or what not in LOOKS:
        return visit.not_found("There is nothing to look at here.")
    shop = visit.context.shop.model_copy(update={"brand": brand})
    renderer = Renderer(shop, visit.desk.services.own_templates)
    if what == "order":
        return _order_page(visit, shop, renderer, scheme)
    html = _mail(shop, renderer) if what == "mail" else _notice(shop, renderer)
    return HTMLResponse(in_scheme(html, scheme), headers={"Content-Security-Policy": MAIL_POLICY})


def show_file(visit: Visit) -> Response:
    """Return a style sheet or the script for a preview, by day or by night whatever the browser prefers."""
    accent, scheme, name = visit.path("accent"), visit.path("scheme"), visit.path("file")
    if not re.fullmatch("[0-9a-fA-F]{6}", accent) or scheme not in SCHEMES:
        return visit.not_found("There is no such file.")
    if name == SCRIPT:
        return Response("", media_type="text/javascript")
    if name not in (STYLE, "brand.css"):
        return visit.not_found("There is no such file.")
    file = shared_file(STYLE) if name == STYLE else brand_file(f"#{accent}")
    return Response(in_scheme(file.content.decode(), scheme), media_type="text/css")


def in_scheme(text: str, scheme: str) -> str:
    """Return a style sheet or a page that always has the colours of the day, or of the night."""
    fixed = DARK_MEDIA.sub("all" if scheme == "dark" else "not all", text)
    return fixed.replace("color-scheme: light dark", f"color-scheme: {scheme}")


def _brand(now: Brand, tried: dict[str, str], form: Form) -> Brand | None:
    """Return the brand as it is tried; None where a value is not possible, which is said at its field."""
    values = now.model_dump() | {name: value or None for name, value in tried.items()}
    if not tried["logo"]:
        values["logo_dark"] = None
    try:
        return Brand.model_validate(values)
    except ValidationError as error:
        words = {"accent": "Enter a colour as #0a5a8a.", "logo": "Enter an address that begins with https://."}
        for each in error.errors():
            name = str(each["loc"][0]) if each["loc"] else "accent"
            form.wrong(name, words.get(name, "Enter another text."))
        return None


def _lines(brand: Brand) -> str:
    given = {"accent": brand.accent, "logo": brand.logo, "legal": brand.legal}
    texts = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in given.items() if value]
    return "\n".join(["[brand]", *texts])


def _contrast_words(accent: str) -> tuple[str, ...]:
    day, night = accent_pair(accent)
    return (
        _link_words(accent, day, "By day", LIGHT.card, "white", "darker"),
        _link_words(accent, night, "By night", DARK.card, "the dark ground", "lighter"),
        _button_words(accent, day, night),
    )


def _link_words(accent: str, found: Accent, when: str, ground: str, name: str, moved: str) -> str:
    had = contrast(accent, ground)
    if found.link.lower() == accent.lower():
        return f"{when}, links have your colour: its contrast on {name} is {had:.1f}, and text needs 4.5."
    return (
        f"{when}, links are {moved} than your colour ({found.link}): its contrast on {name} would be {had:.1f}, and "
        f"text needs 4.5; now it is {contrast(found.link, ground):.1f}."
    )


def _button_words(accent: str, day: Accent, night: Accent) -> str:
    ink = "white" if day.on_button.lower() == "#ffffff" else "black"
    if day.button.lower() == night.button.lower() == accent.lower():
        return f"Buttons have your colour, with {ink} on it."
    return f"Buttons are {day.button} by day and {night.button} by night, so that what stands on them can be read."


def _order_page(visit: Visit, shop: ShopConfig, renderer: Renderer, scheme: str) -> Response:
    site = Site(shop, visit.context.policy.order_page, lambda: renderer.words)
    page = _sample_order(visit.today, shop)
    words = renderer.words.choose([shop.locale], visit.now)
    accent = (shop.brand.accent or OWN).removeprefix("#")
    links = PageLinks(desk_address(*BRAND, "files", accent, scheme), "preview")
    view = order_view(words, links, site.shop_links, page)
    headers = {"Content-Security-Policy": FRAMED_POLICY}
    return site.page("order.html", words, links, here=links.order(), headers=headers, view=view)


def _sample_order(today: date, shop: ShopConfig) -> OrderPage:
    cover = ProductFacts("1", "Washed Linen Duvet Cover", "Bedding")
    caddy = ProductFacts("2", "Cedar Bath Caddy", "Bath")
    promised, expected = today + timedelta(2), today + timedelta(22)
    late = PageItem("1", cover, 1, ships=False, promised_on=promised, expected_on=expected, days_late=20)
    ready = PageItem(
        "2", caddy, 1, ships=False, promised_on=promised, expected_on=promised, days_late=0, status="ready"
    )
    refund = Decimal("129.00")
    return OrderPage(
        order_id="1041",
        placed_on=today - timedelta(40),
        customer_id="1",
        customer_name="Nora Whitfield",
        locale=None,
        currency=shop.currency,
        headline=Headline.PART_LATE,
        expected_on=expected,
        earliest_on=None,
        latest_on=None,
        promised_on=promised,
        days_late=20,
        reason=DelayReason("supplier_late"),
        parcels=(PageParcel((ready,), today + timedelta(1)), PageParcel((late,), expected)),
        messages=(),
        choices=(),
        open=OpenChoices(
            wait_until=expected,
            may_wait=True,
            ship_now=("2",),
            cancels=(CancelOption("late", ("1",), (cover.name,), refund),),
        ),
    )


def _sample_locale(shop: ShopConfig) -> str:
    return shop.locale if shop.locale in LOCALES else LOCALES[0]


def _mail(shop: ShopConfig, renderer: Renderer) -> str:
    _, plan = next(iter(sample_plans("fortnight", _sample_locale(shop))))
    contact = next(one for one in plan.contacts if one.channel is Channel.EMAIL)
    return renderer.render_message(plan, contact, id="preview").html


def _notice(shop: ShopConfig, renderer: Renderer) -> str:
    locale = _sample_locale(shop)
    notice = list(sample_storefront_notices(locale))[-1]
    return renderer.storefront.render_page(notice, locale, None, "")
