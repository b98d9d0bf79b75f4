"""Which products in stock could take a late one's place."""

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
"""The price's share in nearness; the name's likeness has the rest. The category is the same already."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A product in stock, and how many of it are left after what is already allocated."""

    product: ProductFacts
    available: Quantity


class SubstituteIndex:
    """What is in stock, by category and price; built once for many lines, and remembers each product's nearest.

    `candidates` names each product once; one without category or price takes no other's place.
    """

    def __init__(self, candidates: Iterable[Candidate]) -> None:
        boards = defaultdict(list)
        for candidate in candidates:
            product = candidate.product
            if product.category and product.price is not None:
                boards[product.category].append((product.price, product.id, candidate))
        self._boards = {category: _CategoryIndex(priced) for category, priced in boards.items()}
        self._nearest: dict[tuple[str, Decimal, Decimal, Decimal], list[Candidate]] = {}

    def substitutes_for(
        self, line: LineFacts, policy: SubstitutePolicy, *, late: AbstractSet[str]
    ) -> tuple[ProductFacts, ...]:
        """Return the nearest products with the line's whole quantity left, inside the price band and not in `late`.

        The band is around the product's price, or the line's (in the same currency) where the product has none. Nothing
        is near to a product that has neither, or no category.
        """
        enough = (
            candidate.product
            for candidate in self._ranked(line, policy)
            if candidate.available >= line.quantity and candidate.product.id not in late
        )
        return tuple(islice(enough, policy.max_products))

    def _ranked(self, line: LineFacts, policy: SubstitutePolicy) -> list[Candidate]:
        product = line.product
        price = line.price if product.price is None else product.price
        board = self._boards.get(product.category) if product.category else None
        if price is None or board is None:
            return []
        asked = (product.id, price, policy.price_from, policy.price_to)
        if asked not in self._nearest:
            self._nearest[asked] = board.ranked(product, price, policy)
        return self._nearest[asked]


class _CategoryIndex:
    """One category's products, from the cheapest up."""

    def __init__(self, priced: list[tuple[Decimal, str, Candidate]]) -> None:
        priced.sort(key=lambda entry: entry[:2])
        self._prices = [price for price, _, _ in priced]
        self._candidates = [candidate for _, _, candidate in priced]
        self._names = [utils.default_process(candidate.product.name) for candidate in self._candidates]

    def ranked(self, product: ProductFacts, price: Decimal, policy: SubstitutePolicy) -> list[Candidate]:
        """Return the products in the price band, nearest first, equally near ones by id."""
        low = bisect_left(self._prices, price * policy.price_from)
        high = bisect_right(self._prices, price * policy.price_to)
        wanted = float(price)
        furthest = wanted * float(max(abs(policy.price_from - 1), abs(policy.price_to - 1)))
        name = utils.default_process(product.name)
        alike = process.extract(name, self._names[low:high], scorer=fuzz.token_set_ratio, limit=None)
        found = [
            (-_nearness(abs(float(self._prices[low + at]) - wanted), furthest, likeness), self._candidates[low + at])
            for _, likeness, at in alike
            if self._candidates[low + at].product.id != product.id
        ]
        found.sort(key=lambda entry: (entry[0], entry[1].product.id))
        return [candidate for _, candidate in found]


def _nearness(distance: float, furthest: float, likeness: float) -> float:
    """Weigh price against name, from 0 (the band's far edge, another name) to 1 (the same price and name)."""
    near = 1 - distance / furthest if furthest else 1.0
    # Rounded, lest the last bit of a division part two that are equally near.
    return round(PRICE_WEIGHT * near + (1 - PRICE_WEIGHT) * likeness / 100, 9)
