"""What stands on the card of a post's link."""

from dataclasses import replace

import pytest

from models.messages import LinkCard
from models.orders import ProductFacts
from tasks.posts.cards import link_card, load_product
from tasks.tables import PRODUCTS

LAMP = ProductFacts("p-1", "Brass lamp", "Lighting", None, "https://shop.example/lamp", None)


@pytest.fixture
def shop(context):
    links = context.shop.links.model_copy(update={"home": "https://www.shop.example/"})
    return replace(context, shop=context.shop.model_copy(update={"links": links, "name": "Lamps"}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Back: https://shop.example/lamp", LinkCard("https://shop.example/lamp", "Brass lamp", "Lighting")),
        ("All: https://shop.example/sale and https://a.example", LinkCard("https://shop.example/sale", "Lamps")),
        ("Read https://news.example/lamps.", LinkCard("https://news.example/lamps", "news.example")),
        ("Back in the shop.", None),
    ],
)
def test_a_card_says_what_the_shop_knows_of_the_first_link(shop, text, expected):
    assert link_card(shop, text, LAMP) == expected


def test_a_post_about_no_product_or_an_unknown_one_has_a_card_without_it(shop):
    with shop.engine.begin() as connection:
        connection.execute(PRODUCTS.insert().values(id="p-2", name="Oak table", category="", price=None))
        assert load_product(connection, "p-2").name == "Oak table"
        assert load_product(connection, None) is load_product(connection, "p-404") is None
