"""Suggest the correct key for a mistyped or renamed one."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel

RENAMED = {
    "brake": "guardrails",
    "doubt": "in_doubt",
    "parcels": "shipments",
    "vendors": "purchasing",
    "reorder": "replenishment",
    "caps": "budget",
    "guardrails.fewer_orders": "min_order_share",
    "guardrails.gone_share": "max_gone_share",
    "guardrails.stale_hours": "max_data_age_hours",
    "guardrails.newly_late_share": "max_late_share",
    "guardrails.times_usual": "max_median_multiple",
    "guardrails.offers": "max_discount_multiple",
    "guardrails.ahead_days": "max_days_ahead",
    "guardrails.at_least": "min_orders",
    "in_doubt.hours": "staff_after_hours",
    "sending.oldest_hours": "max_age_hours",
    "shipments.late_times": "late_factor",
    "shipments.critical_times": "critical_factor",
    "shipments.most": "max_parcels",
    "purchasing.most_lines": "max_lines",
    "substitutes.at_most": "max_products",
    "together": "ship_with",
    "wish": "shipping_preference",
    "FOREWARN_PARALLEL": "FOREWARN_CONCURRENCY",
    "FOREWARN_LEASE": "FOREWARN_LEASE_SECONDS",
    "FOREWARN_BATCH": "FOREWARN_BATCH_SIZE",
    "FOREWARN_OUTBOX": "FOREWARN_OUTBOX_DIR",
    "FOREWARN_STOREFRONT": "FOREWARN_STOREFRONT_DIR",
}
"""Policy keys, source columns and settings of development versions, each with the name that it has now."""


def no_such_key(model: type[BaseModel], place: Sequence[int | str]) -> str:
    """Return a sentence about an unknown key at a place of a model: its new name, a similar key or all keys."""
    *above, key = place
    if new := RENAMED.get(".".join(map(str, place))):
        return f"its name is {new} now"
    known = _keys(model, above)
    near = get_close_matches(str(key), known, 1)
    return "there is no such key; " + (f"did you mean {near[0]}?" if near else f"{', '.join(known)} are right")


def _keys(model: type[BaseModel], above: Sequence[int | str]) -> list[str]:
    models = [model]
    for part in above:
        inner = [nested for known in models if part in known.model_fields for nested in _models_of(known, str(part))]
        # An index of a list, or a key that the shop chooses, has no model of its own.
        models = inner or models
    return sorted({name for known in models for name in known.model_fields})


def _models_of(model: type[BaseModel], field: str) -> Iterator[type[BaseModel]]:
    yield from _models_in(model.model_fields[field].annotation)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)
