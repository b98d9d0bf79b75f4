"""Compare two wordings honestly: an interval for each share, and an exact test of their difference.

scipy is imported where it is used: it takes a second or more.
"""

from dataclasses import dataclass

CONFIDENCE = 0.95
CERTAIN = 0.05
"""Above it a difference is not certain: chance alone gives one as big in more than 5 of 100 trials."""


@dataclass(frozen=True, slots=True)
class Arm:
    """The customers who read one wording, and those of them with the outcome."""

    outcomes: int
    customers: int

    @property
    def rate(self) -> float:
        """Return the share with the outcome; 0 without customers."""
        return self.outcomes / self.customers if self.customers else 0.0


@dataclass(frozen=True, slots=True)
class Interval:
    """Between which shares the true one lies in 95 of 100 trials."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a trial shows."""

    a: Arm
    b: Arm
    interval_a: Interval
    interval_b: Interval
    p_value: float
    """How often chance alone gives a difference at least as unlikely as this one."""

    @property
    def is_certain(self) -> bool:
        """Return whether chance alone is a poor explanation of the difference."""
        return self.p_value <= CERTAIN


def load_statistics() -> None:
    """Import what the comparison needs, so that the first one does not wait for it."""
    import scipy.stats  # noqa: F401


def wilson_interval(arm: Arm) -> Interval:
    """Return the Wilson interval of a share; from 0 to 1 where there are no customers."""
    if not arm.customers:
        return Interval(0.0, 1.0)
    from scipy.stats import binomtest

    found = binomtest(arm.outcomes, arm.customers).proportion_ci(confidence_level=CONFIDENCE, method="wilson")
    return Interval(float(found.low), float(found.high))


def compare(a: Arm, b: Arm) -> Comparison:
    """Compare two wordings by Wilson intervals and Fisher's exact test, which is two-sided.

    Fisher's test holds for small numbers too, and finds a difference where there is none in at most 5 of 100 trials.
    """
    from scipy.stats import fisher_exact

    table = [[arm.outcomes, arm.customers - arm.outcomes] for arm in (a, b)]
    p_value = float(fisher_exact(table, alternative="two-sided").pvalue) if a.customers and b.customers else 1.0
    return Comparison(a, b, wilson_interval(a), wilson_interval(b), min(1.0, p_value))
