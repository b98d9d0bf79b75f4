"""Decide up to which day each kind of record is deleted."""

from dataclasses import dataclass
from datetime import date, timedelta

from models.policy.retention import RetentionPolicy


@dataclass(frozen=True, slots=True)
class CutoffDays:
    """The first day that is kept, for each kind of record: what is of an earlier day may be deleted."""

    words: date
    notices: date
    events: date
    offers: date
    runs: date
    expected_dates: date


def cutoff_days(policy: RetentionPolicy, as_of: date) -> CutoffDays:
    """Return the first day of each kind of record that is kept on `as_of`: what is exactly N days old still is."""
    return CutoffDays(
        words=as_of - timedelta(days=policy.message_days),
        notices=as_of - timedelta(days=policy.evidence_days),
        events=as_of - timedelta(days=policy.event_days),
        offers=as_of - timedelta(days=policy.offer_days),
        runs=as_of - timedelta(days=policy.run_days),
        expected_dates=as_of - timedelta(days=policy.expected_date_days),
    )
