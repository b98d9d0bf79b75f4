"""What to ask of which vendor: every piece that is needed, and none that was asked for before."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from models.purchasing import Ask, Asked, Need, VendorAnswer
from models.quantities import Quantity
from rules.delays.line_order import natural

FREE = frozenset({VendorAnswer.ASK_AGAIN, VendorAnswer.NOT_SENT})
"""What became of pieces that may be asked for as if they never had been."""
Line = tuple[str, str]
"""An order, and the number of one of its lines."""


@dataclass(frozen=True, slots=True)
class Forwarding:
    """What one run asks for, and what it cannot."""

    asks: Mapping[str, tuple[Ask, ...]]
    """By vendor; one purchase request each."""
    unaddressed: tuple[Need, ...]
    """To be sent to a customer whose delivery address is not known."""


def forward(needs: Iterable[Need], asked: Mapping[Line, Sequence[Asked]]) -> Forwarding:
    """Say what to ask of each vendor, given what was asked for each line before."""
    asks: dict[str, list[Ask]] = defaultdict(list)
    unaddressed = []
    for need in sorted(needs, key=lambda one: (one.vendor, natural(one.order), natural(one.line))):
        before = asked.get((need.order, need.line), ())
        missing = need.quantity - spoken_for(need.vendor, before)
        if missing <= 0:
            continue
        if need.drop_shipped and not need.addressed:
            unaddressed.append(need)
        else:
            asks[need.vendor].append(Ask(need, missing, 1 + max((one.nth for one in before), default=0)))
    return Forwarding({vendor: tuple(found) for vendor, found in asks.items()}, tuple(unaddressed))


def spoken_for(vendor: str, asked: Iterable[Asked]) -> Quantity:
    """Return the pieces of a line that this vendor is not asked for now.

    They were asked for and not refused; or this very vendor refused them, no other was asked for them since, and only
    staff may ask it again.
    """
    standing: Quantity = 0
    refused: Quantity = 0
    for one in sorted(asked, key=lambda one: one.nth):
        if one.answer == VendorAnswer.REFUSED:
            refused += one.quantity if one.vendor == vendor else 0
        elif one.answer not in FREE:
            standing += one.quantity
            refused -= min(refused, one.quantity) if one.vendor != vendor else 0
    return standing + refused


def still_needed(need: Quantity, this: Asked, asked: Iterable[Asked]) -> Quantity:
    """Return how many of the pieces that a request is about to ask for are wanted still, given all that was asked."""
    others = (one for one in asked if one.nth != this.nth)
    return min(this.quantity, max(0, need - spoken_for(this.vendor, others)))
