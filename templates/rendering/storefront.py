"""The words of a product's page: a title and a text in each language, and the page that a plain link leads to."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment

from models.config.shop import ShopConfig
from models.inventory import ProductAvailability
from models.quantities import Quantity
from models.storefront import StorefrontNotice
from templates.rendering import size_limits as fit
from templates.rendering.environment import BadWords, faults_named
from templates.rendering.formats import known, match
from templates.rendering.template_fields import shop_view
from templates.rendering.view_models import product_facts

STOREFRONT = "storefront"
TITLE, TEXT, DATE = STOREFRONT_PARTS = ("title.txt", "text.txt", "date.txt")
PAGE = "layout/storefront.html"
UNKNOWN = "unknown"
"""What a template is given as `state` where nothing is known of a product."""

_FILE = re.compile(rf"{STOREFRONT}/(?P<name>[a-z]+)\.(?P<locale>\w+)\.txt")
_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Said:
    """A notice's words in one language."""

    locale: str
    title: str
    text: str

    @property
    def lang(self) -> str:
        """Return the language as HTML and HTTP name it."""
        return self.locale.replace("_", "-")


class StorefrontWords:
    """A shop's words for its products' pages, ours where it has none of its own."""

    def __init__(self, shop: ShopConfig, environment: Environment) -> None:
        self._shop, self._environment = shop, environment
        found = list(filter(None, map(_FILE.fullmatch, environment.list_templates())))
        there = ({name["locale"] for name in found if f"{name['name']}.txt" == part} for part in STOREFRONT_PARTS)
        self.locales = tuple(sorted(set.intersection(*there)))
        """The languages in which every part is there."""
        # Few dates and quantities make the words of all products.
        self._written = lru_cache(_REMEMBERED)(self._write)
        self._view = lru_cache(_REMEMBERED)(partial(shop_view, shop))

    def choose(self, asked: Iterable[str]) -> str:
        """Return the first language asked for that is there, else the shop's, else English; raises BadWords."""
        for wish in (*asked, self._shop.locale, "en"):
            if words := match(wish, self.locales):
                return words
        raise BadWords(STOREFRONT, None, "no words for product pages; storefront/text.en.txt would be right")

    def said(self, available: ProductAvailability | None, locale: str) -> Said:
        """Write title and text in a language that is there, of what holds now; None: nothing is known.

        Raises BadWords with template and line.
        """
        if available is None:
            return self._written(UNKNOWN, None, None, 0, locale)
        return self._written(str(available.state), available.expected_on, available.latest_on, available.left, locale)

    def page(self, notice: StorefrontNotice | None, locale: str, schema: Mapping[str, Any] | None, script: str) -> str:
        """Write the page that works without a script; raises BadWords with template and line."""
        said = self.said(notice.available if notice else None, locale)
        given = self._given(locale) | {
            "title": said.title,
            "text": said.text,
            "date": notice and self._dated(notice, locale),
            "after": self.said(None, locale),
            "product": notice and product_facts(notice.product, self._shop),
            "valid_until": notice and notice.valid_until,
            "schema": schema,
            "script": script,
        }
        with faults_named(PAGE):
            return self._environment.get_template(PAGE).render(given)

    def _write(self, state: str, expected_on: Any, latest_on: Any, left: Quantity, locale: str) -> Said:
        given = self._given(locale) | {"state": state, "expected_on": expected_on, "latest_on": latest_on, "left": left}
        return Said(locale, self._part(TITLE, locale, given), self._part(TEXT, locale, given))

    def _dated(self, notice: StorefrontNotice, locale: str) -> str:
        set_at, until = (moment.astimezone(ZoneInfo(self._shop.zone)) for moment in (notice.set_at, notice.valid_until))
        return self._part(DATE, locale, self._given(locale) | {"set_on": set_at.date(), "valid_until": until})

    def _part(self, part: str, locale: str, given: Mapping[str, Any]) -> str:
        name, _, kind = part.partition(".")
        file = f"{STOREFRONT}/{name}.{locale}.{kind}"
        with faults_named(file):
            template = self._environment.get_template(file)
            said = " ".join(template.render(given).split())
        fit.line(template, said)
        return said

    def _given(self, locale: str) -> dict[str, Any]:
        ours, theirs = known(locale), known(self._shop.locale)
        same = ours is not None and theirs is not None and ours.language == theirs.language
        formats = self._shop.locale if same else locale
        return {"shop": self._view(locale), "lang": locale.replace("_", "-"), "locale": formats}
