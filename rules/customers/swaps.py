"""Which products a customer can take in place of a late one, and what that changes in the price."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from models.customers import SwapOption
from models.orders import LineFacts, OrderFacts, ProductFacts
from models.quantities import Quantity
from rules.customers.cancellations import CENT
from rules.customers.changeable import pieces_to_send
from rules.offers.substitutes import Candidate


def swap_options(
    order: OrderFacts,
    late: Sequence[LineFacts],
    offered: Mapping[str, Sequence[str]],
    in_stock: Mapping[str, Candidate],
    currency: str,
    as_of: date,
) -> Iterator[SwapOption]:
    """Yield the products offered for late lines, by line, of which enough are in stock now.

    `late` are the late lines that can be changed. `offered` has product ids by line number, `in_stock` what is free by
    product id; `currency` is that of the products' prices.
    """
    for line in late:
        quantity = pieces_to_send(line, as_of)
        candidates = (in_stock[product] for product in offered.get(line.number, ()) if product in in_stock)
        for candidate in candidates if not line.in_stock else ():
            if candidate.available >= quantity:
                difference = price_difference(order, line, candidate.product, quantity, currency)
                key = f"{line.number}:{candidate.product.id}"
                yield SwapOption(key, line.number, line.product, candidate.product, quantity, difference)


def price_difference(
    order: OrderFacts, line: LineFacts, product: ProductFacts, quantity: Quantity, currency: str
) -> Decimal | None:
    """Return how much more a product costs than a line's pieces; None where the prices cannot be compared."""
    if line.price is None or product.price is None or order.currency != currency:
        return None
    return ((product.price - line.price) * quantity).quantize(CENT, ROUND_HALF_UP)
