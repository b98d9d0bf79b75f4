"""The buckets of policy.toml: which one a delay belongs to, and how bad it is."""

import math
from bisect import bisect_right

from models.policy.policy import ON_TIME, Bucket, Policy


def bucket_for_days(days_late: int, policy: Policy) -> Bucket | None:
    """Return the bucket for so many days late: the last one whose `from_days` is reached. None below the first."""
    return next((bucket for bucket in reversed(policy.bucket) if days_late >= bucket.from_days), None)


def get_bucket(name: str, policy: Policy) -> Bucket:
    """Return the policy's bucket of this name; raises StopIteration where it has none."""
    return next(bucket for bucket in policy.bucket if bucket.name == name)


def severity(bucket: str, policy: Policy) -> float:
    """Return the rank of a bucket's name, 0 for on time, higher for a longer delay.

    A bucket that the policy does not have any more is the worst: its delay was long enough to communicate.
    """
    names = [ON_TIME, *(bucket.name for bucket in policy.bucket)]
    return names.index(bucket) if bucket in names else math.inf


def days_group(days_late: int, policy: Policy) -> str:
    """Return the days of the bucket that so many days late are in, as `8 to 14`; empty below the first."""
    starts = [bucket.from_days for bucket in policy.bucket]
    reached = bisect_right(starts, days_late)
    if not reached:
        return ""
    first, following = starts[reached - 1], starts[reached:]
    if not following:
        return f"{first} or more"
    return str(first) if following[0] == first + 1 else f"{first} to {following[0] - 1}"
