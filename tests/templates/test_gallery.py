import re
from html.parser import HTMLParser

import pytest

from models.enums import Channel
from models.messages import Message
from templates.rendering.choice_mails import CHOICE_MAILS
from templates.rendering.customer_mails import NEW_LINK, STAFF_NOTE
from templates.rendering.gallery import write_gallery
from templates.rendering.gallery_entries import gallery_entries
from templates.rendering.samples import LOCALES
from templates.rendering.template_sets import MESSAGES, POSTS
from tests.templates.test_messages import SHOP

OTHERS = ("storefront", "purchase", NEW_LINK, STAFF_NOTE, *(kind for kind in CHOICE_MAILS if kind != "discount_code"))


class Sections(HTMLParser):
    """The gallery's sections, by what they say of themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.attributes = []
        self.loads = set()

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "section":
            self.attributes.append(attributes)
        if tag in {"script", "img", "link", "iframe"}:
            self.loads.update(value for name, value in attrs if name in {"src", "href"})


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return write_gallery(gallery_entries(SHOP, None), tmp_path_factory.mktemp("gallery") / "new").read_text()


def test_the_gallery_shows_every_message_with_and_without_a_date_in_every_language(page):
    sections = Sections()
    sections.feed(page)
    shown = {(section["data-category"], section["data-locale"]) for section in sections.attributes}
    every = (*MESSAGES, *POSTS.values(), *OTHERS)
    assert shown == {(message, locale) for message in every for locale in LOCALES}
    assert page.count("date known") == page.count("date unknown") > 0


def test_the_gallery_loads_nothing_from_anywhere(page):
    sections = Sections()
    sections.feed(page)
    assert sections.loads == set()


def test_the_whole_mail_stands_in_the_page_unharmed(page):
    sections = Sections()
    sections.feed(page)
    mails = [
        message.html for _, message in gallery_entries(SHOP, None) if message.channel is Channel.EMAIL and message.html
    ]
    assert [section["data-mail"] for section in sections.attributes if "data-mail" in section] == mails


def test_an_entry_says_what_its_text_costs_and_what_its_post_weighs(tmp_path):
    entries = [
        ("order 7", Message("1", Channel.SMS, "+1", "a" * 161)),
        ("order 7", Message("2", Channel.EMAIL, "a@example.com", "written", subject="Order 7", html="<p>shown</p>")),
        ("a mug", Message("3", Channel.X, "", "see https://example.com/a-long-address")),
    ]
    page = write_gallery(entries, tmp_path).read_text()
    assert "SMS · GSM-7 · 161 units · 2 parts" in page
    assert "Post · 27 of 280" in page
    assert page.count("<section") == 2


def test_markup_in_a_message_does_not_become_the_gallerys(tmp_path):
    message = Message("1", Channel.SMS, "+1", "</div><script>x()</script>")
    page = write_gallery([("<b>order</b>", message)], tmp_path).read_text()
    assert "<script>x()" not in page
    assert "<b>order" not in page


def test_the_list_line_shows_the_preheader_without_its_filler(page):
    shown = re.search(r'<div class="card inbox"><strong>([^<]*)</strong><span>([^<]*)</span>', page)
    assert shown is not None
    assert shown[1].startswith("A little late: now expected June 5 (order 10427)")
    assert shown[2].startswith("Late: Linen tablecloth, 150 × 250 cm.")
    assert "\u034f" not in shown[2]
