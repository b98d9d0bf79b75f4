"""Looking for mistakes in words before a customer sees them."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from jinja2 import Environment, TemplateSyntaxError, meta, nodes

from models.shopfolder import ShopConfig
from models.storefront import StorefrontNotice
from models.values import Channel
from templates import samples
from templates.environment import GALLERY, GIVEN, NAMES, OURS, BadWords, environment
from templates.formats import known
from templates.storefronts import STOREFRONT, STOREFRONT_PARTS, StorefrontWords
from templates.views import nearest
from templates.words import MESSAGES, PARTS, POSTS, Words

_PARTS = {name for names in PARTS.values() for name in names if name != "post.txt"}
_OWN_PARTS = {folder: {"post.txt"} for folder in POSTS.values()} | {STOREFRONT: set(STOREFRONT_PARTS)}
_NAME = re.compile(r"(?P<part>[^.]+)\.(?P<locale>[^.]+)\.(?P<kind>[^.]+)")
_ALL_NAMES = {name for names in GIVEN.values() for name in names}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a template, and where."""

    file: str
    line: int | None
    what: str

    def __str__(self) -> str:
        return f"{self.file}{f', line {self.line}' if self.line else ''}: {self.what}"


def problems(shop: ShopConfig, own: Path | None, messages: Iterable[str] = ()) -> list[Problem]:
    """Return what is wrong with a shop's words; `messages` are those that its policy names beside ours.

    Every file is read for names that no message knows, and every message is rendered with every sample.
    """
    folders = (*MESSAGES, *(name for name in messages if name not in MESSAGES))
    place = own if own and own.is_dir() else None
    found = set(_unknown_names(environment(place)))
    if place:
        found |= {*_misnamed(place, folders), *_halves(place)}
    found |= set(_renderings(Words(shop, place), [(name, _channels(place, name)) for name in folders], _locales(place)))
    return sorted(map(_shown, found), key=lambda problem: (problem.file, problem.line or 0, problem.what))


def _shown(problem: Problem) -> Problem:
    path = Path(problem.file)
    return (
        Problem(str(path.relative_to(OURS.parent)), problem.line, problem.what)
        if path.is_relative_to(OURS)
        else problem
    )


def _unknown_names(jinja: Environment) -> Iterator[Problem]:
    for name in jinja.list_templates(extensions=["txt", "html"]):
        if name == GALLERY or jinja.loader is None:
            continue
        try:
            source, file, _ = jinja.loader.get_source(jinja, name)
            jinja.compile(source, name, file or name)
            yield from _undefined(jinja, source, file or name)
        except TemplateSyntaxError as error:
            yield Problem(error.filename or name, error.lineno, str(error.message))
        except UnicodeDecodeError as error:
            yield Problem(name, None, f"is not UTF-8: {error.reason} at byte {error.start}")


def _undefined(jinja: Environment, source: str, file: str) -> Iterator[Problem]:
    tree = jinja.parse(source)
    # Jinja's own search does not look from a block to the top of its file.
    imported = {module.target for module in tree.find_all(nodes.Import)}
    named = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
    unknown = meta.find_undeclared_variables(tree) - _ALL_NAMES - jinja.globals.keys() - imported - named - {"caller"}
    for used in tree.find_all(nodes.Name):
        if used.name in unknown:
            yield Problem(file, used.lineno, f"{used.name!r} is undefined{nearest(used.name, NAMES)}")


def _misnamed(own: Path, folders: Iterable[str]) -> Iterator[Problem]:
    ours = {str(path.relative_to(OURS)) for path in OURS.rglob("*.*") if path.suffix in (".txt", ".html")}
    for file in sorted(path for path in own.rglob("*") if path.is_file() and not path.name.startswith(".")):
        name = file.relative_to(own)
        if str(name) in ours or file.suffix == ".md" or name.parts[0] == "layout":
            continue
        if what := _wrong_name(name, {*folders, *_OWN_PARTS}):
            yield Problem(str(file), None, what)


def _wrong_name(name: Path, folders: set[str]) -> str | None:
    if len(name.parts) != 2:
        return "a part lies in its message's folder, as week/subject.en.txt"
    folder, file = name.parts
    if folder not in folders:
        return f"no message is named {folder!r}{nearest(folder, folders)}"
    parts = _OWN_PARTS.get(folder, _PARTS)
    fields = _NAME.fullmatch(file)
    part = f"{fields['part']}.{fields['kind']}" if fields else file
    if fields is None or part not in parts:
        return f"no part is named so{nearest(part, parts)}; {', '.join(sorted(parts))} with a locale, as subject.en.txt"
    if (locale := known(fields["locale"])) is None or str(locale) != fields["locale"]:
        return f"{fields['locale']!r} is no locale; one such as 'en' or 'pt_BR' is right"
    return None


def _halves(own: Path) -> Iterator[Problem]:
    """Yield the languages in which a message lacks parts, so that it is never used."""
    names = {str(path.relative_to(folder)) for folder in (own, OURS) for path in folder.rglob("*.*")}
    for file in sorted(own.glob("*/*.*")):
        if not (fields := _NAME.fullmatch(file.name)):
            continue
        part = f"{fields['part']}.{fields['kind']}"
        siblings = next((parts for parts in (*PARTS.values(), STOREFRONT_PARTS) if part in parts), ())
        wanted = [sibling.replace(".", f".{fields['locale']}.") for sibling in siblings]
        lacking = [name for name in wanted if f"{file.parent.name}/{name}" not in names]
        if lacking:
            yield Problem(str(file), None, f"is never used without {', '.join(lacking)} beside it")


def _locales(own: Path | None) -> list[str]:
    files = own.glob("*/*.*.*") if own else ()
    theirs = {file.name.split(".")[-2] for file in files} - set(samples.LOCALES)
    return [*samples.LOCALES, *sorted(locale for locale in theirs if known(locale))]


def _renderings(
    words: Words, messages: Iterable[tuple[str, set[Channel]]], locales: Iterable[str]
) -> Iterator[Problem]:
    for locale in locales:
        for message, channels in messages:
            for _, plan in samples.plans(message, locale):
                for contact in plan.contacts:
                    if contact.channel in channels:
                        yield from _raised(partial(words.message, plan, contact, id="check"))
        for _, about in samples.posts(locale):
            yield from _raised(partial(words.post, about, id="check", locale=locale))
        for notice in samples.storefront_notices(locale):
            yield from _raised(partial(_storefront, words.storefront, notice, locale))


def _storefront(words: StorefrontWords, notice: StorefrontNotice | None, locale: str) -> None:
    words.page(notice, words.choose([locale]), schema=None, script="")


def _channels(own: Path | None, message: str) -> set[Channel]:
    """Return the channels that a message needs words for: a text only where it has some."""
    texts = message in MESSAGES or (own is not None and any((own / message).glob("sms.*")))
    return {Channel.EMAIL, Channel.SMS} if texts else {Channel.EMAIL}


def _raised(render: Callable[[], object]) -> Iterator[Problem]:
    try:
        render()
    except BadWords as error:
        yield Problem(error.file, error.line, error.what)
