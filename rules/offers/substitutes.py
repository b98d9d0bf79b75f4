"""Find products in stock that can replace a late one."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice

from rapidfuzz import fuzz, process, utils

from models.orders import LineFacts, ProductFacts
from models.policy.policy import SubstitutePolicy
from models.quantities import Quantity

PRICE_WEIGHT = 0.6
"""The price's share in the similarity of two products of a category; the name has the rest."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A product in stock, and how many of its pieces are not allocated."""

    product: ProductFacts
    available: Quantity


class SubstituteIndex:
    """An index of products in stock by category and price, built once for many lines; it caches each ranking.

    `candidates` has each product once. One without a category or price replaces no other.
    """

    def __init__(self, candidates: Iterable[Candidate]) -> None:
        by_category = defaultdict(list)
        for candidate in candidates:
            product = candidate.product
            if product.category and product.price is not None:
                by_category[product.category].append((product.price, product.id, candidate))
        self._categories = {category: _CategoryIndex(priced) for category, priced in by_category.items()}
        self._rankings: dict[tuple[str, Decimal, Decimal, Decimal], list[Candidate]] = {}

    def substitutes_for(
        self, line: LineFacts, policy: SubstitutePolicy, *, late_products: AbstractSet[str]
    ) -> tuple[ProductFacts, ...]:
        """Return the most similar products that could replace a line's: at most `max_products` of the policy.

        Each has the line's whole quantity free, a price within the policy's band around the product's price, or else
        the line's price in the same currency, and is not late itself. A line without price or category has none.
        """
        with_enough = (
            candidate.product
            for candidate in self._ranked(line, policy)
            if candidate.available >= line.quantity and candidate.product.id not in late_products
        )
        return tuple(islice(with_enough, policy.max_products))

    def _ranked(self, line: LineFacts, policy: SubstitutePolicy) -> list[Candidate]:
        product = line.product
        price = line.price if product.price is None else product.price
        category = self._categories.get(product.category) if product.category else None
        if price is None or category is None:
            return []
        key = (product.id, price, policy.price_from, policy.price_to)
        if key not in self._rankings:
            self._rankings[key] = category.rank(product, price, policy)
        return self._rankings[key]


class _CategoryIndex:
    """The products of one category, the cheapest first."""

    def __init__(self, priced: list[tuple[Decimal, str, Candidate]]) -> None:
        priced.sort(key=lambda entry: entry[:2])
        self._prices = [price for price, _, _ in priced]
        self._candidates = [candidate for _, _, candidate in priced]
        self._names = [utils.default_process(candidate.product.name) for candidate in self._candidates]

    def rank(self, product: ProductFacts, price: Decimal, policy: SubstitutePolicy) -> list[Candidate]:
        """Return the products in the price band, the most similar first, equally similar ones by id."""
        low = bisect_left(self._prices, price * policy.price_from)
        high = bisect_right(self._prices, price * policy.price_to)
        target = float(price)
        band = target * float(max(abs(policy.price_from - 1), abs(policy.price_to - 1)))
        name = utils.default_process(product.name)
        by_name = process.extract(name, self._names[low:high], scorer=fuzz.token_set_ratio, limit=None)
        ranked = [
            (-_similarity(abs(float(self._prices[low + n]) - target), band, likeness), self._candidates[low + n])
            for _, likeness, n in by_name
            if self._candidates[low + n].product.id != product.id
        ]
        ranked.sort(key=lambda entry: (entry[0], entry[1].product.id))
        return [candidate for _, candidate in ranked]


def _similarity(price_distance: float, band: float, likeness: float) -> float:
    """Return the similarity of two products: 0 at the edge of the price band with another name, 1 for equal ones.

    `likeness` of the names is 0 to 100.
    """
    by_price = 1 - price_distance / band if band else 1.0
    # Rounded, so that the last bit of a division does not rank two equally similar products.
    return round(PRICE_WEIGHT * by_price + (1 - PRICE_WEIGHT) * likeness / 100, 9)
