"""What staff read of how likely an order is to be late."""

from datetime import date

from models.early_warning import Likelihood, Source
from models.orders import OrderFacts
from models.policy.policy import Policy
from models.quantities import counted
from rules.delays.delays import open_lines
from rules.delays.working_days import Calendar
from rules.early_warning.decision import first_morning, in_hundred, last_morning, warn_now
from rules.early_warning.facts import is_dated

MOST_TERMS = 3
"""Reasons for it, and as many against it, that are told; the others move a likelihood by less."""
SOURCES = {
    Source.MODEL: "",
    Source.AGE: "by how long such orders take",
    Source.BASE_RATE: "by how many orders were late lately",
}


def likelihood_sentence(likelihood: Likelihood) -> str:
    """Return how likely an order is to be late, with its largest reasons: "61 in 100 such orders end 4 or ...".

    What speaks against it follows a "but".
    """
    late = counted(likelihood.late_days, "day").replace(" ", " or more ", 1)
    said = f"{in_hundred(likelihood)} in 100 such orders end {late} late"
    raising = [term.words for term in likelihood.terms if term.points > 0][:MOST_TERMS]
    lowering = [term.words for term in likelihood.terms if term.points < 0][:MOST_TERMS]
    against = [f"but {lowering[0]}", *lowering[1:]] if lowering else []
    reasons = "; ".join([*raising, *against]) or SOURCES[likelihood.source]
    return f"{said}: {reasons}" if reasons else said


def outlook_sentence(order: OrderFacts, as_of: date, policy: Policy, calendar: Calendar) -> str:
    """Return how likely an order is to be late, and what a warning needs; empty where nothing can be said of it.

    Where lines are promised for several days, it speaks of those most likely to be late; not of those of which the
    carrier or staff say when they come, because that counts for more.
    """
    lines = [line for line in open_lines(order, as_of) if not is_dated(line, as_of)]
    outlooks = [outlook for outlook in order.outlook if any(outlook.covers(line) for line in lines)]
    if not outlooks:
        return ""
    worst = max(outlooks, key=lambda each: each.likelihood.probability)
    said, day = likelihood_sentence(worst.likelihood), worst.promised_on
    needed = warn_now(worst.likelihood, day, as_of, policy.warning, calendar).needed
    if order.told is not None or (needed is None and as_of >= last_morning(day, policy.warning, calendar)):
        return f"{said}."
    if needed is None:
        return f"{said}. A warning is possible from {first_morning(day, policy.warning, calendar)} on."
    return f"{said}. A warning needs {needed} in 100 today."
