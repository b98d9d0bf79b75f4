"""Decide what to request from which vendor, without requesting any quantity twice."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from models.purchasing import PriorRequest, RequestLine, Requirement, VendorResponse
from models.quantities import Quantity
from rules.delays.line_order import natural_key

REOPENED = frozenset({VendorResponse.ASK_AGAIN, VendorResponse.NOT_SENT})
"""Responses after which the pieces may be requested as if they never had been."""
Line = tuple[str, str]
"""An order id and a line number."""


@dataclass(frozen=True, slots=True)
class RequestPlan:
    """What one run requests, and what it cannot request."""

    requests: Mapping[str, tuple[RequestLine, ...]]
    """The lines to request, by vendor id: one purchase request for each vendor."""
    unaddressed: tuple[Requirement, ...]
    """Drop-shipped lines without a known delivery address."""


def plan_requests(needs: Iterable[Requirement], requested: Mapping[Line, Sequence[PriorRequest]]) -> RequestPlan:
    """Plan the requests for needs, less the pieces that were requested before."""
    requests: dict[str, list[RequestLine]] = defaultdict(list)
    unaddressed = []
    for need in sorted(needs, key=lambda need: (need.vendor, natural_key(need.order), natural_key(need.line))):
        prior = requested.get((need.order, need.line), ())
        missing = need.quantity - already_requested(need.vendor, prior)
        if missing <= 0:
            continue
        if need.drop_shipped and not need.addressed:
            unaddressed.append(need)
        else:
            attempt = 1 + max((request.attempt for request in prior), default=0)
            requests[need.vendor].append(RequestLine(need, missing, attempt))
    return RequestPlan({vendor: tuple(lines) for vendor, lines in requests.items()}, tuple(unaddressed))


def already_requested(vendor: str, requested: Iterable[PriorRequest]) -> Quantity:
    """Return the pieces of a line that must not be requested from this vendor now.

    * Pieces that were requested from any vendor and not refused.
    * Pieces that this vendor refused, until they are requested from another vendor or reopened by staff.
    """
    outstanding: Quantity = 0
    refused: Quantity = 0
    for request in sorted(requested, key=lambda request: request.attempt):
        if request.response == VendorResponse.REFUSED:
            refused += request.quantity if request.vendor == vendor else 0
        elif request.response not in REOPENED:
            outstanding += request.quantity
            refused -= min(refused, request.quantity) if request.vendor != vendor else 0
    return outstanding + refused


def remaining_need(need: Quantity, this: PriorRequest, requested: Iterable[PriorRequest]) -> Quantity:
    """Return how many pieces of an unsent request are still needed, given all requests for the line."""
    others = (request for request in requested if request.attempt != this.attempt)
    return min(this.quantity, max(0, need - already_requested(this.vendor, others)))
