"""How many days what was decided and sent is kept."""

from datetime import date, timedelta

import pytest
from pydantic import ValidationError

from models.policy.policy import Policy
from models.policy.retention import RetentionPolicy
from rules.retention import cutoff_days

TODAY = date(2026, 11, 29)
KEYS = {
    "words": "message_days", "notices": "evidence_days", "events": "event_days",
    "offers": "offer_days", "runs": "run_days", "expected_dates": "expected_date_days",
}  # fmt: skip


@pytest.mark.parametrize("kind", KEYS)
def test_what_is_exactly_as_old_as_the_policy_says_is_kept_and_each_key_moves_its_own_kind(kind):
    before = cutoff_days(RetentionPolicy(), TODAY)
    after = cutoff_days(RetentionPolicy(**{"evidence_days": 1096, KEYS[kind]: 777}), TODAY)
    assert getattr(after, kind) == TODAY - timedelta(days=777)
    assert {name for name in KEYS if getattr(after, name) != getattr(before, name)} == {kind}


@pytest.mark.parametrize(("words", "rows", "valid"), [(90, 90, True), (91, 90, False)])
def test_a_row_is_kept_at_least_as_long_as_its_words(words, rows, valid):
    if valid:
        assert RetentionPolicy(message_days=words, evidence_days=rows)
        return
    with pytest.raises(ValidationError, match="evidence_days must be at least message_days"):
        RetentionPolicy(message_days=words, evidence_days=rows)


def test_how_long_is_kept_makes_no_order_due():
    """A policy with another digest has every open order evaluated once."""
    assert Policy(retention=RetentionPolicy(message_days=1)).digest == Policy().digest
