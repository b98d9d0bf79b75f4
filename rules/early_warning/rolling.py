"""Count what happened to a group in the days before a morning."""

import numpy as np

from rules.early_warning.columns import NEVER, Codes, Days

SPAN = 2 * NEVER


class Rolling:
    """Counts of events by group and day, in whole numbers: a sum is the same to the bit whatever comes after it."""

    def __init__(self, groups: Codes, days: Days, counts: Days) -> None:
        keys = groups * SPAN + days
        order = np.argsort(keys, kind="stable")
        self._keys = keys[order]
        self._sums = np.concatenate(([0], np.cumsum(counts[order], dtype=np.int64)))

    def total(self, groups: Codes, first: Days, end: Days) -> Days:
        """Return, for each group and window, the sum of what happened from `first` up to the day before `end`."""
        base = groups * SPAN
        found: Days = (
            self._sums[np.searchsorted(self._keys, base + end)] - self._sums[np.searchsorted(self._keys, base + first)]
        )
        return found
