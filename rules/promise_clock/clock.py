"""Where an order line stands by the law of its country on a day, and what must be done by when.

The rules are those of the policy's table `promise_clock.country`; docs/promise-clock.md names the texts behind them.
"""

from datetime import date, timedelta
from decimal import Decimal

from models.policy.promise_clock import CountryRules
from models.promise_clock import ClockFacts, ClockState, Standing
from rules.promise_clock.known_facts import known_by
from rules.promise_clock.lateness import stand_without_notices
from rules.promise_clock.option_notices import stand_with_notices
from rules.promise_clock.refunds import Holidays, refund_standing


def stand(facts: ClockFacts, rules: CountryRules, today: date, holidays: Holidays) -> Standing:
    """Return where a line stands at the end of a day; days are those of the shop's zone."""
    facts = known_by(facts, today)
    if is_exempt(facts, rules):
        return Standing(ClockState.EXEMPT)
    if facts.refunded_on is not None:
        return Standing(ClockState.CLOSED)
    counted = stand_with_notices if rules.option_notice else stand_without_notices
    due = due_on(facts, rules)
    if facts.gave_up_on is not None and facts.shipped_on is None:
        # Where it counted as cancelled before that, the money is due from then.
        before = counted(known_by(facts, facts.gave_up_on), rules, due, facts.gave_up_on, holidays)
        if before.state is not ClockState.CANCELLED:
            return refund_standing(facts.gave_up_on, facts, rules, today, holidays)
    return counted(facts, rules, due, today, holidays)


def is_exempt(facts: ClockFacts, rules: CountryRules) -> bool:
    """Return whether the country's rules do not hold for a sale."""
    if facts.exclusion is not None and facts.exclusion in rules.exclusions:
        return True
    return rules.min_total is not None and facts.total is not None and facts.total <= Decimal(rules.min_total)


def due_on(facts: ClockFacts, rules: CountryRules) -> date:
    """Return the date first in force: the promised one, or so many days after the complete order."""
    if facts.promised_on is not None:
        return facts.promised_on
    days = rules.default_days
    if facts.seller_credit and rules.default_days_seller_credit is not None:
        days = rules.default_days_seller_credit
    return (facts.payment_good_on or facts.received_on) + timedelta(days=days)
