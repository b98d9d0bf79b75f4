"""Fill what templates may use of a shop: its sender, its help, its pages and its brand."""

from models.config.shop import ShopConfig, in_language
from templates.rendering.view_models import BrandView, HelpView, LinksView, SenderView, ShopView


def shop_view(shop: ShopConfig, language: str) -> ShopView:
    """Return the shop for templates in one language.

    A phone number, a link or a legal notice in another language still helps. Hours in another language do not: they
    are left out.
    """
    contact, links, brand = shop.help, shop.links, shop.brand
    return ShopView(
        name=shop.name,
        zone=shop.zone,
        locale=shop.locale,
        country=shop.country,
        currency=shop.currency,
        sender=SenderView(shop.sender.name, shop.sender.email, shop.sender.reply_to),
        help=HelpView(
            email=contact.email,
            phone=in_language(contact.phone, language, shop.locale),
            hours=in_language(contact.hours, language),
        ),
        links=LinksView(
            home=links.home,
            help=in_language(links.help, language, shop.locale),
            new_link=f"{shop.order_pages.url}/o/link" if shop.order_pages else None,
        ),
        brand=BrandView(
            logo=brand.logo,
            logo_dark=brand.logo_dark,
            legal=in_language(brand.legal, language, shop.locale),
            imprint_url=in_language(brand.imprint_url, language, shop.locale),
            privacy_url=in_language(brand.privacy_url, language, shop.locale),
        ),
    )
