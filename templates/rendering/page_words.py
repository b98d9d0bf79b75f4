"""The words of the order page: `order_page/words.en.toml` for each language, single ones replaced by a shop's own."""

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cache, cached_property, lru_cache, partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_skeleton
from babel.numbers import format_currency
from jinja2 import Environment, Template, meta

from models.config.shop import ShopConfig
from templates.rendering.environment import BUILT_IN, TemplateError, make_environment, template_errors
from templates.rendering.formats import match_locale, parse_locale, write_date
from templates.rendering.reason_words import ReasonWords
from templates.rendering.shop_views import shop_view
from templates.rendering.template_fields import suggest
from templates.rendering.view_models import ShopView

FOLDER = "order_page"
WORDS = "words.toml"
MAX_LOCALES = 256
"""So many wanted locales are remembered with what they get; browsers may want any."""
MAX_TEXTS = 10_000
"""So many texts are remembered with the names in them: all built-in ones, and the drafts of a day."""


def words_file(language: str) -> str:
    """Return the file of a language's words, in the folder of templates."""
    return f"{FOLDER}/words.{language}.toml"


@dataclass(frozen=True, slots=True)
class PageWords:
    """The words in one language; dates and amounts as one locale writes them, times in the shop's zone."""

    language: str
    locale: str
    today: date
    zone: ZoneInfo
    shop: ShopView
    texts: "_Texts" = field(repr=False)
    reasons: ReasonWords = field(repr=False)

    @property
    def lang(self) -> str:
        """Return the language as HTML names it, as `pt-BR`."""
        return self.language.replace("_", "-")

    def say(self, key: str, **values: Any) -> str:
        """Return a text, not escaped; raises KeyError for an unknown one, TemplateError for a wrong template."""
        words = self.texts[key]
        if isinstance(words, str):
            return words
        with template_errors(f"{words_file(self.language)}, {key}"):
            return words.render({"shop": self.shop, "locale": self.locale, "today": self.today, **values})

    def short_day(self, day: date) -> str:
        """Return a day without its weekday, and without its year where that is today's."""
        if day.year == self.today.year:
            return write_date(day, "MMMMd", self.locale)
        return write_date(day, "long", self.locale)

    def day(self, day: date) -> str:
        """Return a day with its weekday."""
        return self.say("day", weekday=format_date(day, "EEEE", locale=self.locale), date=self.short_day(day))

    def time(self, at: datetime) -> str:
        """Return the time of a moment, as 14:03."""
        return format_skeleton("Hm", at.astimezone(self.zone), locale=self.locale)

    def moment(self, at: datetime) -> str:
        """Return a moment with its day and the city of its zone."""
        return self.say(
            "moment", date=self.short_day(at.astimezone(self.zone).date()), time=self.time(at), city=self._city()
        )

    def money(self, amount: Decimal, currency: str) -> str:
        """Return an amount with its currency."""
        return format_currency(amount, currency, locale=self.locale)

    def listed(self, names: Sequence[str]) -> str:
        """Return names as a list in a sentence: a, b and c."""
        if len(names) < 2:
            return "".join(names)
        return self.say("list_and", first=", ".join(names[:-1]), last=names[-1])

    def _city(self) -> str:
        locale = parse_locale(self.locale)
        known = locale.time_zones.get(self.zone.key, {}) if locale else {}
        return str(known.get("city") or self.zone.key.rpartition("/")[2].replace("_", " "))


