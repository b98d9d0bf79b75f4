"""What all pages for customers share: the words of a language, the frame around a page, and how it is rendered."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from babel import Locale
from starlette.requests import Request
from starlette.responses import HTMLResponse

from models.config.shop import ShopConfig, in_language
from models.customers import Act, OrderPage
from models.policy.customers import OrderPagePolicy
from templates.rendering.page_words import PageWords, WordBook
from web.customer.links import PageLinks
from web.customer.shop_links import ShopLinks
from web.customer.view_models import Frame
from web.customer.view_parts import Anchor
from web.languages import requested_languages
from web.page_templates import render_page
from web.static_files import SCRIPT, STYLE, StaticFile, brand_file, shared_file


class Site:
    """The shop's pages for customers."""

    def __init__(self, shop: ShopConfig, policy: OrderPagePolicy, book: Callable[[], WordBook]) -> None:
        self.shop, self.policy, self._book = shop, policy, book
        self.shop_links = ShopLinks(shop)
        self._prefix = urlsplit(shop.order_pages.url).path if shop.order_pages else ""
        self._brand = brand_file(shop.brand.accent) if shop.brand.accent else None
        self.files = tuple(filter(None, (shared_file(STYLE), shared_file(SCRIPT), self._brand)))
        """The style sheets and the script."""

    def words(self, request: Request, now: datetime, page: OrderPage | None = None) -> PageWords:
        """Return the words in the language that the address asks for, the customer's, or the browser's."""
        own = [page.locale] if page and page.locale else requested_languages(request)
        return self._book().choose([self._asked(request), *own], now)

    def links(self, request: Request, token: str = "") -> PageLinks:
        """Return the addresses of the pages, which keep the language that this one was asked for in."""
        return PageLinks(self._prefix, token, self._asked(request))

    def absolute(self, links: PageLinks) -> PageLinks:
        """Return the addresses for a page of another site."""
        return replace(links, prefix=self.shop.order_pages.url) if self.shop.order_pages else links

    def page(
        self,
        template: str,
        words: PageWords,
        links: PageLinks,
        *,
        here: str,
        withdraws: bool = False,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> HTMLResponse:
        """Return a page; `here` is its address without a language, and `withdraws` adds the law's link to its foot."""
        frame = self._frame(words, links, here, withdraws=withdraws)
        html = render_page(template, frame=frame, say=words.say, **values)
        return HTMLResponse(html, status, headers={"Content-Language": words.lang, **(headers or {})})

    def _asked(self, request: Request) -> str:
        lang = request.query_params.get("lang", "").replace("-", "_")
        return lang if lang in self._book().languages else ""

    def _frame(self, words: PageWords, links: PageLinks, here: str, *, withdraws: bool) -> Frame:
        shop, language = words.shop, words.language
        brand = self.shop.brand
        legal = in_language(brand.legal, language, self.shop.locale) or ""
        others = [other for other in self._book().languages if other != language]
        order = links.order()
        return Frame(
            lang=words.lang,
            shop=shop.name,
            home=shop.links.home,
            logo=brand.logo,
            logo_dark=brand.logo_dark,
            style=self._address(links, shared_file(STYLE)),
            brand=self._address(links, self._brand) if self._brand else "",
            script=self._address(links, shared_file(SCRIPT)),
            languages=tuple((other.replace("_", "-"), _in_language(here, other)) for other in others),
            legal=tuple(line.strip() for line in legal.splitlines() if line.strip()),
            footer=tuple(self._footer(words, links, withdraws=withdraws)),
            mail=shop.help.email,
            phone=shop.help.phone,
            hours=shop.help.hours,
            help=shop.links.help,
            order=Anchor(order, words.say("back")) if links.token and order.partition("?")[0] != here else None,
        )

    def _footer(self, words: PageWords, links: PageLinks, *, withdraws: bool) -> list[Anchor]:
        brand, languages = self.shop.brand, (words.language, self.shop.locale)
        imprint, privacy = in_language(brand.imprint_url, *languages), in_language(brand.privacy_url, *languages)
        return [
            *([Anchor(links.act(Act.WITHDRAW), words.say("withdraw_row"))] if withdraws else []),
            Anchor(links.new_link(), words.say("new_link")),
            *([Anchor(imprint, words.say("legal_notice"))] if imprint else []),
            *([Anchor(privacy, words.say("privacy"))] if privacy else []),
        ]

    def _address(self, links: PageLinks, file: StaticFile) -> str:
        return links.static(file.name, file.digest)


def _in_language(here: str, language: str) -> Anchor:
    """Return the link to a page in another language, named in that language."""
    name = Locale.parse(language).get_display_name() or language
    return Anchor(f"{here}?lang={language}", name[:1].upper() + name[1:])
