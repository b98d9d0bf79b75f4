"""How much of a product must be there, and when to order how many more."""

from dataclasses import dataclass
from math import ceil, hypot, sqrt

from scipy.special import nbdtrik, ndtri

from models.policy.supply import ReplenishmentPolicy
from models.quantities import Quantity, counted, plain
from rules.replenishment.demand import Demand, Pattern, estimate_demand
from rules.replenishment.levels import ProductLevel

ENOUGH = 5
"""With fewer past deliveries of a vendor its lead time is taken from elsewhere."""
SPREAD = 1.01
"""The least variance of counted pieces, in times of their mean: a little more than pure chance (Poisson) gives."""
NEARLY = 1e-6


@dataclass(frozen=True, slots=True)
class DeliveryStats:
    """Past deliveries of one vendor: how many, and the days from order to receipt."""

    n: int
    mean: float
    sd: float


@dataclass(frozen=True, slots=True)
class LeadTime:
    """The lead time in days, its spread, and from what it is known."""

    days: float
    sd: float
    source: str


@dataclass(frozen=True, slots=True)
class ReorderInputs:
    """What is known of a product when its stock is reckoned."""

    id: str
    sold: tuple[float, ...]
    """Pieces sold on each day, oldest first: all of the policy's days, or from the first sale."""
    available: Quantity
    """On hand and inbound, less what open lines want."""
    lead: LeadTime
    safety_stock: Quantity | None = None
    """What the shop itself has set."""


def lead_time(
    own: DeliveryStats | None, said: int | None, everybody: DeliveryStats | None, policy: ReplenishmentPolicy
) -> LeadTime:
    """Return a vendor's lead time: what it kept, else what it says, else the policy's.

    Where its own spread is not known, it is as uneven, in proportion, as all vendors together.
    """
    if own is not None and own.n >= ENOUGH:
        return LeadTime(own.mean, own.sd, f"{own.n} deliveries")
    uneven = everybody.sd / everybody.mean if everybody is not None and everybody.mean > 0 else 0.0
    days, source = (policy.lead_days, "the policy") if said is None else (said, "the vendor's word")
    return LeadTime(days, days * uneven, source)


def stock_level(product: ReorderInputs, policy: ReplenishmentPolicy) -> ProductLevel:
    """Reckon a product's safety stock, reorder point and the pieces to order now.

    Stock must last until an order that is placed at the next review has arrived: R + L days, review and lead time. In
    these the mean demand is d(R+L), and safety stock is z√((R+L)s² + d²v²), where d and s are mean and standard
    deviation of a day's pieces, and v is that of the lead time: King, "Crack the code: understanding safety stock and
    mastering its equations", APICS magazine (2011); Silver, Pyke & Thomas, "Inventory and production management in
    supply chains" (2017), chapter 6. (R+L)s² grows by the factor 1 + (R+L)/n, for d is itself known from n days alone:
    Prak, Teunter & Syntetos, "On the calculation of safety stocks when demand is forecasted", European Journal of
    Operational Research 256 (2017). Where demand is uneven, z√((R+L)s²) is wrong, and a quantile takes its place.
    """
    found, lead = estimate_demand(product.sold), product.lead
    days = lead.days + policy.review_days
    mean = found.mean * days
    uneven = _spare(found.pattern, policy.service_level, mean, days * found.sd**2 * (1 + days / found.known))
    spare = hypot(uneven, float(ndtri(policy.service_level)) * found.mean * lead.sd)
    if product.safety_stock is not None:
        spare = float(product.safety_stock)
    point = _up(mean + spare)
    return ProductLevel(
        product_id=product.id,
        safety_stock=_up(spare) if product.safety_stock is None else product.safety_stock,
        reorder_point=point,
        order_quantity=_short(product.available, point, found.mean * policy.review_days),
        available=product.available,
        demand_a_day=round(found.mean, 4),
        demand_sd=round(found.sd, 4),
        lead_days=round(lead.days, 2),
        lead_sd=round(lead.sd, 2),
        method=found.pattern,
        why=_why(product, found, policy),
    )


def _short(available: Quantity, point: int, until_next: float) -> int:
    """Return the pieces to order: none while more than the reorder point is there or coming."""
    if available > point or available == point == 0:
        return 0
    # A review's sales on top: what is ordered now is not due again at the very next review.
    return max(0, _up(float(point + _up(until_next) - available)))


def _up(pieces: float) -> int:
    return ceil(pieces - NEARLY)


def _spare(pattern: Pattern, service: float, mean: float, variance: float) -> float:
    """Return the pieces beyond the mean that suffice with a likelihood.

    Counted pieces that come unevenly follow no normal curve but, near enough, a negative binomial distribution:
    Syntetos, Babai & Gardner, "Forecasting intermittent inventory demands: simple parametric methods vs.
    bootstrapping", Journal of Business Research 68 (2015).
    """
    if mean == 0:
        return 0.0
    if pattern is Pattern.SMOOTH:
        return float(ndtri(service)) * sqrt(variance)
    spread = max(variance, SPREAD * mean)
    return max(0.0, _up(float(nbdtrik(service, mean**2 / (spread - mean), mean / spread))) - mean)


def _why(product: ReorderInputs, found: Demand, policy: ReplenishmentPolicy) -> str:
    sells = SELLS[found.pattern].format(days=counted(found.days, "day"), mean=f"{found.mean:.3g}")
    own = "" if product.safety_stock is None else f"the shop keeps {plain(product.safety_stock)} back; "
    if found.pattern in (Pattern.NONE, Pattern.STOPPED):
        return f"{own}{sells}."
    lead = product.lead
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
    Pattern.FEW: "{days} of sales: too few to know more than about {mean} a day, so look before you order",
    Pattern.STOPPED: "sold nothing for so long that it seems to have stopped, in {days}: nothing is ordered for stock",
    Pattern.NONE: "sold nothing in {days}",
}
