"""Choices of customers for tests."""

from datetime import UTC, datetime

from models.customers import Act, Choice, ChoiceState

MADE_AT = datetime(2026, 6, 15, 10, tzinfo=UTC)


def choice(act=Act.CANCEL, *lines, number=1, state=ChoiceState.REQUESTED, **facts):
    """Return a choice of order 1041."""
    facts = {"made_at": MADE_AT, "made_by": "customer", "currency": "EUR"} | facts
    return Choice(f"1041-C{number}", "1041", number, act, state, lines=lines, **facts)
