"""What staff read of how likely an order is to be late."""

from models.early_warning import Likelihood, Source
from models.quantities import counted
from rules.early_warning.decision import in_hundred

MAX_TERMS = 3
"""Reasons that are told; the others move a likelihood by less."""
SOURCES = {
    Source.MODEL: "",
    Source.AGE: "by how long such orders take",
    Source.BASE_RATE: "by how often such orders were late of late",
}


def likelihood_sentence(likelihood: Likelihood) -> str:
    """Return how likely an order is to be late, with its largest reasons: "61 in 100 such orders end 4 or ..."."""
    days = counted(likelihood.late_days, "day")
    said = f"{in_hundred(likelihood)} in 100 such orders end {days.replace(' ', ' or more ', 1)} late"
    reasons = [term.words for term in likelihood.terms[:MAX_TERMS]] or [SOURCES[likelihood.source]]
    return ": ".join(filter(None, (said, "; ".join(filter(None, reasons)))))
