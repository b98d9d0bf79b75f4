"""What was known of a line at the end of a day."""

from dataclasses import replace
from datetime import date

from models.promise_clock import ClockFacts


def known_by(facts: ClockFacts, today: date) -> ClockFacts:
    """Return the facts without what happens after a day."""

    def happened(on: date | None) -> date | None:
        return on if on is not None and on <= today else None

    return replace(
        facts,
        payment_good_on=happened(facts.payment_good_on),
        notices=tuple(notice for notice in facts.notices if notice.given_on <= today),
        answers=tuple(answer for answer in facts.answers if answer.on <= today),
        shipped_on=happened(facts.shipped_on),
        delivered_on=happened(facts.delivered_on),
        gave_up_on=happened(facts.gave_up_on),
        refunded_on=happened(facts.refunded_on),
    )
