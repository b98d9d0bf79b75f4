"""How long orders of an age are still out, by Kaplan and Meier (1958), as it was known on each morning."""

from dataclasses import dataclass

import numpy as np

from rules.early_warning.columns import NEVER, Columns, Days, Flags, Numbers

MEMORY_DAYS = (90, 365)
"""The days of the past that count: the short memory follows a season, the long one is surer."""
AGES = 150
"""Ages are counted up to so many days; an older order is like one of this age."""
LEGS = 3
"""What an age counts from: the order, the hand-over to the carrier, or the order where it was promised to ship."""
ORDERED, HANDED, TO_SHIP = range(LEGS)
PRIOR = (5.0, 1.0)
"""Cases of the longer memory, or of all ages together, that weigh as much as what was seen of an age."""


def leg_of(is_ship: Flags, handed: Flags) -> Days:
    """Return the leg on which each order is."""
    return np.where(is_ship, TO_SHIP, np.where(handed, HANDED, ORDERED))


@dataclass(frozen=True, slots=True)
class Survival:
    """The log of the probability of being still out before an age, as it was known on each of some mornings."""

    log_still_out: Numbers
    """[leg, memory, morning, age]; the first morning is `first_day`."""
    first_day: int

    def on(self, day: int) -> "Survival":
        """Return what was known on one morning."""
        at = day - self.first_day
        return Survival(self.log_still_out[:, :, at : at + 1], day)

    def hazard(self, leg: int, days: Days, ages: Days) -> Numbers:
        """Return the probability that an order of an age ends on a day, by the long memory."""
        rows = self.log_still_out[leg, -1]
        at, age = self._at(days), np.clip(ages, 0, AGES - 1)
        found: Numbers = 1 - np.exp(rows[at, age + 1] - rows[at, age])
        return found

    def still_out(self, memory: int, legs: Days, days: Days, ages: Days, until: Days) -> Numbers:
        """Return the probability that an order of an age on a morning is still out before another age."""
        at, table = self._at(days), self.log_still_out[:, memory]
        first, last = np.clip(ages, 0, AGES), np.clip(until, 0, AGES)
        found: Numbers = np.exp(np.minimum(0, table[legs, at, last] - table[legs, at, first]))
        return found

    def _at(self, days: Days) -> Days:
        return np.clip(days - self.first_day, 0, self.log_still_out.shape[2] - 1)


def fit_survival(orders: Columns, first_day: int, last_day: int) -> Survival:
    """Return what was known on each morning from the first to the last day."""
    handed = orders.shipped < NEVER
    legs = (
        (~orders.is_ship, orders.placed),
        (~orders.is_ship & handed, orders.shipped),
        (orders.is_ship, orders.placed),
    )
    tables = [_leg(orders, chosen, starts, first_day, last_day) for chosen, starts in legs]
    return Survival(np.stack(tables), first_day)


def _leg(orders: Columns, chosen: Flags, starts: Days, first_day: int, last_day: int) -> Numbers:
    start, ends, gone = starts[chosen], orders.ends[chosen], np.minimum(orders.ends, orders.cancelled)[chosen]
    days = last_day - first_day + 1
    # Counted from so long before the first day, every start has a row.
    row = np.clip(start - first_day + AGES + MEMORY_DAYS[-1], 0, days + AGES + MEMORY_DAYS[-1] - 1)
    age = np.clip(gone - start, 0, AGES)
    shape = (days + AGES + MEMORY_DAYS[-1], AGES + 1)
    left = np.bincount(row * shape[1] + age, minlength=shape[0] * shape[1]).reshape(shape)
    came = (ends == gone) & (gone < NEVER) & (gone - start < AGES)
    ended = np.bincount((row * shape[1] + age)[came], minlength=shape[0] * shape[1]).reshape(shape)
    at_risk = left[:, ::-1].cumsum(axis=1)[:, ::-1]
    by_start = [
        np.concatenate((np.zeros((1, AGES), np.int64), counts[:, :AGES].cumsum(axis=0))) for counts in (at_risk, ended)
    ]
    ages = np.arange(AGES)
    until = np.arange(days)[:, None] + AGES + MEMORY_DAYS[-1] - ages[None, :]

    hazards: list[Numbers] = []
    for memory in reversed(MEMORY_DAYS):
        since = np.maximum(until - memory, 0)
        risk, events = (counts[until, ages] - counts[since, ages] for counts in by_start)
        # With nothing known at all, one in ten ends on a day.
        overall = ((events.sum(axis=1) + 1) / (risk.sum(axis=1) + 10))[:, None]
        prior, cases = (hazards[-1], PRIOR[0]) if hazards else (overall, PRIOR[1])
        hazards.append((events + cases * prior) / (risk + cases))
    logs = [np.log1p(-np.minimum(hazard, 0.999)).cumsum(axis=1) for hazard in reversed(hazards)]
    return np.stack([np.concatenate((np.zeros((days, 1)), log), axis=1) for log in logs])
