"""What in a post could be a customer's."""

import pytest

from rules.posts.private_words import find_suspects


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Thank you, Nora Whitfield, for waiting", {"Nora Whitfield"}),
        ("Our lamp is late", set()),
        ("Ana Beatriz de Albuquerque writes", {"Ana Beatriz", "Ana Beatriz de Albuquerque", "Beatriz de Albuquerque"}),
    ],
)
def test_runs_of_words_with_capitals_may_be_names(text, names):
    assert names <= set(find_suspects(text).names.values())


def test_a_name_ends_with_its_sentence_and_the_shop_and_its_product_are_no_customers():
    assert "whitfield lamps" not in find_suspects("It is for Nora Whitfield. Lamps are late").names
    assert find_suspects("The Reading Lamp of Lamps & Co is late", ("Reading Lamp", "Lamps & Co")).names == {}


def test_addresses_numbers_and_orders_are_found_and_links_are_not():
    found = find_suspects(
        "Write to Nora@Example.com or ring +49 151 1234 5678 about #A-1041, see https://shop.example.com/p/1042 2025"
    )
    assert found.mails == {"nora@example.com": "Nora@Example.com"}
    assert list(found.phones.values()) == ["+49 151 1234 5678"]
    assert {"A-1041", "2025"} <= set(found.orders)
    assert not {"1042", "p/1042"} & set(found.orders)
