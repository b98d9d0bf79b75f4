"""Write counts in words; `status` starts sooner without all that a run's report imports."""

from collections.abc import Mapping

from models.policy.policy import MAY_BE_LATE, ON_TIME, Bucket, Policy


def by_delay(orders: Mapping[str, int], policy: Policy) -> dict[str, int]:
    """Return the counts of late orders by bucket, the shortest delay first; without those not known to be late."""
    names = [bucket.name for bucket in policy.bucket]
    known = set(orders) - {ON_TIME, MAY_BE_LATE}
    late = sorted(known, key=lambda name: (names.index(name) if name in names else -1, name))
    return {name: orders[name] for name in late if orders[name]}


def days_late(bucket: Bucket, policy: Policy) -> str:
    """Return which delays a bucket is for, as `4 to 7 days late`."""
    later = [each.from_days for each in policy.bucket if each.from_days > bucket.from_days]
    if not later:
        return f"{bucket.from_days} days late or more"
    last = min(later) - 1
    return f"{bucket.from_days} days late" if last == bucket.from_days else f"{bucket.from_days} to {last} days late"


def by_days(counts: Mapping[str, int], policy: Policy) -> dict[str, int]:
    """Return counts of late orders with words in place of the policy's names, as `by 4 to 7 days`."""
    words = {bucket.name: f"by {days_late(bucket, policy).replace(' late', '')}" for bucket in policy.bucket}
    return {words.get(name, name.replace("_", " ")): n for name, n in by_delay(counts, policy).items()}


def changes_in_words(changes: Mapping[str, int], policy: Policy) -> dict[str, int]:
    """Return what customers have to be told, as `of a delay by 4 to 7 days`; good news last."""
    delays = {f"of a delay {late}": n for late, n in by_days(changes, policy).items()}
    others = {"of a likely delay": changes.get(MAY_BE_LATE, 0), "of good news": changes.get(ON_TIME, 0)}
    return delays | {words: n for words, n in others.items() if n}


def counted(counts: Mapping[str, int], nothing: str = "none") -> str:
    """Return counts as `3 week, 2 long`, without zeros; `nothing` where none is left."""
    return ", ".join(f"{n} {name}" for name, n in counts.items() if n) or nothing
