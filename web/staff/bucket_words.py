"""Days late in words, from the policy: a customer's delay is never called by the name of a bucket."""

from collections import Counter

from models.numbers import Share
from models.policy.policy import MAY_BE_LATE, NOT_OPEN, ON_TIME, Policy
from tasks.desk.staff_words import days_range


def days_late_words(policy: Policy, bucket: str) -> str:
    """Return the days late of a bucket, as `4 to 7 days late`; of one that the policy no longer has, that."""
    names = [one.name for one in policy.bucket]
    if not bucket:
        return "Answered without a message"
    if bucket == MAY_BE_LATE:
        return "Warned before it was known"
    if bucket not in names:
        return "Days late of an earlier policy"
    at = names.index(bucket)
    following = policy.bucket[at + 1].from_days if at + 1 < len(names) else None
    return days_range(policy.bucket[at].from_days, following)


def late_orders(orders: Counter[str]) -> Share:
    """Return the open orders that are late, out of all open ones."""
    is_open = {bucket: n for bucket, n in orders.items() if bucket not in NOT_OPEN}
    return Share(sum(n for bucket, n in is_open.items() if bucket != ON_TIME), sum(is_open.values()))
