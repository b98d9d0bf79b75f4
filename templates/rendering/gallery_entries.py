"""Collect what a gallery shows: each message, post, page, purchase request and answer, in every language."""

from collections.abc import Iterable, Iterator
from itertools import product as combined
from pathlib import Path

from models.config.shop import ShopConfig
from models.enums import Channel
from models.messages import Message
from models.storefront import StorefrontNotice
from templates.rendering import samples
from templates.rendering.answer_samples import sample_answers
from templates.rendering.messages import Renderer
from templates.rendering.purchasing import PURCHASE, PurchaseRenderer
from templates.rendering.storefront import STOREFRONT, StorefrontRenderer
from templates.rendering.template_sets import MESSAGES, POSTS

SHOWN_REMEDIES = {
    "fortnight": ("substitute", "shipping"),
    "long": ("substitute", "future", "on page"),
    "late_again": ("future",),
}
"""Remedies in the gallery, by message; other messages are shown without one, to keep the page short."""


def gallery_entries(shop: ShopConfig, own: Path | None, messages: Iterable[str] = ()) -> Iterator[tuple[str, Message]]:
    """Yield titled messages for a gallery, rendered from samples.

    `messages` are those that the shop's policy names beside the built-in ones. A message without templates in a
    language is left out there: its reader gets another language, which is shown too. Raises TemplateError.
    """
    renderer, languages = Renderer(shop, own), samples.available_languages(own)
    for message, language in combined(dict.fromkeys((*MESSAGES, *messages)), languages):
        yield from _notice_entries(renderer, message, language)
    for language in languages:
        yield from _post_entries(renderer, language)
        yield from _page_entries(renderer.storefront, language)
        yield from _purchase_entries(shop, own, language)
        yield from _answer_entries(renderer, shop, language)


def _notice_entries(renderer: Renderer, message: str, language: str) -> Iterator[tuple[str, Message]]:
    for title, plan in samples.sample_plans(message, language):
        if title.endswith(SHOWN_REMEDIES.get(message, ("none",))):
            for contact in plan.contacts:
                if renderer.has_language(message, contact.channel, language):
                    yield title, renderer.render_message(plan, contact, id="sample")


def _post_entries(renderer: Renderer, language: str) -> Iterator[tuple[str, Message]]:
    for title, about in samples.sample_posts(language):
        if renderer.has_language(POSTS[about.kind], Channel.X, language):
            yield title, renderer.render_post(about, id="sample", locale=language)


def _page_entries(renderer: StorefrontRenderer, language: str) -> Iterator[tuple[str, Message]]:
    if language in renderer.languages:
        for notice in samples.sample_storefront_notices(language):
            yield _page_title(notice), _page_message(renderer, notice, language)


def _purchase_entries(shop: ShopConfig, own: Path | None, language: str) -> Iterator[tuple[str, Message]]:
    renderer = PurchaseRenderer(shop.model_copy(update={"locale": language}), own)
    if renderer.language == language:
        for title, purchase in samples.sample_purchases():
            subject, text = renderer.render(purchase, samples.VENDOR)
            yield title, Message("sample", Channel.EMAIL, "", text, locale=language, subject=subject, category=PURCHASE)


def _answer_entries(renderer: Renderer, shop: ShopConfig, language: str) -> Iterator[tuple[str, Message]]:
    for sample in sample_answers(shop, language):
        if "," not in sample.title and renderer.has_language(sample.kind, Channel.EMAIL, language):
            yield sample.title, sample.render(renderer.answers)


def _page_title(notice: StorefrontNotice | None) -> str:
    if notice is None:
        return "product page · unknown"
    available = notice.available
    left = f" · {available.free_quantity} left" if available.free_quantity else ""
    latest = " · at the latest" if available.latest_on else ""
    return f"product page · {str(available.state).replace('_', ' ')}{left}{latest}"


def _page_message(renderer: StorefrontRenderer, notice: StorefrontNotice | None, language: str) -> Message:
    """Return a page as a mail, which the gallery shows in a frame."""
    notice_text = renderer.render_text(notice.available if notice else None, language)
    return Message(
        "sample",
        Channel.EMAIL,
        "",
        notice_text.text,
        locale=language,
        subject=notice_text.title,
        html=renderer.render_page(notice, language, schema=None, script=""),
        category=STOREFRONT,
    )
