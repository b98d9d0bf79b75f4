"""A stand-in for what was learnt from past orders: how likely orders are to be late is what a test says."""

from contextlib import contextmanager
from random import Random

from models.early_warning import Likelihood, Source, Term
from tasks.early_warning import outlook

WORDS = "17 days with the carrier, usual for RJ: 11"


class Foretelling:
    """Says of each order on each morning what `in_hundred` returns for its id and that day; None: nothing."""

    def __init__(self, in_hundred, late_days=4):
        self.in_hundred, self.late_days = in_hundred, late_days

    def likelihoods(self, orders, as_of):
        return [self._likelihood(self.in_hundred(order.order_id, as_of)) for order in orders]

    def _likelihood(self, in_hundred):
        if in_hundred is None:
            return None
        terms = (Term("way", WORDS, 21.0),)
        return Likelihood(in_hundred / 100, self.late_days, Source.MODEL, terms, 0.2, "test")


def by_chance(seed):
    """Return what says something else of each order on each morning, and the same when it is asked again."""
    return Foretelling(lambda order, as_of: Random(f"{seed} {order} {as_of}").randint(0, 100))  # noqa: S311 - no secret


@contextmanager
def foretold(foretelling):
    """Have everything that is decided meanwhile ask a stand-in."""
    learnt = outlook.load_model
    outlook.load_model = lambda *_: foretelling
    try:
        yield
    finally:
        outlook.load_model = learnt


def always(in_hundred):
    """Have the same said of all orders."""
    return foretold(Foretelling(lambda *_: in_hundred))
