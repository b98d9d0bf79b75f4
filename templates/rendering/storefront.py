"""Render the notices of product pages: title and text in each language, and a whole page for a plain link."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, partial
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment

from models.config.shop import ShopConfig
from models.inventory import ProductAvailability
from models.quantities import Quantity
from models.storefront import StorefrontNotice
from templates.rendering import size_limits
from templates.rendering.environment import TemplateError, template_errors
from templates.rendering.fill_variables import product_view
from templates.rendering.formats import match_locale, parse_locale
from templates.rendering.shop_views import shop_view
from templates.rendering.variables import CommonVariables, PageVariables, StorefrontVariables

STOREFRONT = "storefront"
TITLE, TEXT, DATE = STOREFRONT_PARTS = ("title.txt", "text.txt", "date.txt")
IMPRINT, PRIVACY = STOREFRONT_LINKS = ("imprint.txt", "privacy.txt")
"""The words of links in the footer; a language without them shows the addresses."""
PAGE = "layout/storefront.html"
UNKNOWN = "unknown"
"""The `state` of a product of which nothing is known."""

_TEMPLATE_FILE = re.compile(rf"{STOREFRONT}/(?P<name>[a-z]+)\.(?P<language>\w+)\.txt")
_CACHE_SIZE = 4096


@dataclass(frozen=True, slots=True)
class StorefrontText:
    """A notice's title and text in one language."""

    language: str
    title: str
    text: str

    @property
    def lang(self) -> str:
        """Return the language as HTML and HTTP name it, as `pt-BR`."""
        return self.language.replace("_", "-")


class StorefrontRenderer:
    """Renders the notices of product pages, and the page that a plain link leads to."""

    def __init__(self, shop: ShopConfig, jinja: Environment) -> None:
        self._shop, self._jinja = shop, jinja
        self._files = frozenset(jinja.list_templates())
        files = list(filter(None, map(_TEMPLATE_FILE.fullmatch, self._files)))
        by_part = ({file["language"] for file in files if f"{file['name']}.txt" == part} for part in STOREFRONT_PARTS)
        self.languages = tuple(sorted(set.intersection(*by_part)))
        """The languages that have every part."""
        # Few combinations of dates and quantities make up the texts of all products.
        self._cached_text = lru_cache(_CACHE_SIZE)(self._render_text)
        self._cached_shop = lru_cache(_CACHE_SIZE)(partial(shop_view, shop))

    def choose_language(self, wanted: Iterable[str]) -> str:
        """Return the first wanted language that has templates, else the shop's, else English; raises TemplateError."""
        for language in (*wanted, self._shop.locale, "en"):
            if available := match_locale(language, self.languages):
                return available
        files = ", ".join(f"{STOREFRONT}/{part.replace('.', '.en.')}" for part in STOREFRONT_PARTS)
        raise TemplateError(STOREFRONT, None, f"product pages have no templates; add {files}")

    def render_text(self, available: ProductAvailability | None, language: str) -> StorefrontText:
        """Render title and text of what is known of a product; None: nothing is known.

        Raises TemplateError with file and line.
        """
        if available is None:
            return self._cached_text(UNKNOWN, None, None, 0, language)
        return self._cached_text(
            str(available.state), available.expected_on, available.latest_on, available.free_quantity, language
        )

    def render_page(
        self, notice: StorefrontNotice | None, language: str, schema: Mapping[str, Any] | None, script: str
    ) -> str:
        """Render the page that works without a script; raises TemplateError with file and line."""
        notice_text = self.render_text(notice.available if notice else None, language)
        brand = self._cached_shop(language).brand
        page: PageVariables = {
            "title": notice_text.title,
            "text": notice_text.text,
            "date": self._render_date(notice, language) if notice else None,
            "after": self.render_text(None, language),
            "product": product_view(notice.product, self._shop) if notice else None,
            "valid_until": notice.valid_until if notice else None,
            "schema": schema,
            "script": script,
            "imprint": self._link_words(IMPRINT, brand.imprint_url, language),
            "privacy": self._link_words(PRIVACY, brand.privacy_url, language),
        }
        with template_errors(PAGE):
            return self._jinja.get_template(PAGE).render({**self._common_variables(language), **page})

    def _render_text(
        self, state: str, expected_on: date | None, latest_on: date | None, units_left: Quantity, language: str
    ) -> StorefrontText:
        variables: StorefrontVariables = {
            "state": state,
            "expected_on": expected_on,
            "latest_on": latest_on,
            "units_left": units_left,
        }
        title, text = (self._render_part(part, language, variables) for part in (TITLE, TEXT))
        return StorefrontText(language, title, text)

    def _render_date(self, notice: StorefrontNotice, language: str) -> str:
        zone = ZoneInfo(self._shop.zone)
        set_on, valid_until = notice.set_at.astimezone(zone).date(), notice.valid_until.astimezone(zone)
        return self._render_part(DATE, language, {"set_on": set_on, "valid_until": valid_until})

    def _link_words(self, part: str, url: str | None, language: str) -> str | None:
        has_words = _file_of(part, language) in self._files
        return self._render_part(part, language, {}) if url and has_words else url

    def _render_part(self, part: str, language: str, variables: StorefrontVariables) -> str:
        file = _file_of(part, language)
        with template_errors(file):
            template = self._jinja.get_template(file)
            text = " ".join(template.render({**self._common_variables(language), **variables}).split())
        size_limits.check_text(template, text)
        return text

    def _common_variables(self, language: str) -> CommonVariables:
        locale, shop_locale = parse_locale(language), parse_locale(self._shop.locale)
        is_shop_language = locale is not None and shop_locale is not None and locale.language == shop_locale.language
        return {
            "shop": self._cached_shop(language),
            "lang": language.replace("_", "-"),
            "locale": self._shop.locale if is_shop_language else language,
        }


def _file_of(part: str, language: str) -> str:
    name, _, kind = part.partition(".")
    return f"{STOREFRONT}/{name}.{language}.{kind}"
