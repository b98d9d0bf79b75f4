"""What messages led to, on the desk: by days late, over the weeks, and in trials of two wordings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from threading import Thread

from starlette.responses import Response

from models.policy.policy import GOOD_NEWS, LATE_AGAIN, MAY_BE_LATE, NEW_DATE, Policy
from models.quantities import counted
from models.results import ResultCost, ResultRow, Results, WeekInTime
from models.staff import Right
from rules.experiments.compare import load_statistics
from tasks.csv_files import csv_text
from tasks.desk.results import load_daily_results, load_experiments, load_results
from web.staff.addresses import desk_address
from web.staff.desk import Desk, StaffRoute
from web.staff.periods import asked_period, counted_days
from web.staff.result_words import (
    DEFINITIONS,
    FEW,
    TrialView,
    days_words,
    kept_words,
    message_words,
    money_words,
    percent_of,
    share_words,
    trial_view,
)
from web.staff.visit import Visit

DEFAULT_DAYS = 90
PERIODS = (("Last 28 days", 28), ("Last 90 days", 90), ("Last year", 365))
DAY_COLUMNS = ("day", "days_late", "message", "number", "which", "value")
TRIAL_COLUMNS = ("trial", "wording", "customers", "waited", "cancelled", "answered", "redeemed")
TEMPLATE_PAGE = "/templates/{message}"
LINE_WIDTH, LINE_HEIGHT = 600, 80


@dataclass(frozen=True, slots=True)
class Cell:
    """A number in a table, with a bar where there are enough cases."""

    text: str
    percent: int | None = None
    more: str = ""


@dataclass(frozen=True, slots=True)
class RowView:
    """What messages about delays of so many days led to."""

    name: str
    told: str
    reached: Cell
    answered: Cell
    waited: Cell
    swapped: Cell
    cancelled: Cell
    codes: str
    redeemed: Cell
    at_most: str
    taken_off: str
    messages: str


@dataclass(frozen=True, slots=True)
class LineView:
    """The weeks of a period as one line, and in words."""

    parts: tuple[str, ...]
    """The points of each stretch of weeks with enough cases."""
    dots: tuple[tuple[str, str], ...]
    label: str
    total: str
    first: str
    last: str
    weeks: tuple[tuple[str, str], ...]


def routes(desk: Desk) -> Sequence[StaffRoute]:
    """Return the pages about results."""
    if desk.context.policy.experiment:
        # Importing scipy takes a second or two, which nobody should wait for in front of a page.
        Thread(target=load_statistics, daemon=True).start()
    return [
        StaffRoute("/results", Right.SEE, show),
        StaffRoute("/results/days.csv", Right.SEE, download_days),
        StaffRoute("/results/trials.csv", Right.SEE, download_trials),
    ]


def show(visit: Visit) -> Response:
    """Return the results of a period."""
    policy, message = visit.context.policy, visit.query("message")
    first, last, form = asked_period(visit, DEFAULT_DAYS)
    with visit.reading() as connection:
        results = load_results(policy, connection, first, last, message)
        known = _known_messages(policy, results)
        if message and message not in known:
            form.wrong("message", "There is no such message; all are shown.")
            message, results = "", load_results(policy, connection, first, last)
        experiments = load_experiments(connection, policy.experiment)
    trials = [trial_view(policy, one, visit.today, visit.day(one.experiment.ends)) for one in experiments]
    period = {"from": first.isoformat(), "to": last.isoformat(), "message": message}
    return visit.page(
        "desk/results.html",
        title="Results",
        form=form,
        heading=f"Results, {visit.day(first)} to {visit.day(last)}",
        first=period["from"],
        last=period["to"],
        message=message,
        messages=[("", "All messages"), *((one, message_words(policy, one)) for one in known)],
        periods=[(name, _last_days(visit.today, days, message)) for name, days in PERIODS],
        counted=visit.full_moment(results.counted_at) if results.counted_at else "",
        days=counted_days(results.days, results.first, results.last),
        rows=[_row_view(policy, row) for row in (*results.rows, *([results.total] if len(results.rows) > 1 else []))],
        kept=[(days_words(policy, bucket), counted(n, "message")) for bucket, n in results.kept],
        kept_words=kept_words(results),
        notes=_notes(results.total),
        line=_line(visit, results.weeks) if results.total.told else None,
        trials=[(trial, *_template_addresses(visit, trial)) for trial in trials],
        definitions=DEFINITIONS,
        file=desk_address("results", "days.csv", **period),
        trial_file=desk_address("results", "trials.csv"),
    )


def download_days(visit: Visit) -> Response:
    """Return the numbers of each day of a period as CSV."""
    first, last, _ = asked_period(visit, DEFAULT_DAYS)
    policy = visit.context.policy
    with visit.reading() as connection:
        daily = load_daily_results(connection, first, last, visit.query("message"))
    rows = [(day, days_words(policy, bucket), *rest) for day, bucket, *rest in daily]
    return _csv(DAY_COLUMNS, rows, f"results-{first}-{last}.csv")


def download_trials(visit: Visit) -> Response:
    """Return what each trial counted as CSV."""
    with visit.reading() as connection:
        found = load_experiments(connection, visit.context.policy.experiment)
    arms = [(one.experiment.name, letter, arm) for one in found for letter, arm in (("A", one.a), ("B", one.b))]
    rows = [
        (name, letter, arm.customers, arm.waited, arm.cancelled, arm.answered, arm.redeemed)
        for name, letter, arm in arms
    ]
    return _csv(TRIAL_COLUMNS, rows, "trials.csv")


def _csv(columns: Sequence[str], rows: Sequence[Sequence[object]], name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(csv_text(columns, rows), media_type="text/csv; charset=utf-8", headers=headers)


def _last_days(today: date, days: int, message: str) -> str:
    first = today - timedelta(days=days - 1)
    return desk_address("results", **{"from": first.isoformat(), "to": today.isoformat(), "message": message})


def _known_messages(policy: Policy, results: Results) -> list[str]:
    """Return the messages of the policy, and those that left in the period."""
    own = [bucket.words for bucket in policy.bucket if bucket.notify]
    return list(dict.fromkeys((*own, LATE_AGAIN, NEW_DATE, GOOD_NEWS, MAY_BE_LATE, *results.messages)))


def _template_addresses(visit: Visit, trial: TrialView) -> tuple[str, str]:
    """Return where a trial's second wording is, and where it becomes the message's; empty without an editor."""
    if not any(route.path == TEMPLATE_PAGE for route in visit.desk.routes):
        return "", ""
    use = desk_address("templates", trial.message, wording=trial.wording)
    return desk_address("templates", trial.wording), use


def _cell(count: int, of: int, more: str = "") -> Cell:
    return Cell(share_words(count, of), percent_of(count / of) if of >= FEW else None, more)


def _row_view(policy: Policy, row: ResultRow) -> RowView:
    return RowView(
        name=days_words(policy, row.bucket),
        told=f"{row.told:,}",
        reached=_cell(row.reached, row.told, _parts((row.no_word, "sent, no word"), (row.came_back, "came back"))),
        answered=_cell(
            row.answered,
            row.told,
            _parts((row.shipped, "had what is ready sent"), (row.took_discount, "took the discount")),
        ),
        waited=_cell(row.waited, row.told),
        swapped=_cell(row.swapped, row.told),
        cancelled=_cell(row.cancelled, row.told),
        codes=f"{row.codes:,}" if row.codes else "none",
        redeemed=_cell(row.redeemed, row.codes, _parts((row.uses - row.redeemed, "used again"))),
        at_most=money_words(row.cost.codes_at_most) or "none",
        taken_off=money_words(row.cost.redeemed) or ("not known" if row.cost.unknown else "none"),
        messages=_message_cost(row.cost),
    )


def _parts(*numbers: tuple[int, str]) -> str:
    return ", ".join(f"{n:,} {what}" for n, what in numbers if n > 0)


def _message_cost(cost: ResultCost) -> str:
    if not cost.messages:
        return "not set" if cost.unpriced else "none"
    without = f", without {counted(cost.unpriced, 'message')} whose price is not set" if cost.unpriced else ""
    return money_words(cost.messages) + without


def _notes(total: ResultRow) -> list[str]:
    """Return what a reader must know of the numbers of codes."""
    notes = []
    if total.expired:
        notes.append(f"{counted(total.expired, 'use')} of codes came after they had expired.")
    if total.cost.unknown:
        notes.append(f"Of {counted(total.cost.unknown, 'use')} the shop's export does not say what was taken off.")
    if total.codes and not total.uses:
        notes.append("No code was reported as used. The shop's export of used codes is redemptions.sql.")
    if total.cost.unpriced:
        notes.append(f"The price of {counted(total.cost.unpriced, 'message')} is not set in the policy, [costs].")
    return notes


def _line(visit: Visit, weeks: Sequence[WeekInTime]) -> LineView:
    step = LINE_WIDTH / max(1, len(weeks) - 1)
    parts: list[list[str]] = [[]]
    dots = []
    for n, week in enumerate(weeks):
        if week.first < FEW:
            parts.append([])
            continue
        x, y = f"{n * step:.0f}", f"{LINE_HEIGHT * (1 - week.in_time / week.first):.0f}"
        parts[-1].append(f"{x},{y}")
        dots.append((x, y))
    words = [(f"Week of {visit.day(week.monday)}", share_words(week.in_time, week.first)) for week in weeks]
    in_all = share_words(sum(week.in_time for week in weeks), sum(week.first for week in weeks))
    return LineView(
        tuple(" ".join(part) for part in parts if len(part) > 1),
        tuple(dots),
        f"Told before the promised day, by week: {in_all} in all",
        f"{in_all} of the first messages about a delay left before the day that was promised.",
        visit.day(weeks[0].monday),
        visit.day(weeks[-1].monday),
        tuple(words),
    )
