"""Replay past mornings by the product's own model and decision: who is warned, and by what likelihood."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from benchmarks.forecast_orders import Bought
from models.early_warning import HORIZON, PastOrder, Source
from models.policy.policy import Policy
from rules.delays.working_days import Calendar
from rules.early_warning.decision import last_morning, warn_now
from rules.early_warning.drift import WINDOW_DAYS, Said, judge, said_lately
from rules.early_warning.model import Regression, WarningModel
from rules.early_warning.training import Fit

DAY = timedelta(days=1)
LEARNT_EACH_DAYS = 7
"""The product learns each night. Here the regression is a week old at most, and what is counted is of the morning."""
COUNTRY = "BR"


@dataclass(frozen=True, slots=True)
class Foretold:
    """What was said of an order on a morning."""

    order: Bought
    morning: date
    before: int
    """Days to the promise."""
    probability: float
    by_model: float
    """What the model said where the base rate decided."""
    source: Source
    warned: bool
    """Whether the product would have warned on this morning, had it not warned before."""
    is_last: bool
    """Whether it is the last morning to warn by the product's rule: the day before, where all days count."""

    def is_late(self, late_days: int) -> bool:
        """Return whether the order ended late; one that never arrived did."""
        return self.order.days_late is None or self.order.days_late >= late_days


def as_past(order: Bought) -> PastOrder:
    """Return an order as the product reads it from its ledger."""
    return PastOrder(
        order_id=order.id,
        promised_on=order.promised_on,
        placed_on=order.bought_on,
        shipped_on=order.handed_on,
        ship_by=order.limit_on,
        region=order.state,
        country=COUNTRY,
        ships_from=order.ships_from,
        vendor=order.vendor,
        ended_on=order.delivered_on,
    )


def foretell(orders: Sequence[Bought], policy: Policy) -> Iterator[list[Foretold]]:
    """Yield what is said of the open orders of each morning, by what had happened before it."""
    first = min(order.bought_on for order in orders)
    last = max(order.delivered_on for order in orders if order.delivered_on)
    days = policy.days.model_copy(update={"country": policy.days.country or COUNTRY})
    calendar, late_days = Calendar(days), policy.warning.late_days
    past = sorted((as_past(order) for order in orders), key=lambda order: (order.placed_on, order.order_id))
    by_id = {order.id: order for order in orders}
    folds: dict[int, Fit] = {}
    regression: Regression | None = None
    said: list[Said] = []
    for n in range((last - first).days + 1):
        morning = first + n * DAY
        known = [order for order in past if order.placed_on < morning]
        said = [one for one in said if one.known_on > morning - WINDOW_DAYS * DAY]
        drifted = judge(said_lately(said, morning)).drifted
        kept = None if n % LEARNT_EACH_DAYS == 0 else regression
        model = WarningModel.learn(known, morning, late_days, days, drifted=drifted, folds=folds, regression=kept)
        regression = model.regression
        out = [order for order in known if _is_out(order, morning)]
        told = model.likelihoods(out, morning)
        own = replace(model, drifted=False).likelihoods(out, morning) if drifted else told
        found = [
            Foretold(
                order=by_id[order.order_id],
                morning=morning,
                before=(order.promised_on - morning).days,
                probability=likelihood.probability,
                by_model=by_model.probability,
                source=likelihood.source,
                warned=warn_now(likelihood, order.promised_on, morning, policy.warning, calendar).now,
                is_last=morning == last_morning(order.promised_on, policy.warning, calendar),
            )
            for order, likelihood, by_model in zip(out, told, own, strict=True)
            if likelihood and by_model
        ]
        said += [_said(each, calendar.day_when(each.order.promised_on, late_days), late_days) for each in found]
        yield found


def _said(foretold: Foretold, known_on: date, late_days: int) -> Said:
    """Return a forecast with its end, which `judge` looks at only once it is known."""
    late = foretold.is_late(late_days)
    return Said(foretold.order.id, foretold.morning, foretold.before, known_on, foretold.by_model, late)


def _is_out(order: PastOrder, morning: date) -> bool:
    near = 0 <= (order.promised_on - morning).days <= HORIZON
    return near and (order.ended_on is None or order.ended_on >= morning)
