"""What a mail lets its customer choose, where the shop has order pages: links to the pages that confirm each choice."""

import re
from dataclasses import replace

import pytest

from models.config.shop import OrderPages
from models.customers import LINK_PLACEHOLDER, Act
from models.policy.policy import GOOD_NEWS
from templates.rendering import samples
from templates.rendering.brand import contrast
from templates.rendering.messages import Renderer
from templates.rendering.template_sets import MESSAGES
from tests.templates.test_mail_look import seen
from tests.templates.test_messages import CANCEL, SHOP, chosen_samples, mail, text

ORDER = f"https://orders.example.com/o/{LINK_PLACEHOLDER}"
ALL = ("wait", "ship", "swap", "cancel")


def with_pages(*acts):
    pages = OrderPages(url="https://orders.example.com", choices=acts or tuple(Act))
    return SHOP.model_copy(update={"order_pages": pages})


def sample(ending, message="fortnight", locale="en"):
    return next(plan for title, plan in samples.sample_plans(message, locale) if title.endswith(ending))


def partly_ready(plan):
    """Return a plan of an order that waits as a whole, while one of its lines is in stock."""
    on_time = tuple(replace(line, in_stock=True) for line in plan.delay.on_time)
    return replace(plan, parcels=(), delay=replace(plan.delay, on_time=on_time))


def acts_in(body):
    return list(dict.fromkeys(re.findall(rf"{re.escape(ORDER)}/(\w+)", body)))


@pytest.mark.parametrize("locale", samples.LOCALES)
@pytest.mark.parametrize(
    ("message", "ending", "offered"),
    [
        ("fortnight", "date known · substitute", ("wait", "swap", "cancel")),
        ("fortnight", "date known · none", ("wait", "cancel")),
        ("week", "date known · none", ("wait", "cancel")),
        ("long", "date unknown · substitute", ("wait", "swap", "cancel")),
        ("long", "date known · future", ("wait", "cancel")),
        ("long", "date known · on page", ("wait", "cancel", "offer")),
        (GOOD_NEWS, "goods there · none", ("cancel",)),
    ],
)
def test_a_mail_and_its_text_link_to_the_choices_that_fit_its_order(message, ending, offered, locale):
    written = mail(Renderer(with_pages()), sample(ending, message, locale))
    assert acts_in(written.html) == list(offered)
    assert acts_in(written.text) == list(offered)


def test_what_is_in_stock_may_be_sent_now_where_it_would_wait_for_the_rest():
    plan = partly_ready(sample("date known · none"))
    assert "ship" in acts_in(mail(Renderer(with_pages()), plan).html)
    whole = replace(plan, delay=replace(plan.delay, on_time=()))
    assert "ship" not in acts_in(mail(Renderer(with_pages()), whole).html)


@pytest.mark.parametrize("night", [False, True])
def test_every_choice_looks_like_every_other(night):
    html = mail(Renderer(with_pages()), partly_ready(sample("date known · substitute"))).html
    rows = re.findall(
        rf'(<tr><td class="panel"[^>]*>\s*<a [^>]*href=")({re.escape(ORDER)}/\w+)("[^>]*><strong[^>]*>)', html
    )
    assert [url.rpartition("/")[2] for _, url, _ in rows] == list(ALL)
    assert len({(before, after) for before, _, after in rows}) == 1
    pairs = seen(html, night=night).pairs
    assert {pair: contrast(*pair) for pair in pairs if contrast(*pair) < 4.5} == {}


@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("locale", samples.LOCALES)
def test_nobody_has_to_write_to_cancel_where_a_page_does_it(message, locale):
    with_page, without = Renderer(with_pages()), Renderer(SHOP)
    subject = re.compile(rf"\?subject=[^\"]*{CANCEL[locale]}", re.IGNORECASE)
    for _, plan in chosen_samples(message, locale):
        written = mail(with_page, plan)
        assert "cancel" in acts_in(written.html)
        assert not subject.search(written.html)
        assert subject.search(mail(without, plan).html)


def test_a_mail_says_what_happens_without_an_answer_and_until_when_one_may_choose():
    written = mail(Renderer(with_pages()), sample("date known · future", "long"))
    sentence = "You can choose until we start packing. If you do nothing, your order stays as it is."
    for body in (written.html, written.text):
        assert f"{sentence} Our offer below does not change what you get back if you cancel." in body
    assert "Our offer" not in mail(Renderer(with_pages()), sample("date known · none", "long")).text


def test_a_mail_offers_only_what_the_shop_lets_customers_choose():
    written = mail(Renderer(with_pages(Act.CANCEL, Act.WAIT)), sample("date known · substitute"))
    assert acts_in(written.html) == ["wait", "cancel"]
    without_cancel = mail(Renderer(with_pages(Act.WAIT)), sample("date known · substitute"))
    assert acts_in(without_cancel.html) == ["wait"]
    assert "subject=Cancel" in without_cancel.html
    only_offers = mail(Renderer(with_pages(Act.OFFER)), sample("date known · none"))
    assert "What would you like to do?" not in only_offers.html


def test_without_consent_to_offers_a_mail_links_to_the_discount_and_not_to_a_swap():
    plan = sample("date known · on page", "long")
    written = mail(Renderer(with_pages()), plan)
    assert re.search(rf'See it on <a [^>]*href="{re.escape(ORDER)}/offer"', written.html)
    assert f"See it on your order page: {ORDER}/offer" in written.text


@pytest.mark.parametrize("locale", samples.LOCALES)
def test_an_order_with_an_address_of_its_own_keeps_it_and_todays_words(locale):
    plan = sample("date known · substitute", locale=locale)
    order = replace(plan.delay.order, url="https://shop.example.com/mine")
    written = mail(Renderer(with_pages()), replace(plan, delay=replace(plan.delay, order=order)))
    assert LINK_PLACEHOLDER not in written.html + written.text
    assert written.html.count("https://shop.example.com/mine") == mail(Renderer(SHOP), plan).html.count("/orders/10427")


@pytest.mark.parametrize("message", MESSAGES)
def test_a_text_links_to_the_page_alone(message):
    renderer = Renderer(with_pages())
    for _, plan in samples.sample_plans(message, "en"):
        written = text(renderer, plan)
        assert acts_in(written) == []
        assert written.endswith(ORDER)
