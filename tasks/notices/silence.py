"""Find what it will mean if the customers of some notices do not answer them."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection

from models.decisions import Plan
from models.enums import GOOD_CHANGES
from models.promise_clock import NO_CHANGE, Silence
from rules.inventory.transit import TransitTimes
from rules.promise_clock.counted_days import counted_day
from rules.promise_clock.public_holidays import public_holidays
from rules.promise_clock.silence import order_silence, silence_after, silence_of
from tasks.context import Context
from tasks.promise_clock.countries import load_country_rules
from tasks.promise_clock.facts import LineClock, line_clocks_of


def load_silences(context: Context, connection: Connection, plans: Sequence[Plan]) -> dict[str, Silence | None]:
    """Return by order what silence will mean after a plan's notice; only a few countries let it mean anything."""
    orders = [plan.delay.order.id for plan in plans]
    rules = load_country_rules(context, connection, orders)
    asking = [order for plan in plans if (order := plan.delay.order).id in rules and rules[order.id].option_notice]
    clocks = line_clocks_of(context, connection, asking, context.as_of)
    transit = TransitTimes(context.policy.allocation, context.policy.days)
    return {
        order: order_silence(_of_lines(plan, clocks[order], transit)) if order in clocks else NO_CHANGE
        for order, plan in zip(orders, plans, strict=True)
    }


def _of_lines(plan: Plan, clocks: Sequence[LineClock], transit: TransitTimes) -> Iterator[Silence | None]:
    by_number = {clock.line.number: clock for clock in clocks}
    for late in plan.delay.late:
        clock = by_number.get(late.line.number)
        if clock is None:
            continue
        if plan.change in GOOD_CHANGES:
            yield silence_of(clock.standing)
            continue
        rules, country = clock.rules, clock.country[:2]
        revised_on = counted_day(late.expected_on, late.line.promise, rules.performance, transit, country)
        yield silence_after(clock.facts, rules, revised_on, plan.delay.as_of, public_holidays(rules.holidays))
