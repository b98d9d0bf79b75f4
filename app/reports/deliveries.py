"""Add up the reports of the deliveries of one run."""

from collections import Counter

from models.run_report import Report

ADDED_COUNTS = ("sent", "trial", "skipped", "rejected", "retrying", "settled", "webhooks", "callbacks")
ADDED_NUMBERS = ("unreachable", "in_doubt")


def add_delivery(total: Report | None, latest: Report) -> Report:
    """Return the latest report with the messages of all deliveries; what waits and what is down is the latest's."""
    if total is None:
        return latest
    counts = {name: dict(Counter(getattr(total, name)) + Counter(getattr(latest, name))) for name in ADDED_COUNTS}
    numbers = {name: getattr(total, name) + getattr(latest, name) for name in ADDED_NUMBERS}
    return latest.model_copy(update={**counts, **numbers})


def did_anything(report: Report) -> bool:
    """Return whether a delivery changed the state of any message."""
    return any(getattr(report, name) for name in (*ADDED_COUNTS, *ADDED_NUMBERS))
