"""What to ask of which vendor: every piece that is needed, and none that was asked for before."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from models.purchasing import PriorRequest, RequestLine, Requirement, VendorResponse
from models.quantities import Quantity
from rules.delays.line_order import natural_key

REOPENED = frozenset({VendorResponse.ASK_AGAIN, VendorResponse.NOT_SENT})
"""What became of pieces that may be asked for as if they never had been."""
Line = tuple[str, str]
"""An order, and the number of one of its lines."""


@dataclass(frozen=True, slots=True)
class RequestPlan:
    """What one run asks for, and what it cannot."""

    asks: Mapping[str, tuple[RequestLine, ...]]
    """By vendor; one purchase request each."""
    unaddressed: tuple[Requirement, ...]
    """To be sent to a customer whose delivery address is not known."""


def plan_requests(needs: Iterable[Requirement], asked: Mapping[Line, Sequence[PriorRequest]]) -> RequestPlan:
    """Say what to ask of each vendor, given what was asked for each line before."""
    asks: dict[str, list[RequestLine]] = defaultdict(list)
    unaddressed = []
    for need in sorted(needs, key=lambda one: (one.vendor, natural_key(one.order), natural_key(one.line))):
        before = asked.get((need.order, need.line), ())
        missing = need.quantity - already_requested(need.vendor, before)
        if missing <= 0:
            continue
        if need.drop_shipped and not need.addressed:
            unaddressed.append(need)
        else:
            asks[need.vendor].append(RequestLine(need, missing, 1 + max((one.attempt for one in before), default=0)))
    return RequestPlan({vendor: tuple(found) for vendor, found in asks.items()}, tuple(unaddressed))


def already_requested(vendor: str, asked: Iterable[PriorRequest]) -> Quantity:
    """Return the pieces of a line that this vendor is not asked for now.

    They were asked for and not refused; or this very vendor refused them, no other was asked for them since, and only
    staff may ask it again.
    """
    standing: Quantity = 0
    refused: Quantity = 0
    for one in sorted(asked, key=lambda one: one.attempt):
        if one.answer == VendorResponse.REFUSED:
            refused += one.quantity if one.vendor == vendor else 0
        elif one.answer not in REOPENED:
            standing += one.quantity
            refused -= min(refused, one.quantity) if one.vendor != vendor else 0
    return standing + refused


def remaining_need(need: Quantity, this: PriorRequest, asked: Iterable[PriorRequest]) -> Quantity:
    """Return how many of the pieces that a request is about to ask for are wanted still, given all that was asked."""
    others = (one for one in asked if one.attempt != this.attempt)
    return min(this.quantity, max(0, need - already_requested(this.vendor, others)))