class WordBook:
    """The words in all languages that have all of them. Its files are read when they are needed.

    Everything that needs them raises TemplateError for a file that is wrong.
    """

    def __init__(self, shop: ShopConfig, jinja: Environment, own: Path | None) -> None:
        self._shop, self._zone = shop, ZoneInfo(shop.zone)
        # Words are plain text, and a page escapes them where it writes them.
        self._jinja = jinja.overlay(autoescape=False)
        self._own, self.reasons = own, ReasonWords(own)
        self._compiled = cache(self._compile)
        self._shop_in = cache(partial(shop_view, shop))
        self._found = lru_cache(MAX_LOCALES)(self._find)

    @cached_property
    def _texts(self) -> dict[str, dict[str, str]]:
        return _read_all(self._own)

    @cached_property
    def _built_in(self) -> dict[str, str]:
        return _built_in_texts()["en"]

    @property
    def zone(self) -> str:
        """Return the shop's zone."""
        return self._zone.key

    @property
    def languages(self) -> tuple[str, ...]:
        """Return the languages of the pages."""
        return tuple(sorted(self._texts))

    def check(self) -> None:
        """Raise TemplateError for a text that cannot be rendered, or is filled in with what its page does not give."""
        for language in self.languages:
            texts = self._compiled(language)
            for key, text in self._texts[language].items():
                texts[key]
                given = _values(self._built_in[key])
                if unknown := sorted(_values(text) - given):
                    what = f"{key} has no {unknown[0]!r}{suggest(unknown[0], given)}"
                    raise TemplateError(words_file(language), None, what)

    def choose(self, wanted: Iterable[str | None], now: datetime) -> PageWords:
        """Return the words in the first wanted language that has them, else the shop's, else English."""
        for wanted_locale in filter(None, (*wanted, self._shop.locale, "en")):
            language, locale = self._found(wanted_locale)
            if language:
                today, texts = now.astimezone(self._zone).date(), self._compiled(language)
                shop, reasons = self._shop_in(language), self.reasons
                return PageWords(language, locale, today, self._zone, shop, texts, reasons)
        raise TemplateError(words_file("en"), None, "is missing")

    def _find(self, wanted: str) -> tuple[str | None, str]:
        """Return the language that a wanted locale is answered in, None for none, and the locale of its dates."""
        return match_locale(wanted, self.languages), self._locale(wanted)

    def _locale(self, wanted: str) -> str:
        """Return the locale of dates: the shop's, where it is of the wanted language, as in its mails."""
        own, locale = parse_locale(self._shop.locale), parse_locale(wanted)
        if own and locale and own.language == locale.language and locale.territory is None:
            return str(own)
        return str(locale)

    def _compile(self, language: str) -> "_Texts":
        return _Texts(self._jinja, words_file(language), self._texts[language])


class _Texts(dict[str, str | Template]):
    """The texts of one language, each compiled when it is first used: a command needs few of them."""

    def __init__(self, jinja: Environment, file: str, texts: dict[str, str]) -> None:
        super().__init__()
        self._jinja, self._file, self._texts = jinja, file, texts

    def __missing__(self, key: str) -> str | Template:
        text = self._texts[key]
        with template_errors(self._file):
            self[key] = compiled = self._template(f"{self._file}, {key}", text) if "{" in text else text
        return compiled

    def _template(self, name: str, text: str) -> Template:
        """Compile a text, unless this process has compiled it before for this accent."""
        jinja, cache_of_code = self._jinja, self._jinja.bytecode_cache
        if cache_of_code is None:
            return jinja.from_string(text)
        bucket = cache_of_code.get_bucket(jinja, name, None, text)
        if bucket.code is None:
            bucket.code = jinja.compile(text)
            cache_of_code.set_bucket(bucket)
        return jinja.template_class.from_code(jinja, bucket.code, jinja.make_globals(None))


@lru_cache(MAX_TEXTS)
def _values(text: str) -> frozenset[str]:
    """Return the names of what a text is filled in with, but for those that every text has."""
    if "{" not in text:
        return frozenset()
    return frozenset(meta.find_undeclared_variables(_syntax().parse(text)) - {"shop", "locale", "today"})


@cache
def _syntax() -> Environment:
    """Return an environment to read texts in: which names a text has depends on no shop."""
    return make_environment()


def _read_all(own: Path | None) -> dict[str, dict[str, str]]:
    texts = dict(_built_in_texts())
    known = texts["en"]
    for file in _files(own) if own else ():
        language = _language(file)
        texts[language] = texts.get(language, {}) | _read(file)
    for language, words in texts.items():
        if unknown := sorted(words.keys() - known.keys()):
            what = f"no text is named {unknown[0]!r}{suggest(unknown[0], known)}"
            raise TemplateError(words_file(language), None, what)
    return {language: words for language, words in texts.items() if words.keys() == known.keys()}


@cache
def _built_in_texts() -> dict[str, dict[str, str]]:
    return {_language(file): _read(file) for file in _files(BUILT_IN)}


def _files(folder: Path) -> list[Path]:
    return sorted((folder / FOLDER).glob("words.*.toml"))


def _language(file: Path) -> str:
    return file.name.split(".")[1]


def _read(file: Path) -> dict[str, str]:
    try:
        words = tomllib.loads(file.read_text("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TemplateError(str(file), None, f"not valid TOML in UTF-8: {error}") from error
    if wrong := [key for key, text in words.items() if not isinstance(text, str)]:
        raise TemplateError(str(file), None, f"{wrong[0]} must be a text in quotes")
    return words
