"""What to do about one order on one day."""

from datetime import date, timedelta

from models.decisions import Contact, Delay, Plan, Verdict
from models.enums import GOOD, OFFERLESS, News
from models.orders import OrderFacts, Told
from models.policy.policy import CLOSED, FUTURE, GOOD_NEWS, LATE_AGAIN, NEW_DATE, ON_TIME, Bucket, Policy
from rules.delays.delays import broken_date, delay_of, news, open_lines, told_lines
from rules.delays.good_news import good_news
from rules.delays.schedule import NEVER, next_look
from rules.delays.working_days import Calendar

KNOWS = "the customer was told"
"""Why nothing is said of a delay that is no news."""
RENEWED = (News.SLIPPED, News.PASSED)
WHY = {
    News.FIRST: "first notice",
    News.WORSE: "worse than the bucket told before",
    News.SLIPPED: "the date told before has slipped",
    News.PASSED: "the date told before has passed",
    News.ANOTHER: "another line is late that was not told before",
    News.READY: "what was told to be late is there and can go",
    News.EARLIER: "expected earlier than the date told before",
    News.DATED: "a date is known, where none was told before",
}


def judge(order: OrderFacts, as_of: date, policy: Policy, calendar: Calendar) -> Verdict:
    """Say where an order stands on a day, when to look at it again, and what is news about it.

    The plan, where there is one, still lacks its contacts and remedies: those need more than the order.
    """
    if order.placed_on > as_of:
        return Verdict(FUTURE, order.placed_on)
    if not open_lines(order, as_of):
        return Verdict(CLOSED, NEVER)
    if order.unpaid:
        return Verdict(ON_TIME, NEVER, quiet="it waits for its payment")
    delay = delay_of(order, as_of, policy, calendar)
    stands = delay.bucket if delay else ON_TIME
    look = next_look(order, order.told, as_of, policy, calendar)
    bad = news(delay, policy) if delay else None
    if delay and bad and not bucket_named(stands, policy).notify:
        return Verdict(stands, look, delay, quiet=f"the policy does not tell bucket {stands}")
    found = (bad, delay) if delay and bad else good_news(order, as_of, policy, calendar)
    if found is None:
        return Verdict(stands, look, delay, quiet=KNOWS if delay else "")
    heard = order.told if order.told and not order.told.assumed else None
    free = heard and heard.told_on + timedelta(days=policy.contact.minimum_gap_days)
    if free and free > as_of:
        return Verdict(stands, min(look, free), delay, quiet=f"told less than the minimum gap ago, may again {free}")
    plan = _plan(order, *found, policy)
    return Verdict(stands, next_look(order, told_by(plan, policy), as_of, policy, calendar), delay, plan)


def _plan(order: OrderFacts, found: News, delay: Delay, policy: Policy) -> Plan:
    return Plan(
        delay=delay,
        news=found,
        message=_message(found, delay, policy),
        revision=order.revision + 1,
        contacts=(),
        why=f"{describe(delay)}: {WHY[found]}",
        told_date=broken_date(delay, policy) if found in (*RENEWED, News.READY) else None,
    )


def _message(found: News, delay: Delay, policy: Policy) -> str:
    if found in GOOD:
        return GOOD_NEWS
    if found is News.DATED:
        return NEW_DATE
    return LATE_AGAIN if found in RENEWED else bucket_named(delay.bucket, policy).words


def told_by(plan: Plan, policy: Policy) -> Told:
    """Return what the customer knows once a plan's words have reached them."""
    return Told(plan.revision, plan.delay.as_of, told_lines(plan.delay, policy), plan.delay.order.customer.id)


def tells(contacts: tuple[Contact, ...]) -> bool:
    """Say whether any contact can be used."""
    return any(contact.skip is None for contact in contacts)


def bucket_named(name: str, policy: Policy) -> Bucket:
    """Return the policy's bucket of a name."""
    return next(bucket for bucket in policy.bucket if bucket.name == name)


def bucket_of(plan: Plan, policy: Policy) -> Bucket:
    """Return the bucket by whose channels a plan is told: good news and first dates go by those of the worst told."""
    if plan.news not in OFFERLESS:
        return bucket_named(plan.delay.bucket, policy)
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
    days = "1 day" if delay.days == 1 else f"{delay.days} days" if delay.days else "not"
    promise = f"promised to {latest.line.promise} by {latest.line.promised_on}"
    return f"{days} late ({promise}, {when}), bucket {delay.bucket}"
