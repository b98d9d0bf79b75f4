"""Write counts in words; `status` starts sooner without all that a run's report imports."""

from collections.abc import Mapping

from models.policy.policy import ON_TIME, Policy


def by_delay(orders: Mapping[str, int], policy: Policy) -> dict[str, int]:
    """Return the counts of late orders by bucket, the shortest delay first; without those on time."""
    names = [bucket.name for bucket in policy.bucket]
    late = sorted(set(orders) - {ON_TIME}, key=lambda name: (names.index(name) if name in names else -1, name))
    return {name: orders[name] for name in late if orders[name]}


def counted(counts: Mapping[str, int], nothing: str = "none") -> str:
    """Return counts as `3 week, 2 long`, without zeros; `nothing` where none is left."""
    return ", ".join(f"{n} {name}" for name, n in counts.items() if n) or nothing
