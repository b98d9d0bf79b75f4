"""Say in a text how to stop texts: by an answer, on the order page, or by mail."""

from datetime import date, datetime, time
from typing import NamedTuple
from zoneinfo import ZoneInfo

from models.config.shop import ShopConfig
from models.config.text_senders import SenderKind, sender_for, sender_kind
from models.customers import LINK_PLACEHOLDER
from models.decisions import Contact
from templates.rendering.page_words import WordBook


class StopWords(NamedTuple):
    """How to stop texts, as the last sentence of a text; empty where nothing is said."""

    beside_page: str = ""
    """In a text whose link leads to the order's page."""
    elsewhere: str = ""


def stop_words(book: WordBook, shop: ShopConfig, contact: Contact, language: str, as_of: date) -> StopWords:
    """Return what a text says; nothing in a language that the order page does not have."""
    sender = sender_for(shop.sender.sms, contact.country)
    # FOREWARN_TWILIO_FROM is a number or a messaging service, which take answers.
    takes_answers = sender is None or sender_kind(sender) is not SenderKind.NAME
    if takes_answers and not contact.says_stop:
        return StopWords()
    words = book.choose([language], datetime.combine(as_of, time(12), ZoneInfo(book.zone)))
    if words.language != language:
        return StopWords()
    if takes_answers:
        return StopWords(*(words.say("stop_reply"),) * 2)
    return StopWords(words.say("stop_on_page"), words.say("stop_by_mail"))


def is_page(url: str) -> bool:
    """Return whether a link in a text leads to the order's own page, where its customer can stop texts."""
    return LINK_PLACEHOLDER in url
