"""Looking for mistakes in words before a customer sees them."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from jinja2 import Environment

from models.config.shop import ShopConfig
from models.enums import Channel
from models.errors import BadShop
from models.messages import Message
from models.storefront import StorefrontNotice
from templates.rendering import samples
from templates.rendering import size_limits as fit
from templates.rendering.environment import GALLERY, OURS, BadWords, faults_named
from templates.rendering.file_names import OWN_PARTS, halves, misnamed
from templates.rendering.formats import match
from templates.rendering.lint import ERROR, WARNING, Problem, lint
from templates.rendering.messages import MESSAGES, POSTS, Words
from templates.rendering.purchasing import PURCHASE, PurchaseWords
from templates.rendering.storefront import STOREFRONT, StorefrontWords
from templates.rendering.template_fields import nearest

__all__ = ["ERROR", "WARNING", "Problem", "errors", "problems"]

_PYTHON = re.compile(r"<[\w.]+ object at 0x|\bdatetime\.date\(|\bDecimal\('|\b[A-Z]\w+\(\w+=")


def errors(shop: ShopConfig, own: Path | None, messages: Iterable[str] = ()) -> list[Problem]:
    """Return the problems that would stop or spoil a message, without the warnings."""
    return [problem for problem in problems(shop, own, messages) if problem.level == ERROR]


def problems(
    shop: ShopConfig,
    own: Path | None,
    messages: Iterable[str] = (),
    *,
    only: str | None = None,
    language: str | None = None,
) -> list[Problem]:
    """Return what is wrong with a shop's words; `messages` are those that its policy names beside ours.

    Every file is read for names that no message knows, and every message is rendered with every sample: `only` one
    message, or in one `language`, where that is asked for. Raises BadShop where there is no such message or language.
    """
    messages = list(messages)
    folders = (*MESSAGES, *(name for name in messages if name not in MESSAGES))
    place = own if own and own.is_dir() else None
    words, locales = Words(shop, place), samples.locales(place)
    _known_message(only, {*folders, *OWN_PARTS})
    spoken = _spoken(language, locales)
    names = [name for name in words.jinja.list_templates(extensions=["txt", "html"]) if _wanted(name, only, spoken)]
    found = {*lint(words.jinja, names), *_compiled(words.jinja, names)}
    if place:
        of_names = (*misnamed(place, folders), *halves(place))
        found |= {one for one in of_names if _wanted(str(Path(one.file).relative_to(place)), only, spoken)}
    wanted = [(name, _channels(place, name)) for name in folders if only in {None, name}]
    for locale in locales if spoken is None else [spoken]:
        found |= {*_renderings(words, wanted, locale), *_others(shop, place, words, only, locale)}
    if only is None and (mute := words.unspoken(messages)):
        found.add(Problem("shop.toml", None, mute.removeprefix("shop.toml: ")))
    return sorted(map(_shown, found), key=_place)


def _place(problem: Problem) -> tuple[bool, str, int, str]:
    return problem.file != "shop.toml", problem.file, problem.line or 0, problem.what


def _spoken(language: str | None, there: list[str]) -> str | None:
    found = match(language, there) if language else None
    if language and found is None:
        raise BadShop(f"no words are in {language!r}; {', '.join(there)} are there")
    return found


def _known_message(only: str | None, there: set[str]) -> None:
    if only is not None and only not in there:
        raise BadShop(f"no message is named {only!r}{nearest(only, there) or '; ' + ', '.join(sorted(there))}")


def _wanted(name: str, only: str | None, language: str | None) -> bool:
    """Say whether a template belongs to what is checked; the layouts belong to every message."""
    folder, _, file = name.partition("/")
    spoken = file.split(".")[1] if file.count(".") > 1 else None
    return folder in {only or folder, "layout"} and (language is None or spoken in {None, language})


def _shown(problem: Problem) -> Problem:
    path = Path(problem.file)
    return replace(problem, file=str(path.relative_to(OURS.parent))) if path.is_relative_to(OURS) else problem


def _compiled(jinja: Environment, names: Iterable[str]) -> Iterator[Problem]:
    for name in names:
        if name != GALLERY:
            yield from _raised(partial(_template, jinja, name))


def _template(jinja: Environment, name: str) -> None:
    with faults_named(name):
        jinja.get_template(name)


def _renderings(words: Words, messages: Iterable[tuple[str, set[Channel]]], locale: str) -> Iterator[Problem]:
    for message, channels in messages:
        for _, plan in samples.plans(message, locale):
            for contact in plan.contacts:
                if contact.channel in channels:
                    yield from _raised(partial(words.message, plan, contact, id="check"), words)


def _others(shop: ShopConfig, own: Path | None, words: Words, only: str | None, locale: str) -> Iterator[Problem]:
    """Yield what is wrong with posts, product pages and purchase requests."""
    for _, about in samples.posts(locale):
        if only in {None, POSTS[about.kind]}:
            yield from _raised(partial(words.post, about, id="check", locale=locale))
    if only in {None, STOREFRONT}:
        for notice in samples.storefront_notices(locale):
            yield from _raised(partial(_storefront, words.storefront, notice, locale))
    if only in {None, PURCHASE}:
        requests = PurchaseWords(shop.model_copy(update={"locale": locale}), own)
        for _, purchase in samples.purchases():
            yield from _raised(partial(requests.write, purchase, samples.VENDOR))


def _storefront(words: StorefrontWords, notice: StorefrontNotice | None, locale: str) -> None:
    words.page(notice, words.choose([locale]), schema=None, script="")


def _channels(own: Path | None, message: str) -> set[Channel]:
    """Return the channels that a message needs words for: a text only where it has some."""
    texts = message in MESSAGES or (own is not None and any((own / message).glob("sms.*")))
    return {Channel.EMAIL, Channel.SMS} if texts else {Channel.EMAIL}


def _raised(render: Callable[[], object], words: Words | None = None) -> Iterator[Problem]:
    try:
        written = render()
    except BadWords as error:
        yield Problem(error.file, error.line, error.what)
        return
    if words is not None and isinstance(written, Message) and written.channel is Channel.EMAIL:
        yield from _looks(words, written)


def _looks(words: Words, mail: Message) -> Iterator[Problem]:
    """Yield what a mail program would cut or filter, though it may leave."""
    subject, text, html = words.files(mail.category, Channel.EMAIL, mail.locale)
    if len(mail.subject) > fit.SUBJECT_SHOWN:
        what = f"the subject has {len(mail.subject)} characters; mail programs show {fit.SUBJECT_SHOWN} at most"
        yield Problem(subject, None, what, WARNING)
    for file, body in ((text, mail.text), (html, mail.html)):
        if (size := fit.weight(body)) > fit.BODY_SHOWN:
            yield Problem(file, None, f"the body of a sample takes {size:,} bytes; Gmail cuts at {fit.BODY_SHOWN:,}")
        if found := _PYTHON.search(body):
            yield Problem(file, None, f"prints a value as Python writes it: {found[0]!r}")
