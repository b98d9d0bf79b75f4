"""What results mean, in words: the definitions on the page, and what a trial of two wordings says."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

from models.experiments import Letter, Outcome
from models.policy.policy import GOOD_NEWS, LATE_AGAIN, MAY_BE_LATE, NEW_DATE, ON_TIME, Policy
from models.quantities import counted
from models.results import ArmCount, ExperimentCount, Results
from rules.experiments.compare import Arm, Comparison, Interval, compare
from web.staff.bucket_words import days_late_words

FEW = 10
"""Below so many cases a number stands without a percentage."""
NBSP = "\u00a0"
DEFINITIONS = (
    ("Told", "Messages that a provider took. A message that went by mail and by text counts once; of test runs, none."),
    ("Reached", "Told, and a provider reported that it arrived, by one channel at least."),
    ("Sent, no word", "Told, and no provider has said yet whether it arrived."),
    ("Came back", "Told, and it arrived by no channel."),
    ("Answered", "Told, and the customer chose something. An answer belongs to the last message that left before it."),
    ("Waited, swapped, cancelled", "What the customer chose last. Cancelled also counts part of an order."),
    ("Codes given", "Discount codes that came with the message for the first time."),
    ("Redeemed", "Codes that the shop's export names as used, once or several times, also after they expired."),
    ("Cost", "Codes: the most that they may cost, and what was really taken off. Messages: at the policy's prices."),
    ("Before the promised day", "First messages about a delay that left before the day that was promised."),
)
"""What each number of the page counts; docs/marketing.md says the same."""
OUTCOME_WORDS = {
    Outcome.WAITED: "waited",
    Outcome.CANCELLED: "cancelled",
    Outcome.ANSWERED: "answered",
    Outcome.REDEEMED: "redeemed a code",
}
MESSAGE_WORDS = {
    LATE_AGAIN: "The date moved or has passed",
    NEW_DATE: "A first date after none",
    GOOD_NEWS: "Good news",
    MAY_BE_LATE: "May be late",
}
PEEKING = (
    "Whether the wordings differ is worked out once, when it has ended: a trial that is judged every day, and stopped "
    "at the first good number, finds a difference where there is none."
)


@dataclass(frozen=True, slots=True)
class TrialView:
    """A trial of two wordings as the page shows it."""

    name: str
    about: str
    state: str
    kind: str
    """The shape of its chip."""
    arms: tuple[str, ...]
    kept: str
    """How many messages of a trial run have each wording; empty: there are none."""
    verdict: str
    caution: str
    """Why its numbers are provisional; empty where they are not."""
    others: tuple[tuple[str, str], ...]
    """The other outcomes, without a test: the trial was not made for them."""
    message: str
    wording: str
    """The folder of the second wording."""


def days_words(policy: Policy, bucket: str) -> str:
    """Return how late the order was of which a message told; empty: all."""
    if not bucket:
        return "All"
    return "Not late: may be late, or good news" if bucket == ON_TIME else days_late_words(policy, bucket)


def message_words(policy: Policy, message: str) -> str:
    """Return what a message is about, as `4 to 7 days late`."""
    if message in MESSAGE_WORDS:
        return MESSAGE_WORDS[message]
    names = [days_late_words(policy, bucket.name) for bucket in policy.bucket if bucket.words == message]
    return " or ".join(names) or f"Earlier message “{message}”"


def share_words(count: int, of: int) -> str:
    """Return a number with what it is out of, and the percentage where there are enough cases."""
    if not of:
        return "none"
    percent = f" ({percent_of(count / of)}{NBSP}%)" if of >= FEW else ""
    return f"{count:,} of {of:,}{percent}"


def percent_of(share: float) -> int:
    """Return a share in whole percent; a half is rounded up, as people do."""
    return int(100 * share + 0.5)


def money_words(amounts: dict[str, Decimal]) -> str:
    """Return amounts by currency; empty where there are none."""
    return " and ".join(f"{amount:,.2f}{NBSP}{currency}" for currency, amount in sorted(amounts.items()))


def trial_view(policy: Policy, found: ExperimentCount, today: date, last_day: str) -> TrialView:
    """Return what a trial shows on a day; `last_day` is its last day in words."""
    trial = found.experiment
    before, running = today < trial.begins, trial.begins <= today <= trial.ends
    a, b = (Arm(_outcomes(arm, trial.outcome), arm.customers) for arm in (found.a, found.b))
    state = "Not begun" if before else f"Runs until {last_day}" if running else f"Ended {last_day}"
    caution = "" if not running else f"Too early to compare: the trial runs until {last_day}. {PEEKING}"
    return TrialView(
        name=trial.name,
        about=f"{message_words(policy, trial.message)}. Compared: customers who {OUTCOME_WORDS[trial.outcome]}.",
        state=state,
        kind="calm" if before else "wait" if running else "good",
        arms=tuple(_arm_words(letter, arm, trial.outcome) for letter, arm in ((Letter.A, a), (Letter.B, b))),
        kept=_kept_words(found),
        verdict="" if before or running else verdict_words(a, b),
        caution=caution,
        others=tuple(_other_words(found, outcome) for outcome in Outcome if outcome is not trial.outcome),
        message=trial.message,
        wording=trial.wording,
    )


def _kept_words(found: ExperimentCount) -> str:
    a, b = found.kept_a, found.kept_b
    return (
        f"Of the messages kept here, those to {counted(a, 'customer')} have wording A, to {b:,} wording B."
        if a or b
        else ""
    )


def kept_words(results: Results) -> str:
    """Return what messages of a trial run say: nothing of what customers do."""
    n = sum(count for _, count in results.kept)
    were = "was" if n == 1 else "were"
    return (
        f"{counted(n, 'message')} of a trial {were} kept here, and no customer was told. They say how many would have "
        "been told, and nothing of what customers do."
    )


def verdict_words(a: Arm, b: Arm) -> str:
    """Return whether two wordings differ, with how often chance alone would give such a difference."""
    if min(a.customers, b.customers) < FEW:
        return f"Fewer than {FEW} customers have read one of them: nothing can be said of the difference yet."
    found = _compare(a, b)
    if not found.is_certain:
        chance = f"chance alone gives one this big in {_of_hundred(found.p_value)}"
        return f"The difference is not certain: {chance}."
    better = "B" if b.rate > a.rate else "A"
    chance = f"chance alone gives a difference this big in {_of_hundred(found.p_value)}"
    return f"The share of {better} is higher, and hardly by chance: {chance}."


def _of_hundred(p_value: float) -> str:
    n = 100 * p_value
    if n < 1:
        return "fewer than 1 of 100 trials"
    # Near the limit of 5 a whole number would not show on which side it is.
    return f"{n:.1f} of 100 trials" if 4.5 <= n < 5.5 else f"{n:.0f} of 100 trials"


def _outcomes(arm: ArmCount, outcome: Outcome) -> int:
    return {
        Outcome.WAITED: arm.waited,
        Outcome.CANCELLED: arm.cancelled,
        Outcome.ANSWERED: arm.answered,
        Outcome.REDEEMED: arm.redeemed,
    }[outcome]


def _arm_words(letter: Letter, arm: Arm, outcome: Outcome) -> str:
    what = OUTCOME_WORDS[outcome]
    if arm.customers < FEW:
        return f"{letter} {arm.outcomes:,} of {counted(arm.customers, 'customer')} {what}"
    interval = _interval(arm)
    span = f"{percent_of(interval.low)} to {percent_of(interval.high)}{NBSP}%"
    return f"{letter} {arm.outcomes:,} of {arm.customers:,} {what} ({percent_of(arm.rate)}{NBSP}%, {span})"


def _other_words(found: ExperimentCount, outcome: Outcome) -> tuple[str, str]:
    arms: Iterable[tuple[Letter, ArmCount]] = ((Letter.A, found.a), (Letter.B, found.b))
    said = "; ".join(f"{letter} {share_words(_outcomes(arm, outcome), arm.customers)}" for letter, arm in arms)
    return OUTCOME_WORDS[outcome].capitalize(), said


@lru_cache(maxsize=64)
def _compare(a: Arm, b: Arm) -> Comparison:
    return compare(a, b)


def _interval(arm: Arm) -> Interval:
    return _compare(arm, arm).interval_a
