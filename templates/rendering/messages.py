"""From a plan to the words that leave: one folder a message, one file a part, a missing word is an error."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jinja2 import Environment, Template

from models.config.shop import ShopConfig
from models.decisions import Contact, Plan
from models.enums import Channel, PostKind
from models.messages import Message
from models.posts import ProductDelay, ProductStock
from templates.rendering import size_limits as fit
from templates.rendering import sms
from templates.rendering import social as posts
from templates.rendering.environment import BadWords, environment, faults_named
from templates.rendering.formats import known, match
from templates.rendering.render_limits import RenderLimit, TooSlow
from templates.rendering.storefront import StorefrontWords
from templates.rendering.template_fields import Shop, shop_view
from templates.rendering.view_models import (
    MOST,
    addressed,
    cut,
    order_facts,
    order_link,
    post_facts,
    shortened,
    unaddressed,
)

__all__ = ["MESSAGES", "PARTS", "POSTS", "BadWords", "Words"]

MESSAGES = ("short", "week", "fortnight", "long", "late_again", "new_date", "good_news")
POSTS = {PostKind.LATE: "post", PostKind.BACK: "back_in_stock", PostKind.LOW: "low_stock"}
"""The folder of each kind of post."""
PARTS = {
    Channel.EMAIL: ("subject.txt", "body.txt", "body.html"),
    Channel.SMS: ("sms.txt",),
    Channel.X: ("post.txt",),
}
"""The files that a channel's message is made of, without their locale."""

MAIL_BYTES = 100_000
"""Bytes that each body of a mail may take: beyond 102 kB Gmail cuts it."""
NAME_LIMITS = (200, 100, 60, 40, 24, 12, 0)
"""Characters left to a product's name, tried in turn for the text that fits, or costs least; 0 leaves it out."""

_FILE = re.compile(r"(?P<message>[a-z]\w*)/(?P<part>[a-z]+)\.(?P<locale>\w+)\.(?P<kind>txt|html)")


@dataclass(frozen=True, slots=True)
class _Voice:
    """A message's templates in one language, and how numbers are written in it."""

    templates: tuple[Template, ...]
    words: str
    formats: str
    missing: tuple[str, ...]
    shop: Shop
    config: ShopConfig

    @property
    def given(self) -> dict[str, Any]:
        return {"shop": self.shop, "lang": self.words.replace("_", "-"), "locale": self.formats}


class Words:
    """A shop's words, ours where it has none of its own.

    `fallbacks` counts the languages that were asked for and are missing.
    """

    def __init__(self, shop: ShopConfig, own: Path | None = None) -> None:
        self.fallbacks: Counter[str] = Counter()
        self._shop = shop
        self._environment = environment(own)
        self._locales = _locales(self._environment.list_templates())
        self._voices: dict[tuple[str, Channel, str | None], _Voice] = {}
        self.storefront = StorefrontWords(shop, self._environment)

    @property
    def jinja(self) -> Environment:
        """Return the sandbox that the words are rendered in."""
        return self._environment

    def speaks(self, message: str, channel: Channel, locale: str) -> bool:
        """Say whether a message has every part in just this language."""
        return locale in self._there(message, channel)

    def unspoken(self, messages: Iterable[str]) -> str:
        """Say which mails the shop's own language lacks, in one sentence; empty where it has words for all.

        `messages` are those that the policy names beside ours.
        """
        there = {message: self._there(message, Channel.EMAIL) for message in (*MESSAGES, *messages)}
        folders = [message for message, locales in there.items() if locales and not match(self._shop.locale, locales)]
        if not folders:
            return ""
        files = ", ".join(_named(folders[0], part, self._shop.locale) for part in PARTS[Channel.EMAIL])
        others = f", and the same parts in {', '.join(folders[1:])}" if folders[1:] else ""
        known_ones = ", ".join(sorted(there[folders[0]]))
        lacking = f"shop.toml: locale {self._shop.locale!r} has no words: write {files}{others}"
        return f"{lacking}, or set locale to one of {known_ones}"

    def files(self, message: str, channel: Channel, locale: str) -> list[str]:
        """Return the files that a message's parts come from."""
        return [str(template.filename) for template in self._voice(message, channel, locale).templates]

    def message(self, plan: Plan, contact: Contact, *, id: str) -> Message:  # noqa: A002 - the field's own name
        """Write a plan's message for one channel; raises BadWords with template, line and order."""
        order = plan.delay.order
        voice = self._voice(plan.message, contact.channel, order.customer.locale)
        with faults_named(plan.message, order.id):
            given = order_facts(plan, self._shop) | voice.given
            subject, text, html = _SAID[contact.channel](voice, given)
        _fit(voice.templates, subject, text, html, order.id)
        return Message(
            id=id,
            channel=contact.channel,
            to=contact.address or "",
            text=text,
            locale=voice.words,
            subject=subject,
            html=html,
            to_name=addressed(order.customer.name),
            category=plan.message,
            valid_until=contact.valid_until,
        )

    def post(
        self,
        about: ProductDelay | ProductStock,
        *,
        id: str,  # noqa: A002 - the same
        locale: str | None = None,
    ) -> Message:
        """Write a social post, in the shop's language if in no other; raises BadWords with template and line."""
        folder = POSTS[about.kind]
        voice = self._voice(folder, Channel.X, locale)
        with faults_named(folder):
            given = post_facts(about, self._shop) | voice.given
            text = _posted(voice, given, about.product.id)
        fit.line(voice.templates[0], text)
        return Message(id=id, channel=Channel.X, to="", text=text, locale=voice.words, category=folder)

    def _voice(self, message: str, channel: Channel, asked: str | None) -> _Voice:
        key = message, channel, asked
        if key not in self._voices:
            self._voices[key] = self._chosen(message, channel, asked)
        voice = self._voices[key]
        self.fallbacks.update(f"{asked} ({voice.words} was used)" for asked in voice.missing)
        return voice

    def _chosen(self, message: str, channel: Channel, asked: str | None) -> _Voice:
        # Only a language that has every part will do: half a mail in another one helps nobody.
        there = self._there(message, channel)
        missing: list[str] = []
        for wish in dict.fromkeys(filter(None, (asked, self._shop.locale, "en"))):
            if words := match(wish, there):
                templates = tuple(self._template(_named(message, part, words)) for part in PARTS[channel])
                view = shop_view(self._shop, words)
                return _Voice(templates, words, str(known(wish)), tuple(missing), view, self._shop)
            missing.append(wish)
        needed = ", ".join(_named(message, part, "en") for part in PARTS[channel])
        raise BadWords(message, None, f"no words for this message; {needed} would be right")

    def _there(self, message: str, channel: Channel) -> set[str]:
        return set.intersection(*(self._locales.get((message, part), set()) for part in PARTS[channel]))

    def _template(self, name: str) -> Template:
        with faults_named(name):
            return self._environment.get_template(name)


