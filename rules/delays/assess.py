"""Decide for one order on one day whether there is something to say, and what."""

from datetime import date, timedelta
from functools import partial

from models.decisions import Assessment, Contact, Delay, Plan
from models.enums import GOOD_CHANGES, WITHOUT_OFFER, ChangeKind
from models.orders import LastNotice, OrderFacts
from models.policy.policy import CLOSED, FUTURE, GOOD_NEWS, LATE_AGAIN, MAY_BE_LATE, NEW_DATE, ON_TIME, Bucket, Policy
from models.quantities import counted
from rules.delays.buckets import get_bucket
from rules.delays.critical import policy_for
from rules.delays.delays import change_of, delay_of, known_bucket, lapsed_date, notice_lines, open_lines
from rules.delays.good_news import good_news
from rules.delays.schedule import DAY, NEVER, next_check_date
from rules.delays.working_days import Calendar
from rules.early_warning.likely import all_in_time, likely_delay
from rules.early_warning.sentences import likelihood_sentence

CUSTOMER_WAS_TOLD = "the customer was told"
"""Why there is no notice of a delay without a change."""
ONLY_ESTIMATED = "that it will be late is only an estimate, and its promise has not passed"
"""Why there is no notice of a delay that is not known."""
RENEWED = (ChangeKind.SLIPPED, ChangeKind.PASSED)
"""Changes of a communicated date, which the message `late_again` reports."""
REASONS = {
    ChangeKind.FIRST: "first notice",
    ChangeKind.WORSE: "worse than the bucket told before",
    ChangeKind.SLIPPED: "the date told before has slipped",
    ChangeKind.PASSED: "the date told before has passed",
    ChangeKind.ANOTHER: "another line is late that was not told before",
    ChangeKind.READY: "what was told to be late is there and can go",
    ChangeKind.EARLIER: "expected earlier than the date told before",
    ChangeKind.DATED: "a date is known, where none was told before",
    ChangeKind.WARNING: "a warning before anything is known",
    ChangeKind.IN_TIME: "after the warning it is known that it comes as promised",
}
"""What staff read as the reason of a notice."""


def assess_order(order: OrderFacts, as_of: date, policy: Policy, calendar: Calendar) -> Assessment:
    """Return an order's bucket on a day, the day of its next check, and a plan if there is a change to communicate.

    The plan has no contacts, remedies and parcels yet: those depend on more than the order.
    """
    policy = policy_for(order, policy)
    if order.placed_on > as_of:
        return Assessment(FUTURE, order.placed_on)
    if not open_lines(order, as_of):
        return Assessment(CLOSED, NEVER)
    if order.unpaid:
        return Assessment(ON_TIME, NEVER, no_notice_reason="it waits for its payment")

    delay = delay_of(order, as_of, policy, calendar)
    bucket = delay.bucket if delay else ON_TIME
    next_check = partial(next_check_date, order, as_of=as_of, policy=policy, calendar=calendar)
    change, why_none = _find_change(order, delay, as_of, policy, calendar)
    if change is None:
        return Assessment(bucket, next_check(order.told), delay, no_notice_reason=why_none)
    if change[0] in WITHOUT_OFFER and order.told is not None and order.told.in_doubt:
        reason = "it is unknown whether the last notice arrived, and good news would be about it"
        return Assessment(bucket, min(next_check(order.told), as_of + DAY), delay, no_notice_reason=reason)
    if order.held_by:
        reason = f"{order.held_by} holds this order"
        return Assessment(bucket, next_check(order.told), delay, held=True, no_notice_reason=reason)
    if gap_ends_on := _gap_after_notice(order, as_of, policy):
        reason = f"the last notice is more recent than the minimum gap; the next one is possible on {gap_ends_on}"
        return Assessment(bucket, min(next_check(order.told), gap_ends_on), delay, no_notice_reason=reason)

    plan = _plan(order, *change, policy)
    return Assessment(bucket, next_check(last_notice_after(plan, policy)), delay, plan)


