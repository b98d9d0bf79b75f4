"""What to do about one order on one day."""

from datetime import date, timedelta

from models.decisions import Assessment, Contact, Delay, Plan
from models.enums import GOOD_CHANGES, WITHOUT_OFFER, ChangeKind
from models.orders import LastNotice, OrderFacts
from models.policy.policy import CLOSED, FUTURE, GOOD_NEWS, LATE_AGAIN, NEW_DATE, ON_TIME, Bucket, Policy
from models.quantities import counted
from rules.delays.delays import change_of, delay_of, lapsed_date, open_lines, told_lines
from rules.delays.good_news import good_news
from rules.delays.schedule import NEVER, next_check_date
from rules.delays.working_days import Calendar

KNOWS = "the customer was told"
"""Why nothing is said of a delay that is no news."""
RENEWED = (ChangeKind.SLIPPED, ChangeKind.PASSED)
WHY = {
    ChangeKind.FIRST: "first notice",
    ChangeKind.WORSE: "worse than the bucket told before",
    ChangeKind.SLIPPED: "the date told before has slipped",
    ChangeKind.PASSED: "the date told before has passed",
    ChangeKind.ANOTHER: "another line is late that was not told before",
    ChangeKind.READY: "what was told to be late is there and can go",
    ChangeKind.EARLIER: "expected earlier than the date told before",
    ChangeKind.DATED: "a date is known, where none was told before",
}


def assess_order(order: OrderFacts, as_of: date, policy: Policy, calendar: Calendar) -> Assessment:
    """Say where an order stands on a day, when to look at it again, and what is news about it.

    The plan, where there is one, still lacks its contacts and remedies: those need more than the order.
    """
    if order.placed_on > as_of:
        return Assessment(FUTURE, order.placed_on)
    if not open_lines(order, as_of):
        return Assessment(CLOSED, NEVER)
    if order.unpaid:
        return Assessment(ON_TIME, NEVER, no_notice_reason="it waits for its payment")
    delay = delay_of(order, as_of, policy, calendar)
    stands = delay.bucket if delay else ON_TIME
    look = next_check_date(order, order.told, as_of, policy, calendar)
    bad = change_of(delay, policy) if delay else None
    if delay and bad and not get_bucket(stands, policy).notify:
        return Assessment(stands, look, delay, no_notice_reason=f"the policy does not tell bucket {stands}")
    found = (bad, delay) if delay and bad else good_news(order, as_of, policy, calendar)
    if found is None:
        return Assessment(stands, look, delay, no_notice_reason=KNOWS if delay else "")
    heard = order.told if order.told and not order.told.assumed else None
    free = heard and heard.told_on + timedelta(days=policy.contact.minimum_gap_days)
    if free and free > as_of:
        return Assessment(
            stands, min(look, free), delay, no_notice_reason=f"told less than the minimum gap ago, may again {free}"
        )
    plan = _plan(order, *found, policy)
    return Assessment(
        stands, next_check_date(order, last_notice_after(plan, policy), as_of, policy, calendar), delay, plan
    )


def _plan(order: OrderFacts, found: ChangeKind, delay: Delay, policy: Policy) -> Plan:
    return Plan(
        delay=delay,
        change=found,
        message=_message(found, delay, policy),
        revision=order.revision + 1,
        contacts=(),
        why=f"{describe(delay)}: {WHY[found]}",
        told_date=lapsed_date(delay, policy) if found in (*RENEWED, ChangeKind.READY) else None,
    )


def _message(found: ChangeKind, delay: Delay, policy: Policy) -> str:
    if found in GOOD_CHANGES:
        return GOOD_NEWS
    if found is ChangeKind.DATED:
        return NEW_DATE
    return LATE_AGAIN if found in RENEWED else get_bucket(delay.bucket, policy).words


def last_notice_after(plan: Plan, policy: Policy) -> LastNotice:
    """Return what the customer knows once a plan's words have reached them."""
    return LastNotice(plan.revision, plan.delay.as_of, told_lines(plan.delay, policy), plan.delay.order.customer.id)


def is_reachable(contacts: tuple[Contact, ...]) -> bool:
    """Say whether any contact can be used."""
    return any(contact.skip is None for contact in contacts)


def get_bucket(name: str, policy: Policy) -> Bucket:
    """Return the policy's bucket of a name."""
    return next(bucket for bucket in policy.bucket if bucket.name == name)


def bucket_of(plan: Plan, policy: Policy) -> Bucket:
    """Return the bucket by whose channels a plan is told: good news and first dates go by those of the worst told."""
    if plan.change not in WITHOUT_OFFER:
        return get_bucket(plan.delay.bucket, policy)
    told = {one.bucket for one in plan.delay.order.told.lines} if plan.delay.order.told else set()
    return next((bucket for bucket in reversed(policy.bucket) if bucket.name in told), policy.bucket[0])


def shows_offer(plan: Plan, policy: Policy, country: str) -> bool:
    """Say whether a service mail may carry the offer itself (CRD and PECR want marketing consent for it)."""
    customer = plan.delay.order.customer
    return customer.marketing_consent or (customer.country or country) not in policy.contact.offer_needs_consent


def describe(delay: Delay) -> str:
    """Say a delay as staff would: days, dates, bucket."""
    latest = max(delay.late, key=lambda one: one.days)
    when = f"now expected {delay.expected_on}" if delay.expected_on else "no date known"
    days = counted(delay.days, "day") if delay.days else "not"
    promise = f"promised to {latest.line.promise} by {latest.line.promised_on}"
    return f"{days} late ({promise}, {when}), bucket {delay.bucket}"
