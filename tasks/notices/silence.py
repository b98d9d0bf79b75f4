"""Find what the law of an order's country makes its notice say: what no answer means, and the customer's rights."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection

from models.decisions import Plan
from models.enums import GOOD_CHANGES, ChangeKind
from models.promise_clock import NO_CHANGE, LegalWords, Silence
from rules.inventory.transit import TransitTimes
from rules.promise_clock.counted_days import counted_day
from rules.promise_clock.public_holidays import public_holidays
from rules.promise_clock.silence import order_silence, rights_of, silence_after, silence_of
from tasks.context import Context
from tasks.promise_clock.countries import law_of
from tasks.promise_clock.facts import LineClock, line_clocks_of


def load_legal_words(context: Context, connection: Connection, plans: Sequence[Plan]) -> dict[str, LegalWords]:
    """Return by order what its notice has to say. The ledger is asked only where no answer can mean something."""
    rules = {plan.delay.order.id: law_of(context, plan.delay.order).rules for plan in plans}
    asking = [plan.delay.order for plan in plans if rules[plan.delay.order.id].option_notice]
    clocks = line_clocks_of(context, connection, asking, context.as_of)
    transit = context.promises.transit
    return {
        (order := plan.delay.order.id): LegalWords(
            order_silence(_of_lines(plan, clocks[order], transit)) if order in clocks else NO_CHANGE,
            rights_of(rules[order]),
        )
        for plan in plans
    }


def _of_lines(plan: Plan, clocks: Sequence[LineClock], transit: TransitTimes) -> Iterator[Silence | None]:
    by_number = {clock.line.number: clock for clock in clocks}
    for late in plan.delay.late:
        clock = by_number.get(late.line.number)
        if clock is None:
            continue
        if plan.change in (*GOOD_CHANGES, ChangeKind.WARNING):  # neither names a new date
            yield silence_of(clock.standing)
            continue
        rules, country = clock.rules, clock.country[:2]
        revised_on = counted_day(late.expected_on, late.line.promise, rules.performance, transit, country)
        yield silence_after(clock.facts, rules, revised_on, plan.delay.as_of, public_holidays(rules.holidays))