def _find_change(
    order: OrderFacts, delay: Delay | None, as_of: date, policy: Policy, calendar: Calendar
) -> tuple[tuple[ChangeKind, Delay] | None, str]:
    """Return what there is to tell, and of which delay; or why nothing of a delay is told."""
    bad_change = change_of(delay, policy) if delay else None
    if delay and bad_change and (told := _told_bucket(delay, bad_change, policy)).notify:
        return (bad_change, delay), ""
    if bad_change is None and (better := _better(order, as_of, policy, calendar)):
        return better, ""
    if likely := likely_delay(order, as_of, policy, calendar):
        return (ChangeKind.WARNING, likely), ""
    if delay and bad_change:
        return None, f"the policy does not tell bucket {told.name}"
    if delay and (order.told is None or order.told.warned):
        return None, ONLY_ESTIMATED
    return None, CUSTOMER_WAS_TOLD if delay else ""


def _told_bucket(delay: Delay, change: ChangeKind, policy: Policy) -> Bucket:
    """Return the bucket that decides whether a change is told: a first notice counts what is known alone."""
    known = known_bucket(delay, policy) if change is ChangeKind.FIRST else None
    return known or get_bucket(delay.bucket, policy)


def _better(order: OrderFacts, as_of: date, policy: Policy, calendar: Calendar) -> tuple[ChangeKind, Delay] | None:
    if order.told is not None and order.told.warned:
        return all_in_time(order, as_of, policy)
    return good_news(order, as_of, policy, calendar)


def _gap_after_notice(order: OrderFacts, as_of: date, policy: Policy) -> date | None:
    """Return the day until which the customer gets no other notice, by `contact.minimum_gap_days`; None for no such."""
    if order.told is None or order.told.assumed:
        return None
    gap_ends_on = order.told.told_on + timedelta(days=policy.contact.minimum_gap_days)
    return gap_ends_on if gap_ends_on > as_of else None


def _plan(order: OrderFacts, change: ChangeKind, delay: Delay, policy: Policy) -> Plan:
    return Plan(
        delay=delay,
        change=change,
        message=_message(change, delay, policy),
        revision=order.revision + 1,
        contacts=(),
        why=f"{describe(delay)}: {REASONS[change]}"
        if delay.likely is None
        else likelihood_sentence(delay.likely.likelihood),
        told_date=lapsed_date(delay, policy) if change in (*RENEWED, ChangeKind.READY) else None,
    )


def _message(change: ChangeKind, delay: Delay, policy: Policy) -> str:
    """Return the name of the message's folder in templates/messages."""
    if change is ChangeKind.WARNING:
        return MAY_BE_LATE
    if change in GOOD_CHANGES:
        return GOOD_NEWS
    if change is ChangeKind.DATED:
        return NEW_DATE
    return LATE_AGAIN if change in RENEWED else get_bucket(delay.bucket, policy).words


def last_notice_after(plan: Plan, policy: Policy) -> LastNotice:
    """Return what the customer knows once a plan's notice has reached them."""
    lines = notice_lines(plan.delay, policy_for(plan.delay.order, policy))
    return LastNotice(plan.revision, plan.delay.as_of, lines, plan.delay.order.customer.id)


def is_reachable(contacts: tuple[Contact, ...]) -> bool:
    """Return True where at least one contact can be used."""
    return any(contact.skip is None for contact in contacts)


def bucket_of(plan: Plan, policy: Policy) -> Bucket:
    """Return the bucket whose channels and remedies a plan uses; warnings have channels of their own.

    Good news and first dates use the worst bucket of the last notice, or the policy's first one.
    """
    if plan.change in (ChangeKind.WARNING, ChangeKind.IN_TIME):
        return policy.bucket[0].model_copy(update={"channels": policy.warning.channels, "remedies": ()})
    if plan.change not in WITHOUT_OFFER:
        return get_bucket(plan.delay.bucket, policy)
    last_notice = plan.delay.order.told
    noticed = {line.bucket for line in last_notice.lines} if last_notice else set()
    return next((bucket for bucket in reversed(policy.bucket) if bucket.name in noticed), policy.bucket[0])


def describe(delay: Delay) -> str:
    """Return a delay as staff would say it: days, promised and expected date, bucket."""
    latest = max(delay.late, key=lambda late: late.days)
    expected = f"now expected {delay.expected_on}" if delay.expected_on else "no date known"
    days = counted(delay.days, "day") if delay.days else "not"
    promise = f"promised to {latest.line.promise} by {latest.line.promised_on}"
    return f"{days} late ({promise}, {expected}), bucket {delay.bucket}"
