"""Say what the next run will tell the customer after an act, by the rules that the run itself decides by."""

from dataclasses import replace
from datetime import date

from sqlalchemy import Connection

from models.decisions import Assessment
from models.orders import OrderFacts
from rules.delays.assess import ONLY_ESTIMATED, assess_order
from rules.delays.buckets import get_bucket
from rules.delays.critical import policy_for
from rules.early_warning.facts import dated_by_staff
from tasks.context import Context
from tasks.desk.acts.subject import ActOrder, blocked_words, by_words, contacts_of
from tasks.desk.staff_words import days_words, short_date
from tasks.desk.why_sentence import DUE


def with_date(order: OrderFacts, line: str, day: date) -> OrderFacts:
    """Return an order as if a line were expected on a day."""
    lines = (dated_by_staff(one, day) if one.number == line else one for one in order.lines)
    return replace(order, lines=tuple(lines))


def foretell(context: Context, connection: Connection, order: ActOrder, changed: OrderFacts) -> str:
    """Return in a sentence what the next run tells the customer of an order that is as it would be after the act."""
    assessment = assess_order(changed, context.as_of, context.policy, context.calendar)
    if assessment.held or changed.held_by:
        return f"Nobody gets a message now: {changed.held_by} holds this order."
    if assessment.plan is None:
        return f"{order.name} gets no message about it: {_silent(context, changed, assessment)}."
    contacts = contacts_of(context, connection, assessment.plan)
    if not (by := by_words(contacts)):
        return f"{order.name} gets no message about it. {blocked_words(order, contacts)}"
    return f"{order.name} gets {by} at the next run, because {_because(context, assessment)}."


def _because(context: Context, assessment: Assessment) -> str:
    plan = assessment.plan
    if plan is None:
        return ""
    told = plan.told_date
    if told is not None and plan.delay.expected_on is not None and plan.delay.expected_on > told:
        moved = days_words((plan.delay.expected_on - told).days)
        return f"the new date is {moved} later than the {short_date(told, context.as_of)} that was told"
    return DUE[plan.change]


def _silent(context: Context, changed: OrderFacts, assessment: Assessment) -> str:
    delay, policy = assessment.delay, policy_for(changed, context.policy)
    if delay is None:
        return "nothing of the order is late then"
    if assessment.no_notice_reason == ONLY_ESTIMATED:
        return "that it will be late is only an estimate; it is told when its promise has passed, or when it is likely"
    if not get_bucket(delay.bucket, policy).notify and changed.told is None:
        first = next((bucket.from_days for bucket in policy.bucket if bucket.notify), None)
        late = f"the order is {days_words(delay.days)} late"
        return f"{late}, and the shop writes {f'from {days_words(first)} on' if first else 'about no delay'}"
    if "minimum gap" in assessment.no_notice_reason:
        day = short_date(assessment.next_check_on, context.as_of)
        return f"the last message is recent; the next one is possible on {day}"
    if "unknown whether" in assessment.no_notice_reason:
        return "it is not known whether the last message arrived"
    return "the message that was sent says it already, or the date moves by too little"
