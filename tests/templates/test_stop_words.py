"""How a text says to stop texts: where a country asks for it, in the text's language, within the parts that it pays."""

from dataclasses import replace
from datetime import date

import pytest

from models.config.shop import OrderPages
from models.decisions import Contact
from models.enums import Channel
from models.promise_clock import Silence, Statement
from templates.rendering import samples, sms
from templates.rendering.messages import Renderer
from tests.templates.test_messages import SHOP, sample

REPLY = {
    "en": "Reply STOP to opt out.",
    "de": "SMS beenden: STOP antworten.",
    "fr": "Fin des SMS : répondez STOP.",
    "es": "No más SMS: responda STOP.",
    "pt_BR": "Parar SMS: responda STOP.",
}
US = Contact(Channel.SMS, "+12025550142", country="US", says_stop=True)
DE = Contact(Channel.SMS, "+4915112345678", country="DE")


def shop_of(sms_senders=None, *, pages=False):
    sender = SHOP.sender.model_copy(update={"sms": sms_senders or {}})
    order_pages = OrderPages(url="https://orders.alder.example.com") if pages else None
    return SHOP.model_copy(update={"sender": sender, "order_pages": order_pages})


def text(shop, contact, plan=None):
    plan = plan or sample("date known · none", "week")
    return Renderer(shop).render_message(plan, contact, id="n-1").text


def same(words):
    return sms.plain_punctuation(words).replace("á", "a")


@pytest.mark.parametrize("locale", samples.LOCALES)
def test_a_text_to_a_country_that_asks_for_it_ends_with_how_to_stop_texts(locale):
    plan = next(plan for title, plan in samples.sample_plans("week", locale) if title.endswith("· none"))
    assert same(text(shop_of(), US, plan)).endswith(same(REPLY[locale]))
    assert "STOP" not in text(shop_of(), DE, plan)


@pytest.mark.parametrize(
    ("senders", "pages", "contact", "last"),
    [
        ({"DE": "Alder"}, True, DE, "Stop texts: on that page."),
        ({"default": "Alder"}, True, DE, "Stop texts: on that page."),
        ({"DE": "Alder"}, False, DE, "Stop texts: help@alder.example.com"),
        ({"default": "Alder", "DE": "+4915112345670"}, True, DE, "order-link-placeholder"),
        ({"default": "Alder", "US": "+12025550100"}, True, US, "Reply STOP to opt out."),
    ],
)
def test_a_name_takes_no_answer_so_its_texts_say_another_way(senders, pages, contact, last):
    assert text(shop_of(senders, pages=pages), contact).endswith(last)


def test_the_sentence_is_counted_in_the_parts_and_the_products_name_makes_room_for_it():
    plan = sample("date known · none", "week")
    plan = replace(plan, delay=replace(plan.delay, on_time=()))
    with_stop, without = text(shop_of(), US, plan), text(shop_of(), DE, plan)
    assert with_stop.endswith(REPLY["en"])
    assert [sms.count_segments(one).parts for one in (with_stop, without)] == [1, 1]
    assert len(with_stop) < len(without) + len(REPLY["en"])


def test_what_a_law_makes_a_text_say_goes_before_how_to_stop_texts():
    plan = replace(sample("date known · none", "week"), silence=Silence(Statement.CONSENTS, date(2026, 7, 1)))
    said = {}
    for length in (40, 50):
        links = SHOP.links.model_copy(update={"order": f"https://alder.example.com/{'o' * length}/{{order}}"})
        said[length] = text(shop_of().model_copy(update={"links": links}), US, plan)
    assert all("agree" in one and sms.count_segments(one).parts == 2 for one in said.values())
    assert {length: "STOP" in one for length, one in said.items()} == {40: True, 50: False}


def test_a_shops_own_words_that_name_stop_are_enough(tmp_path):
    (tmp_path / "week").mkdir()
    (tmp_path / "week/sms.en.txt").write_text("Order {{ order.id }} is late. Text STOP to end. {{ order.url }}")
    plan = sample("date known · none", "week")
    said = Renderer(shop_of(), tmp_path).render_message(plan, US, id="n-1").text
    assert said.count("STOP") == 1
