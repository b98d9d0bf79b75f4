"""Means of intermittent demand as statsforecast 2.1.1 forecasts them, the oracle for our own Croston-SBA.

The library takes 240 MB and many seconds to import, so its answers are stored. To write them again, run
`python -m tests.support.croston` where statsforecast is installed.
"""

import csv
import random
from pathlib import Path

TABLE = Path(__file__).with_suffix(".csv")
SERIES = 300


def random_series(seed):
    """Return pieces sold a day, for 28 to 200 days; which share of days sells, and how much, differs by seed.

    Only `random()` is used: Python keeps its sequence for a seed the same in all versions.
    """
    drawn = random.Random(seed).random  # noqa: S311 - test data
    days, share, largest = 28 + int(173 * drawn()), 0.05 + 0.9 * drawn(), 1 + int(30 * drawn())
    sold = [float(1 + int(largest * drawn())) if drawn() < share else 0.0 for _ in range(days)]
    return [*sold, 1.0]


def stored_means():
    """Return the library's mean by seed."""
    with TABLE.open(newline="", encoding="ascii") as file:
        return {int(row["seed"]): float(row["mean"]) for row in csv.DictReader(file)}


def _write_table():
    import numpy as np
    from statsforecast.models import CrostonSBA

    with TABLE.open("w", newline="", encoding="ascii") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("seed", "mean"))
        for seed in range(SERIES):
            (mean,) = CrostonSBA().forecast(y=np.array(random_series(seed)), h=1)["mean"]
            table.writerow((seed, repr(float(mean))))


if __name__ == "__main__":
    _write_table()
