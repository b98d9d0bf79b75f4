"""What a gallery shows: every message, post, product page and purchase request of a shop, in its languages."""

from collections.abc import Iterable, Iterator
from itertools import product as combined
from pathlib import Path

from models.config.shop import ShopConfig
from models.enums import Channel
from models.messages import Message
from models.storefront import StorefrontNotice
from templates.rendering import samples
from templates.rendering.messages import MESSAGES, POSTS, Words
from templates.rendering.purchasing import PURCHASE, PurchaseWords
from templates.rendering.storefront import STOREFRONT

SHOWN = {
    "fortnight": ("substitute", "shipping"),
    "long": ("substitute", "future", "on page"),
    "late_again": ("future",),
}
"""Remedies in a gallery, by message, so that it stays a page one can read; the others show none."""


def entries(shop: ShopConfig, own: Path | None, messages: Iterable[str] = ()) -> Iterator[tuple[str, Message]]:
    """Yield titled messages for a gallery, as their readers would get them.

    `messages` are those that the shop's policy names beside ours. What has no words in a language is left out there:
    its reader would get another language, which is shown by itself. Raises BadWords.
    """
    words, locales = Words(shop, own), samples.locales(own)
    for message, locale in combined(dict.fromkeys((*MESSAGES, *messages)), locales):
        yield from _notices(words, message, locale)
    for locale in locales:
        yield from _posts(words, locale)
        yield from _pages(words, locale)
        yield from _requests(shop, own, locale)


def _notices(words: Words, message: str, locale: str) -> Iterator[tuple[str, Message]]:
    for title, plan in samples.plans(message, locale):
        if title.endswith(SHOWN.get(message, ("none",))):
            spoken = (contact for contact in plan.contacts if words.speaks(message, contact.channel, locale))
            yield from ((title, words.message(plan, contact, id="sample")) for contact in spoken)


def _posts(words: Words, locale: str) -> Iterator[tuple[str, Message]]:
    for title, about in samples.posts(locale):
        if words.speaks(POSTS[about.kind], Channel.X, locale):
            yield title, words.post(about, id="sample", locale=locale)


def _pages(words: Words, locale: str) -> Iterator[tuple[str, Message]]:
    if locale in words.storefront.locales:
        for notice in samples.storefront_notices(locale):
            yield _titled(notice), _page(words, notice, locale)


def _requests(shop: ShopConfig, own: Path | None, locale: str) -> Iterator[tuple[str, Message]]:
    requests = PurchaseWords(shop.model_copy(update={"locale": locale}), own)
    if requests.locale == locale:
        for title, purchase in samples.purchases():
            subject, text = requests.write(purchase, samples.VENDOR)
            yield title, Message("sample", Channel.EMAIL, "", text, locale=locale, subject=subject, category=PURCHASE)


def _titled(notice: StorefrontNotice | None) -> str:
    if notice is None:
        return "product page · unknown"
    held = notice.available
    left = f" · {held.left} left" if held.left else ""
    until = " · at the latest" if held.latest_on else ""
    return f"product page · {str(held.state).replace('_', ' ')}{left}{until}"


def _page(words: Words, notice: StorefrontNotice | None, locale: str) -> Message:
    said = words.storefront.said(notice.available if notice else None, locale)
    page = words.storefront.page(notice, locale, schema=None, script="")
    # A page is shown as a mail is: its title, its text, and the whole of it in a frame.
    return Message(
        "sample", Channel.EMAIL, "", said.text, locale=locale, subject=said.title, html=page, category=STOREFRONT
    )
