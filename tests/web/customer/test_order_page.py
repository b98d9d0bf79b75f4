"""The order page: what a customer reads there, and in which language."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from starlette.applications import Starlette

from models.customers import Act, ChoiceState, Headline, OpenChoices, PageParcel
from models.orders import Shipment
from models.reasons import DelayReason
from tests.support.order_pages import (
    ALL_OPEN,
    CANCEL_ALL,
    LATE,
    NOW,
    SHOP,
    TOKEN,
    MemoryOrders,
    finished_page,
    made_choice,
    memory_routes,
    memory_site,
    order_page,
)
from tests.support.web_client import WebClient

PATH = f"/o/{TOKEN}"


def shown(page=None, path=PATH, site=None, **headers):
    return WebClient(Starlette(routes=memory_routes(MemoryOrders(page), site))).get(path, **headers)


def test_the_answer_comes_first_then_the_choices_then_the_detail():
    text = shown().text
    order = [
        "Part of your order is late. We are sorry.",
        "Now expected by Tuesday, December 16",
        "20 days later than promised (November 26). The reason: our supplier is late.",
        "What would you like to do?",
        "What comes when",
        "What we wrote to you",
        "Questions?",
    ]
    assert sorted(order, key=text.index) == order


def test_every_choice_is_a_link_of_the_same_kind_and_none_is_ahead_of_cancelling_but_those_that_keep_the_order():
    links = [tag for tag in shown().tags("a") if tag.get("class") == "choice"]
    assert [link["href"] for link in links] == [
        f"{PATH}/{act}" for act in ("wait", "ship", "swap", "cancel", "offer", "withdraw")
    ]
    assert {frozenset(link) for link in links} == {frozenset({"class", "href"})}


@pytest.mark.parametrize(
    ("headline", "said"),
    [
        (Headline.LATE, "Your order is late. We are sorry."),
        (Headline.PART_LATE, "Part of your order is late. We are sorry."),
        (Headline.NO_DATE, "We do not have a new date yet"),
        (Headline.GOOD_NEWS, "Good news: your order comes sooner"),
        (Headline.MAY_BE_LATE, "Your order may come later than promised"),
        (Headline.ON_TIME, "Your order is on time"),
        (Headline.SENT, "Your order is on its way"),
        (Headline.ARRIVED, "Your order has arrived"),
        (Headline.CANCEL_REQUESTED, "You have cancelled your order"),
        (Headline.CANCELLED, "Your order is cancelled"),
    ],
)
def test_the_headline_says_how_the_order_stands(headline, said):
    page = shown(order_page(headline=headline))
    assert said in page.text
    assert f"{said} – Lantern & Loom" in page.text


def test_an_unknown_date_and_reason_are_said_plainly():
    text = shown(order_page(headline=Headline.NO_DATE, expected_on=None, reason=None)).text
    assert "No new date yet" in text
    assert "We write as soon as we know. We do not know the reason yet." in text


def test_an_order_that_may_be_late_says_between_which_days_it_comes_and_that_nothing_is_known():
    days = {"earliest_on": date(2025, 12, 12), "latest_on": date(2025, 12, 22)}
    item = replace(LATE, days_late=0, may_be_late=True)
    page = order_page(headline=Headline.MAY_BE_LATE, parcels=(PageParcel((item,), None),), **days)
    text = shown(page).text
    assert "May come between December 12 and December 22" in text
    assert "We do not know for certain yet. We write as soon as we do." in text
    assert ("May be late" in text, "On time" in text) == (True, False)


def test_a_range_of_dates_is_told_with_the_most_likely_one():
    page = order_page(earliest_on=date(2025, 12, 12), latest_on=date(2025, 12, 18))
    assert "Between December 12 and December 18, most likely December 16." in shown(page).text


@pytest.mark.parametrize(
    ("status", "days", "chip"),
    [
        ("open", 20, "20 days late"),
        ("open", 1, "1 day late"),
        ("open", 0, "On time"),
        ("ready", 20, "Ready to leave"),
        ("packed", 20, "Packed"),
        ("sent", 20, "On its way"),
        ("arrived", 0, "Arrived"),
        ("cancelled", 0, "Cancelled"),
        ("cancel_requested", 0, "Cancellation requested"),
        ("swap_requested", 0, "Swap requested"),
        ("swapped", 0, "Swapped"),
    ],
)
def test_an_items_chip_says_where_it_is(status, days, chip):
    item = replace(LATE, status=status, days_late=days)
    page = shown(order_page(parcels=(PageParcel((item,), None),), open=OpenChoices()))
    (start,) = [text.split("</svg>")[1].split("</span>")[0] for text in page.html.split('class="chip')[1:]]
    assert start == chip


def test_parcels_are_numbered_only_where_there_are_several():
    assert "Parcel 1 of 2: leaves Tuesday, November 25" in shown().text
    one = shown(order_page(parcels=(PageParcel((LATE,), date(2025, 12, 12)),))).text
    assert "Leaves Friday, December 12" in one
    assert "Parcel 1" not in one


def test_a_parcel_on_its_way_links_to_its_carrier():
    page = finished_page(Headline.ARRIVED, "arrived", tracking_url="https://track.example.com/1")
    assert {"href": "https://track.example.com/1"} in shown(page).tags("a")
    assert "Track it with DHL" in shown(page).text


def test_a_tracking_address_that_is_no_web_address_is_not_a_link():
    parcel = Shipment("S1", 1, carrier="DHL", tracking_number="JD1", tracking_url="javascript:alert(1)")
    page = order_page(parcels=(PageParcel((replace(LATE, status="sent"),), None, (parcel,)),))
    assert "DHL, JD1" in shown(page).text
    assert "javascript:" not in shown(page).html


def test_a_customer_can_buy_again():
    hrefs = {tag["href"] for tag in shown().tags("a")}
    assert {"https://shop.example.com/products/P1", "https://shop.example.com/shop/Bedding"} <= hrefs


def test_what_was_written_and_answered_stands_there_the_newest_first():
    earlier = made_choice(Act.WAIT, 1, state=ChoiceState.REPLACED, made_at=NOW - timedelta(minutes=30))
    page = order_page(choices=(made_choice(Act.CANCEL, 2), earlier))
    history = shown(page).text.split("What we wrote, and your answers")[1]
    order = ["You cancelled Washed Linen", "You chose to wait until December 16.", "Text message", "A long delay"]
    assert sorted(order, key=history.index) == order
    assert "Cancellation requested, November 24, 14:03 (Berlin)" in history
    assert "Replaced by a later choice, November 24, 13:33 (Berlin)" in history


def test_once_the_warehouse_has_it_nothing_can_be_changed_and_the_page_says_so():
    page = shown(order_page(open=OpenChoices(too_late=True)))
    assert "We have started packing" in page.text
    assert not [tag for tag in page.tags("a") if tag.get("class") == "choice"]


def test_an_order_without_choices_says_nothing_of_them():
    page = shown(order_page(headline=Headline.ON_TIME, open=OpenChoices()))
    assert "What would you like to do?" not in page.text
    assert "If you do nothing" not in page.text


def test_a_refund_that_is_not_known_is_not_made_up():
    open_choices = replace(ALL_OPEN, cancels=(replace(CANCEL_ALL, refund=None),))
    text = shown(order_page(open=open_choices)).text
    assert "You get back all that you paid." in text
    assert "€0" not in text


def test_a_swap_that_costs_more_says_how_much_on_the_page_itself():
    dearer = replace(ALL_OPEN.swaps[0], price_difference=Decimal("9.00"))
    text = shown(order_page(open=replace(ALL_OPEN, swaps=(dearer,)))).text
    assert "Swap it for one in stock Washed Linen Duvet Cover Fern, €9.00 more." in text


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (DelayReason("weather"), "The reason: bad weather is holding up deliveries."),
        (DelayReason("other", {"en": "the kiln broke"}), "The reason: the kiln broke."),
        (None, "We do not know the reason yet."),
        (DelayReason("other", {"de": "der Ofen"}), "20 days later than promised (November 26). What would"),
    ],
)
def test_the_reason_is_told_in_one_clause(reason, said):
    assert said in shown(order_page(reason=reason)).text


@pytest.mark.parametrize(
    ("expected_on", "leaves_on", "title"),
    [
        (date(2025, 12, 16), date(2025, 12, 12), "Leaves Friday, December 12"),
        (date(2025, 12, 16), None, "Your parcel"),
        (None, None, "No day yet"),
    ],
)
def test_a_parcels_heading_says_when_it_leaves_if_that_is_known(expected_on, leaves_on, title):
    item = replace(LATE, expected_on=expected_on)
    assert f"<h3>{title}</h3>" in shown(order_page(parcels=(PageParcel((item,), leaves_on),))).html


@pytest.mark.parametrize(
    ("query", "locale", "accepts", "lang"),
    [
        ("", "en", "pt-BR", "en"),
        ("", "pt_BR", "en", "pt-BR"),
        ("", "pt_PT", "en", "pt-BR"),
        ("", None, "it, pt;q=0.9, en;q=0.8", "pt-BR"),
        ("", None, "it", "en"),
        ("", "it", "", "en"),
        ("", "de_AT", "", "de"),
        ("", None, "fr-CA, en;q=0.8", "fr"),
        ("", None, "es-MX", "es"),
        ("?lang=pt_BR", "en", "en", "pt-BR"),
        ("?lang=pt-BR", "en", "en", "pt-BR"),
        ("?lang=xx", "pt_BR", "en", "pt-BR"),
    ],
)
def test_the_language_is_the_addresss_the_customers_or_the_browsers(query, locale, accepts, lang):
    page = shown(order_page(locale=locale), PATH + query, Accept_Language=accepts)
    assert page.tags("html") == [{"lang": lang}]
    assert page.headers["content-language"] == lang


def test_the_language_that_was_asked_for_stays_on_every_link_of_the_page():
    page = shown(path=f"{PATH}?lang=pt_BR")
    own = [tag["href"] for tag in page.tags("a") if tag["href"].startswith("/o/") and "hreflang" not in tag]
    assert len(own) > 5
    assert all(href.endswith("?lang=pt_BR") for href in own)
    assert {"href": f"{PATH}?lang=en", "lang": "en", "hreflang": "en"} in page.tags("a")


def test_names_are_escaped():
    product = replace(LATE.product, name="<script>alert(1)</script>")
    page = shown(order_page(parcels=(PageParcel((replace(LATE, product=product),), None),)))
    assert "<script>alert" not in page.html
    assert "&lt;script&gt;alert" in page.html


def test_the_shops_brand_is_on_the_page_and_its_colours_in_a_style_sheet():
    brand = SHOP.brand.model_copy(update={"accent": "#ffd400", "logo": "https://cdn.example.com/logo.png"})
    site = memory_site(SHOP.model_copy(update={"brand": brand}))
    page = shown(site=site)
    assert {"src": "https://cdn.example.com/logo.png", "alt": "Lantern & Loom", "height": "32"} in page.tags("img")
    (address,) = [tag["href"] for tag in page.tags("link") if tag["href"].startswith("/brand.css?v=")]
    style = shown(site=site, path=address)
    assert "--button:#ffd400;" in style.html
    assert [part.count("--accent:#") for part in style.html.split("prefers-color-scheme")] == [1, 1]
    assert "--accent:#ffd400;" in style.html.split("prefers-color-scheme:dark")[1]
    assert "--accent:#ffd400;" not in style.html.split("prefers-color-scheme:dark")[0]


def test_the_legal_footer_is_in_the_language_of_the_page_or_else_in_the_shops():
    assert "Register: HRB 123456, Berlin" in shown(path=f"{PATH}?lang=pt_BR").text


def test_behind_a_path_of_the_shops_proxy_every_address_begins_with_it():
    shop = SHOP.model_copy(update={"order_pages": type(SHOP.order_pages)(url="https://shop.example.com/late")})
    page = shown(site=memory_site(shop))
    own = [tag["href"] for tag in (*page.tags("a"), *page.tags("link")) if tag["href"].startswith("/")]
    assert len(own) > 8
    assert all(href.startswith("/late/") for href in own)


def test_the_choices_alone_are_a_fragment_with_whole_addresses_and_nothing_that_the_shops_page_must_allow():
    page = shown(path=f"{PATH}/fragment")
    hrefs = [tag["href"] for tag in page.tags("a")]
    assert hrefs == [f"https://orders.shop.example.com{PATH}/{act}" for act in ALL_OPEN.acts]
    assert not any(page.tags(name) for name in ("html", "link", "style", "script", "form"))
    assert page.html.startswith('<section class="forewarn-choices"')
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
