"""Count what an evaluation of orders decided."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields

from models.decisions import Plan
from models.experiments import Wording
from models.messages import Message
from rules.delays.assess import is_reachable

MAX_PLANS_SHOWN = 200


@dataclass(slots=True)
class EvaluationSummary:
    """What the evaluation of orders decided; summaries of pages add up."""

    orders: int = 0
    """Orders evaluated."""
    notified: int = 0
    """Orders with a notice on at least one channel."""
    limited: int = 0
    """Orders whose notice the run's limit leaves to a later run."""
    changes: Counter[str] = field(default_factory=Counter)
    """Orders with a change to communicate, by bucket."""
    notices: Counter[str] = field(default_factory=Counter)
    """Notices by channel."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Channels on which no notice is sent, by reason."""
    offers: Counter[str] = field(default_factory=Counter)
    """Orders with a remedy, by its kind."""
    over_cap: int = 0
    """Discounts not given because a cap was reached."""
    requested: Counter[str] = field(default_factory=Counter)
    """What the discounts would cost without caps, by currency, in ten-thousandths."""
    wordings: Counter[str] = field(default_factory=Counter)
    """Orders whose customer reads a wording of a trial, as `B of "shorter subject"`."""
    problems: list[str] = field(default_factory=list)
    """Messages that could not be rendered, a sentence each."""
    plans: list[Plan] = field(default_factory=list)
    """The first MAX_PLANS_SHOWN plans, to show to staff."""

    def add(self, other: "EvaluationSummary") -> None:
        """Add the figures of another page."""
        for figure in fields(self):
            setattr(self, figure.name, getattr(self, figure.name) + getattr(other, figure.name))
        del self.plans[MAX_PLANS_SHOWN:]

    def add_plan(self, plan: Plan) -> None:
        """Count one plan."""
        self.notified += is_reachable(plan.contacts)
        self.changes[plan.delay.bucket] += 1
        for contact in plan.contacts:
            if contact.skip is None:
                self.notices[str(contact.channel)] += 1
            else:
                self.skipped[str(contact.skip)] += 1
        if plan.substitutes:
            self.offers["substitute"] += 1
        if plan.discount:
            self.offers[str(plan.discount.kind)] += 1
        if len(self.plans) < MAX_PLANS_SHOWN:
            self.plans.append(plan)

    def add_wording(self, messages: Iterable[Message]) -> None:
        """Count the wording that an order's messages have; once, by mail and text alike."""
        for words in {wording_words(one.wording) for one in messages if one.wording}:
            self.wordings[words] += 1


def wording_words(wording: Wording) -> str:
    """Return a wording as reports and pages name it."""
    return f'{wording.letter} of "{wording.experiment}"'
