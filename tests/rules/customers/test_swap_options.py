from dataclasses import replace
from decimal import Decimal

import pytest

from models.orders import ProductFacts
from rules.customers.swaps import swap_options
from rules.offers.substitutes import Candidate
from tests.support.builders import DAY, line, order

FERN = ProductFacts("fern", "Fern", "lamps", Decimal(46))
LATE = line("1", quantity=2)


def offered(*, free=5, product=FERN, late=LATE, currency="EUR", products=("fern",), order_currency="EUR"):
    sold = order(late, currency=order_currency)
    stock = {product.id: Candidate(product, free)}
    return list(swap_options(sold, sold.lines, {"1": products}, stock, currency, DAY))


@pytest.mark.parametrize(
    ("facts", "keys"),
    [
        ({}, ["1:fern"]),
        ({"free": 2}, ["1:fern"]),
        ({"free": 1}, []),
        ({"products": ()}, []),
        ({"products": ("other", "fern")}, ["1:fern"]),
        ({"late": replace(LATE, in_stock=True)}, []),
        ({"free": 1, "late": replace(LATE, shipped=1)}, ["1:fern"]),
    ],
)
def test_a_product_replaces_a_late_one_while_enough_of_it_is_free(facts, keys):
    assert [swap.key for swap in offered(**facts)] == keys


@pytest.mark.parametrize(
    ("facts", "difference"),
    [
        ({}, Decimal(12)),
        ({"product": replace(FERN, price=Decimal(40))}, Decimal(0)),
        ({"product": replace(FERN, price=Decimal("34.50"))}, Decimal(-11)),
        ({"late": replace(LATE, shipped=1)}, Decimal(6)),
        ({"product": replace(FERN, price=None)}, None),
        ({"late": replace(LATE, price=None)}, None),
        ({"order_currency": "BRL"}, None),
    ],
)
def test_the_price_difference_is_that_of_all_pieces_in_one_currency(facts, difference):
    (swap,) = offered(**facts)
    assert swap.price_difference == difference
