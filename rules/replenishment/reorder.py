"""Compute safety stock, reorder point and order quantity of a product."""

from dataclasses import dataclass
from math import ceil, hypot, sqrt

from scipy.special import nbdtrik, ndtri

from models.policy.supply import ReplenishmentPolicy
from models.quantities import Quantity, counted, plain
from rules.replenishment.demand import Demand, Pattern, estimate_demand
from rules.replenishment.levels import ProductLevel

MIN_DELIVERIES = 5
"""With fewer past deliveries, a vendor's lead time is what the vendor states, or the policy's."""
MIN_VARIANCE_RATIO = 1.01
"""The least variance of counted pieces as a multiple of their mean: slightly above a Poisson distribution's."""
ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class DeliveryStats:
    """Past deliveries of one vendor, or of all: their number, and mean and spread of the days from order to receipt."""

    n: int
    mean: float
    sd: float


@dataclass(frozen=True, slots=True)
class LeadTime:
    """A lead time and its standard deviation in days, and where it comes from."""

    days: float
    sd: float
    source: str


@dataclass(frozen=True, slots=True)
class ReorderInputs:
    """What a product's stock level is computed from."""

    id: str
    sold: tuple[float, ...]
    """Pieces sold on each day, oldest first: the policy's days, or those from the first sale on."""
    available: Quantity
    """On hand and inbound, less what open lines need."""
    lead_time: LeadTime
    safety_stock: Quantity | None = None
    """Set by the shop itself; None: computed."""


def lead_time(
    own: DeliveryStats | None,
    stated_days: int | None,
    all_vendors: DeliveryStats | None,
    policy: ReplenishmentPolicy,
) -> LeadTime:
    """Return a vendor's lead time: of its past deliveries, else the one it states, else the policy's.

    Without past deliveries of its own, it has the coefficient of variation of all vendors together.
    """
    if own is not None and own.n >= MIN_DELIVERIES:
        return LeadTime(own.mean, own.sd, f"{own.n} deliveries")
    variation = all_vendors.sd / all_vendors.mean if all_vendors is not None and all_vendors.mean > 0 else 0.0
    days, source = (policy.lead_days, "the policy") if stated_days is None else (stated_days, "as the vendor states")
    return LeadTime(days, days * variation, source)


def stock_level(product: ReorderInputs, policy: ReplenishmentPolicy) -> ProductLevel:
    """Compute a product's safety stock, its reorder point and the pieces to order now.

    Stock must last until an order that is placed at the next review arrives: R + L days, review and lead time. The mean
    demand of these days is d(R+L), and safety stock is z√((R+L)s² + d²v²), where d and s are mean and standard
    deviation of a day's pieces, and v is that of the lead time: King, "Crack the code: understanding safety stock and
    mastering its equations", APICS magazine (2011); Silver, Pyke & Thomas, "Inventory and production management in
    supply chains" (2017), chapter 6. (R+L)s² is multiplied by 1 + (R+L)/n, because d is itself estimated from n days:
    Prak, Teunter & Syntetos, "On the calculation of safety stocks when demand is forecasted", European Journal of
    Operational Research 256 (2017). Where demand is uneven, a quantile takes the place of z√((R+L)s²).
    """
    demand, lead = estimate_demand(product.sold), product.lead_time
    days = lead.days + policy.review_days
    mean = demand.mean * days
    variance = days * demand.sd**2 * (1 + days / demand.effective_days)
    for_demand = _safety_for_demand(demand.pattern, policy.service_level, mean, variance)
    safety = hypot(for_demand, float(ndtri(policy.service_level)) * demand.mean * lead.sd)
    if product.safety_stock is not None:
        safety = float(product.safety_stock)
    reorder_point = _round_up(mean + safety)
    return ProductLevel(
        product_id=product.id,
        safety_stock=_round_up(safety) if product.safety_stock is None else product.safety_stock,
        reorder_point=reorder_point,
        order_quantity=_order_quantity(product.available, reorder_point, demand.mean * policy.review_days),
        available=product.available,
        demand_a_day=round(demand.mean, 4),
        demand_sd=round(demand.sd, 4),
        lead_days=round(lead.days, 2),
        lead_sd=round(lead.sd, 2),
        method=demand.pattern,
        why=_why(product, demand, policy),
    )


def _order_quantity(available: Quantity, reorder_point: int, demand_until_review: float) -> int:
    """Return the pieces to order: none while more than the reorder point is available."""
    if available > reorder_point or available == reorder_point == 0:
        return 0
    # One review's sales on top, so that the product is not due again at the very next review.
    return max(0, _round_up(float(reorder_point + _round_up(demand_until_review) - available)))


def _round_up(pieces: float) -> int:
    return ceil(pieces - ROUNDING)


def _safety_for_demand(pattern: Pattern, service_level: float, mean: float, variance: float) -> float:
    """Return the pieces beyond the mean that are enough with the probability `service_level`.

    Even demand is taken as normal, uneven demand as negative binomial:
    Syntetos, Babai & Gardner, "Forecasting intermittent inventory demands: simple parametric methods vs.
    bootstrapping", Journal of Business Research 68 (2015).
    """
    if mean == 0:
        return 0.0
    if pattern is Pattern.SMOOTH:
        return float(ndtri(service_level)) * sqrt(variance)
    variance = max(variance, MIN_VARIANCE_RATIO * mean)
    quantile = float(nbdtrik(service_level, mean**2 / (variance - mean), mean / variance))
    return max(0.0, _round_up(quantile) - mean)


def _why(product: ReorderInputs, demand: Demand, policy: ReplenishmentPolicy) -> str:
    sells = SELLS[demand.pattern].format(days=counted(demand.days, "day"), mean=f"{demand.mean:.3g}")
    own = "" if product.safety_stock is None else f"the shop keeps {plain(product.safety_stock)} back; "
    if demand.pattern in (Pattern.NONE, Pattern.STOPPED):
        return f"{own}{sells}."
    lead = product.lead_time
    spread = f" ± {lead.sd:.0f}" if lead.sd >= 1 else ""
    return (
        f"{own}{sells}; lead time {counted(round(lead.days), 'day', spread)} ({lead.source}), "
        f"a review every {counted(policy.review_days, 'day')}, {100 * policy.service_level:g} % service level."
    )


SELLS = {
    Pattern.SMOOTH: "sells {mean} a day, evenly, known from {days}",
    Pattern.ERRATIC: "sells {mean} a day, unevenly, known from {days}",
    Pattern.INTERMITTENT: "sells {mean} a day, now and then, known from {days}",
    Pattern.LUMPY: "sells {mean} a day, now and then and unevenly, known from {days}",
    Pattern.FEW: "about {mean} a day in {days} of sales: too few for an estimate, check before you order",
    Pattern.STOPPED: "sold nothing for so long, in {days}, that it seems to have stopped: nothing is ordered for stock",
    Pattern.NONE: "sold nothing in {days}",
}
