"""When a flow is likely to start next, by the rhythm of its last runs: whoever starts them, the records tell."""

from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from sqlalchemy import ColumnElement, Connection, func, select

from tasks.tables import RUNS

STARTS = 8
"""Starts of each flow that are looked at."""
LEAST_GAPS = 3
TOLERANCE = 0.1
"""By how much of itself a gap may differ from the median and count as regular."""


def next_starts(connection: Connection, which: ColumnElement[bool]) -> dict[str, datetime]:
    """Return when each flow of these runs is likely to start next; without those that start at no regular times."""
    place = func.row_number().over(partition_by=RUNS.c.flow, order_by=RUNS.c.number.desc()).label("place")
    ranked = select(RUNS.c.flow, RUNS.c.started_at, place).where(which).subquery()
    query = select(ranked.c.flow, ranked.c.started_at).where(ranked.c.place <= STARTS)
    starts: dict[str, list[datetime]] = {}
    for flow, started_at in connection.execute(query):
        starts.setdefault(flow, []).append(started_at)
    found = {flow: next_start(each) for flow, each in starts.items()}
    return {flow: at for flow, at in found.items() if at is not None}


def next_start(starts: list[datetime]) -> datetime | None:
    """Return when the next start is likely; None where fewer than half of the gaps are about the same."""
    ordered = sorted(starts)
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(ordered)]
    if len(gaps) < LEAST_GAPS:
        return None
    usual = median(gaps)
    regular = sum(abs(gap - usual) <= TOLERANCE * usual for gap in gaps)
    return ordered[-1] + timedelta(seconds=usual) if 2 * regular > len(gaps) else None
