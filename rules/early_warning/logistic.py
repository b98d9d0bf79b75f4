"""Logistic regression with an L2 penalty."""

from dataclasses import dataclass

import numpy as np

from rules.early_warning.columns import Numbers

STEPS = 50
CLOSE = 1e-7
"""A step that gains a smaller share ends the fit; the error that is left is the square of it."""
TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Logistic:
    """The log-odds of an outcome as a sum of features: an offset and a weight for each."""

    offset: float
    weights: Numbers

    def log_odds(self, features: Numbers) -> Numbers:
        """Return the log-odds of each row, the same to the bit whatever rows are beside it."""
        found: Numbers = (features * self.weights).sum(axis=1) + self.offset
        return found


def fit_logistic(
    features: Numbers,
    came: Numbers,
    penalty: Numbers,
    toward: Numbers,
    *,
    case_weights: Numbers | None = None,
    start: Logistic | None = None,
) -> Logistic:
    """Fit by maximum likelihood, with half of `penalty` times the squared distance of each weight from `toward`.

    The offset has no penalty, and the features should be of one scale. Newton's method needs ten looks at the rows,
    where a method without second derivatives needs a hundred.
    """
    rows = np.column_stack((np.ones(len(came)), features))
    weight = np.ones(len(came)) if case_weights is None else case_weights
    held, aim = np.concatenate(([0.0], penalty)), np.concatenate(([0.0], toward))

    def loss(point: Numbers) -> float:
        log_odds = rows @ point
        cost = weight @ (np.logaddexp(0, log_odds) - came * log_odds)
        return float(cost + held @ (point - aim) ** 2 / 2)

    point = aim if start is None else np.concatenate(([start.offset], start.weights))
    now = loss(point)
    for _ in range(STEPS):
        said = 1 / (1 + np.exp(-np.clip(rows @ point, -30, 30)))
        slope = (weight * (said - came)) @ rows + held * (point - aim)
        curve = (rows * (weight * np.maximum(said * (1 - said), TINY))[:, None]).T @ rows + np.diag(held)
        step = np.linalg.lstsq(curve, slope, rcond=None)[0]
        while (then := loss(point - step)) > now and np.abs(step).max() > TINY:
            step = step / 2
        if then > now:
            break
        point, gain, now = point - step, now - then, then
        if gain < CLOSE * max(1.0, now):
            break
    return Logistic(float(point[0]), point[1:])
