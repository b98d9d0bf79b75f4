"""Render a mail, a text or a post within the size that its channel takes."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from models.enums import Channel
from templates.rendering import sms
from templates.rendering.environment import TemplateError
from templates.rendering.fill_variables import ITEM_LIMITS, order_link
from templates.rendering.names import strip_mentions, truncate
from templates.rendering.network_limits import measure
from templates.rendering.render_limits import RenderLimitExceeded, RenderTimeout
from templates.rendering.stop_words import StopWords, is_page
from templates.rendering.template_sets import TemplateSet
from templates.rendering.view_models import ItemView

MAX_MAIL_BYTES = 100_000
"""Bytes of each body of a mail; Gmail cuts mails off at 102 kB."""
NAME_LIMITS = (200, 100, 60, 40, 24, 12, 0)
"""Characters of a product's name, tried in turn until the text fits, or costs least; 0 leaves the name out."""

STOP_WORD = re.compile(r"\bSTOP\b")
NO_STOP_WORDS = StopWords()

Variables = dict[str, Any]


def fit_mail(template_set: TemplateSet, variables: Variables) -> tuple[str, str, str]:
    """Render subject, text and HTML; shows fewer items until each body fits MAX_MAIL_BYTES.

    The last attempt is returned even if it is longer. Raises RenderLimitExceeded where that one cannot be rendered.
    """
    subject_template, *body_templates = template_set.templates
    subject = " ".join(subject_template.render(variables).split())
    variables = variables | {"subject": subject}
    for attempt, is_last in _shorter_and_shorter(variables):
        try:
            text, html = (template.render(attempt) for template in body_templates)
        except RenderTimeout:
            raise
        except RenderLimitExceeded:
            if is_last:
                raise
            continue
        if max(len(text.encode()), len(html.encode())) <= MAX_MAIL_BYTES:
            break
    return subject, _collapse_blank_lines(text), html


def _shorter_and_shorter(variables: Variables) -> Iterator[tuple[Variables, bool]]:
    """Yield the variables of each attempt at a mail, made only where it is needed, and whether it is the last."""
    yield from ((variables | {"max_items": limit}, False) for limit in ITEM_LIMITS)
    yield _limit_items(variables, ITEM_LIMITS[-1]), True


def _limit_items(variables: dict[str, Any], max_items: int) -> dict[str, Any]:
    """Return a notice's variables without parcels and pictures, and with at most `max_items` in each list.

    Templates then count too few items: this is the last attempt for a mail that is too long even with short lists.
    """
    lists = {name: tuple(_without_image(item) for item in variables[name][:max_items]) for name in ("late", "on_time")}
    substitutes = tuple(
        replace(choice, products=tuple(replace(product, image=None) for product in choice.products[:max_items]))
        for choice in variables["substitutes"][:max_items]
    )
    return variables | lists | {"substitutes": substitutes, "parcels": (), "max_items": max_items}


def _without_image(item: ItemView) -> ItemView:
    return replace(item, product=replace(item.product, image=None))


def fit_sms(template_set: TemplateSet, variables: Variables, stop: StopWords = NO_STOP_WORDS) -> str:
    """Render a text, with `stop` as its last sentence unless its words name STOP already.

    Shortens the product's name, then the order's link, then drops `silence`. Raises TemplateError where the text needs
    more than `sms.MAX_PARTS` parts all the same.
    """
    late_items, order, config = variables["late"], variables["order"], template_set.config
    product_name = late_items[0].product.name if len(late_items) == 1 else ""
    names = list(dict.fromkeys(truncate(product_name, limit) for limit in NAME_LIMITS))
    variables = variables | {"shop": replace(template_set.shop, name=config.sms_name or config.name)}
    (template,) = template_set.templates
    links = tuple(dict.fromkeys((order.url, order_link(config.links, order.id), config.links.home)))
    for silence, link, says_stop in _attempts(variables["silence"], links, bool(stop.elsewhere)):
        shortened = variables | {"order": replace(order, url=link), "silence": silence}
        last = (stop.beside_page if is_page(link) else stop.elsewhere) if says_stop else ""
        text = _cheapest_sms(_with_last(template.render(shortened, item=name), last) for name in names)
        if text is not None:
            return text
    what = f"the text needs more than {sms.MAX_PARTS} parts; shorten its words, the shop's name or its links"
    raise TemplateError(str(template.filename), None, what, order.id)


def _with_last(text: str, sentence: str) -> str:
    return text if not sentence or STOP_WORD.search(text) else f"{text} {sentence}"


def text_with_note(text: str, note: str) -> str:
    """Return a text with a personal note after it; the note may need parts beyond `sms.MAX_PARTS`."""
    return sms.drop_accents_if_cheaper(f"{text} {sms.plain_punctuation(note)}")


def _attempts(silence: str, links: Sequence[str], says_stop: bool) -> Iterator[tuple[str, str, bool]]:  # noqa: FBT001
    """Yield what a text is tried with: what silence means, a link, and whether it says how to stop texts.

    What silence means stands only beside a link to the order, where it can be answered. A law asks for it, so it goes
    before how to stop texts, which networks ask to be said now and then.
    """
    endings = (True, False) if says_stop else (False,)
    if silence:
        yield from ((silence, link, ending) for ending in endings for link in links[:-1] or links)
    yield from (("", link, ending) for ending in endings for link in links)


def fit_post(template_set: TemplateSet, variables: Variables, product_id: str, network: Channel) -> str:
    """Render a post for a network; shortens the product's name. Raises TemplateError where it stays too long."""
    (template,) = template_set.templates
    product = variables["product"]
    for limit in NAME_LIMITS:
        short = replace(product, name=truncate(strip_mentions(product.name), limit))
        post = _collapse_blank_lines(template.render(variables | {"product": short}))
        size = measure(network, post)
        if size.fits:
            return post
    what = f"the post about product {product_id} has more than {size.limit} {size.unit}; shorten its words"
    raise TemplateError(str(template.filename), None, what)


def _cheapest_sms(candidates: Iterable[str]) -> str | None:
    """Return the first text that needs the fewest parts; None if each needs more than `sms.MAX_PARTS`.

    Every part is billed, so one part with a shorter product name, or without it, is preferred to two.
    """
    text_by_parts: dict[int, str] = {}
    for candidate in candidates:
        text = sms.drop_accents_if_cheaper(" ".join(sms.plain_punctuation(candidate).split()))
        parts = sms.count_segments(text).parts
        text_by_parts.setdefault(parts, text)
        if parts == 1:
            break
    fewest = min(text_by_parts)
    return text_by_parts[fewest] if fewest <= sms.MAX_PARTS else None


def _collapse_blank_lines(text: str) -> str:
    return re.sub(r"\n(?:[ \t]*\n)+", "\n\n", text).strip()
