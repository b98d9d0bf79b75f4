"""Learn from past orders, and say of each open one how likely it is to end late."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from models.early_warning import PastOrder
from rules.early_warning.drift import Compared, Drift, judge
from rules.early_warning.model import WarningModel
from tasks.context import Context
from tasks.db.sql import read_only
from tasks.early_warning.forecasts import load_said_and_came, record_forecasts, score_forecasts
from tasks.early_warning.history import load_past_orders
from tasks.early_warning.store import save_model

LEARN = "learn"


@dataclass(frozen=True, slots=True)
class Learnt:
    """What was learnt on a morning, and how far earlier forecasts were off."""

    as_of: date
    version: str
    source: str | None
    """A Source; None: too few orders have arrived to foretell anything."""
    late_days: int
    orders: int
    arrived: int
    late: int
    foretold: int
    """Open orders of which it was said this morning how likely they end late."""
    scored: int
    drift: Drift
    tenths: list[Compared]
    months: list[Compared]


def read_past(context: Context) -> list[PastOrder]:
    """Return the past orders of the ledger."""
    with read_only(context.engine) as connection:
        return load_past_orders(context, connection)


def learn_from(context: Context, past: Sequence[PastOrder], late_days: int) -> Learnt:
    """Score what was said before, learn a new version, store it, and record what it says of open orders."""
    scored = score_forecasts(context, past)
    with read_only(context.engine) as connection:
        said = load_said_and_came(connection, context.as_of)
    drift = judge(said.lately)
    model = WarningModel.learn(past, context.as_of, late_days, context.policy.days, drifted=drift.drifted)
    with context.engine.begin() as connection:
        save_model(connection, context, model, len(past), drift.off_points)
    foretold = record_forecasts(context, model, past)
    return Learnt(
        as_of=context.as_of,
        version=model.version,
        source=model.source,
        late_days=late_days,
        orders=len(past),
        arrived=model.arrived,
        late=model.late,
        foretold=foretold,
        scored=scored,
        drift=drift,
        tenths=said.tenths,
        months=said.months,
    )
