"""The addresses of products and categories in the shop."""

from dataclasses import dataclass

from models.config.shop import ShopConfig
from models.orders import ProductFacts
from templates.rendering.fill_variables import product_view
from templates.rendering.page_words import PageWords
from web.customer.view_parts import Anchor


@dataclass(frozen=True, slots=True)
class ShopLinks:
    """Links to buy again, where the shop has such pages."""

    shop: ShopConfig

    def product(self, product: ProductFacts) -> str | None:
        """Return the address of a product's page."""
        return product_view(product, self.shop).url

    def image(self, product: ProductFacts) -> str | None:
        """Return the address of a product's picture, if it may be shown on a page."""
        image = product_view(product, self.shop).image
        return image if image and image.startswith("https://") else None

    def category(self, words: PageWords, product: ProductFacts) -> Anchor | None:
        """Return the link to the other products of its category."""
        view = product_view(product, self.shop)
        if not view.category_url or not view.category:
            return None
        return Anchor(view.category_url, words.say("category", category=view.category))
