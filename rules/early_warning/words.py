"""Say in words why an order is likely to end late, or is not."""

from collections.abc import Callable, Sequence

from models.early_warning import OpenOrder, Term
from models.quantities import counted
from rules.early_warning.features import Rows

LEAST_POINTS = 1.0
"""Points of 100 below which a reason is not named."""

Words = Callable[[Rows, int, OpenOrder], str]


def _days(n: float) -> str:
    return counted(round(n), "day")


def _in_100(rows: Rows, name: str, at: int) -> str:
    return f"{round(100 * float(rows.known[name][at]))} in 100"


def _place(order: OpenOrder) -> str:
    return order.region or order.country or "all"


def _time(rows: Rows, at: int, order: OpenOrder) -> str:  # noqa: ARG001 - one shape for all reasons
    left = int(rows.working_days_before[at])
    return f"{counted(left, 'working day')} up to the promise"


def _size(rows: Rows, at: int, order: OpenOrder) -> str:  # noqa: ARG001 - one shape for all reasons
    return f"{counted(order.pieces, 'piece')} in {counted(order.lines, 'line')}"


def _way(rows: Rows, at: int, order: OpenOrder) -> str:
    if rows.handed[at]:
        usual = round(float(rows.known["usual_lane"][at]))
        return (
            f"{_days(rows.carrier_days[at])} with the carrier, usual for {_place(order)}: {usual}{_shipped(rows, at)}"
        )
    since = f"{_days(int(rows.days[at] - rows.orders.placed[at]))} since the order"
    if rows.orders.is_ship[at] or not rows.has_ship_by[at]:
        return f"not shipped {since}"
    overdue = int(rows.overdue_days[at])
    due = f"due {_days(overdue)} ago" if overdue > 0 else f"due in {_days(-overdue)}" if overdue else "due today"
    return f"not shipped {since}, {due}"


def _shipped(rows: Rows, at: int) -> str:
    days = int(rows.handed_late_days[at])
    if days == 0:
        return ""
    return f", shipped {_days(abs(days))} {'after' if days > 0 else 'before'} it was due"


def _season(rows: Rows, at: int, order: OpenOrder) -> str:  # noqa: ARG001 - one shape for all reasons
    return f"{_in_100(rows, 'late_30', at)} orders due lately were late, in the year {_in_100(rows, 'late_year', at)}"


def _pace(rows: Rows, at: int, order: OpenOrder) -> str:
    pace = float(rows.known["place_pace"][at])
    change = round(100 * abs(pace - 1))
    where = f" to {order.region}" if order.region else ""
    return f"{change} % {'fewer' if pace < 1 else 'more'} orders{where} end than expected these weeks"


def _scan(rows: Rows, at: int, order: OpenOrder) -> str:
    if not rows.has_scan[at]:
        return "no scan of the carrier"
    status = f" ({order.scan_status})" if order.scan_status else ""
    return f"no scan for {_days(rows.scanless_days[at])}{status}"


def _group(name: str, of: Callable[[OpenOrder], str], all_of: str) -> Words:
    return lambda rows, at, order: f"{of(order)}: {_in_100(rows, name, at)} late, of all {_in_100(rows, all_of, at)}"


REASONS: dict[str, Words] = {
    "time": _time,
    "size": _size,
    "way": _way,
    "place": _group("place_out", lambda order: f"still out for {_place(order)} the day before", "out_year"),
    "season": _season,
    "pace": _pace,
    "carrier": _group(
        "carrier_out", lambda order: f"still out with {order.carrier or 'it'} the day before", "out_year"
    ),
    "vendor": _group("vendor_late", lambda order: f"vendor {order.vendor or 'not known'}", "late_year"),
    "scan": _scan,
}
"""The words of each reason that features are parts of."""


def terms(order: OpenOrder, rows: Rows, at: int, points: Sequence[tuple[str, float]]) -> tuple[Term, ...]:
    """Return the reasons of one order's likelihood that matter, the largest first."""
    named = [(name, value) for name, value in points if abs(value) >= LEAST_POINTS]
    named.sort(key=lambda each: (-abs(each[1]), each[0]))
    return tuple(Term(name, REASONS[name](rows, at, order), round(value, 1)) for name, value in named)