def _locales(files: list[str]) -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for name in filter(None, map(_FILE.fullmatch, files)):
        found.setdefault((name["message"], f"{name['part']}.{name['kind']}"), set()).add(name["locale"])
    return found


def _named(message: str, part: str, locale: str) -> str:
    name, _, kind = part.partition(".")
    return f"{message}/{name}.{locale}.{kind}"


def _mailed(voice: _Voice, given: dict[str, Any]) -> tuple[str, str, str]:
    subject, *bodies = voice.templates
    given["subject"] = " ".join(subject.render(given).split())
    tries = (*(given | {"most": most} for most in MOST), cut(given, MOST[-1]))
    for facts in tries:
        try:
            text, html = (body.render(facts) for body in bodies)
        except TooSlow:
            raise
        except RenderLimit:
            if facts is tries[-1]:
                raise
            continue
        if max(len(text.encode()), len(html.encode())) <= MAIL_BYTES:
            break
    return given["subject"], _tidied(text), html


def _texted(voice: _Voice, given: dict[str, Any]) -> tuple[str, str, str]:
    late, order, shop = given["late"], given["order"], voice.config
    name = late[0].product.name if len(late) == 1 else ""
    names = list(dict.fromkeys(shortened(name, limit) for limit in NAME_LIMITS))
    given = given | {"shop": replace(voice.shop, name=shop.sms_name or shop.name)}
    for link in dict.fromkeys((order.url, order_link(shop.links, order.id), shop.links.home)):
        known = given | {"order": replace(order, url=link)}
        text = _cheapest(voice.templates[0].render(known, item=name) for name in names)
        if text is not None:
            return "", text, ""
    what = f"the text takes more than {sms.AT_MOST} parts; shorten its words, the shop's name or its links"
    raise BadWords(str(voice.templates[0].filename), None, what, order.id)


def _cheapest(said: Iterable[str]) -> str | None:
    """Return the first text of the fewest parts; None if each takes more than `sms.AT_MOST`.

    Every part is billed: one part with a shorter product name, or without it, goes before two parts.
    """
    texts: dict[int, str] = {}
    for one in said:
        text = sms.cheapest(" ".join(sms.plain(one).split()))
        cost = sms.parts(text).parts
        texts.setdefault(cost, text)
        if cost == 1:
            break
    return texts.get(min(texts)) if min(texts) <= sms.AT_MOST else None


def _posted(voice: _Voice, given: dict[str, Any], product: str) -> str:
    whole = given["product"]

    def written(limit: int) -> str:
        name = shortened(unaddressed(whole.name), limit)
        return _tidied(voice.templates[0].render(given | {"product": whole.named(name)}))

    text = next((text for text in map(written, NAME_LIMITS) if posts.weight(text) <= posts.AT_MOST), None)
    if text is None:
        what = f"the post about product {product} weighs more than {posts.AT_MOST}; shorten its words"
        raise BadWords(str(voice.templates[0].filename), None, what)
    return text


_SAID: dict[Channel, Callable[[_Voice, dict[str, Any]], tuple[str, str, str]]] = {
    Channel.EMAIL: _mailed,
    Channel.SMS: _texted,
}


def _fit(templates: tuple[Template, ...], subject: str, text: str, html: str, order: str) -> None:
    if len(templates) > 1:
        fit.email(templates, subject, text, html, order)
    else:
        fit.line(templates[0], text, order)


def _tidied(text: str) -> str:
    return re.sub(r"\n(?:[ \t]*\n)+", "\n\n", text).strip()
