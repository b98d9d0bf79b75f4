"""Print what warnings would have done to past orders, beside other rules."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.bootstrap import Measured
from benchmarks.forecast_orders import Bought
from benchmarks.forecast_replay import Method, mornings
from benchmarks.forecast_scores import Scores
from benchmarks.warning_picture import Mark, draw_warnings
from benchmarks.warning_replay import Foretold, foretell
from benchmarks.warning_scores import (
    WORTHS,
    RuleScore,
    TenthScore,
    WarningScores,
    all_out,
    first_warnings,
    least_by_cost,
    on_last_morning,
)
from models.policy.policy import Policy

OURS = "Forewarn"
WIDTH = 150
"""Characters of a line: intervals need more than a terminal has where there is none."""
ALL_OUT, DAY_BEFORE = "all still out, the day before", "Forewarn, the day before only"
RULES = {
    OURS: Mark("Forewarn", 8, -13),
    DAY_BEFORE: Mark("Forewarn,\nday before", -58, -16),
    ALL_OUT: Mark("all, 1 day before", -34, 8),
    "all still out, 2 days before": Mark("all, 2 days before", -4, 8),
    "80 % date, this vendor": Mark("80 % date, vendor", -14, 8),
    "80 % date, by legs": Mark("80 % date, legs", -30, -16),
    "50 % date, this vendor": Mark("50 % date, vendor", 8, -12),
    "50 % date, by legs": Mark("50 % date, legs", 8, -12),
}
"""The rules that are compared, with what the picture has room for."""
IDEAL = "who knows the end"


def by_cost(worth: int) -> str:
    """Return the name of the rule that warns on the day before where it pays at 1 : `worth`."""
    return f"the day before, by cost 1 : {worth}"


def measure_warnings(
    orders: Sequence[Bought], dates: Scores, policy: Policy, console: Console
) -> tuple[WarningScores, dict[str, RuleScore]]:
    """Replay the product's warnings, and score them beside other rules."""
    foretold: list[Foretold] = []
    replayed = foretell(orders, policy)
    for found in track(replayed, "warnings", mornings(orders) + 1, console=console, transient=True):
        foretold += found
    arrived = [order for order in orders if order.id in dates.days_late]
    scores = WarningScores(arrived, foretold, policy.warning.late_days)
    return scores, _rules(scores, dates, arrived, policy)


def _rules(scores: WarningScores, dates: Scores, arrived: Sequence[Bought], policy: Policy) -> dict[str, RuleScore]:
    foretold, likely = scores.foretold, policy.warning.likely / 100
    by_date = {
        f"{share:.0%}".replace("%", " %") + f" date, {method}": dates.first_warnings(method, share)
        for share in (0.8, 0.5)
        for method in (Method.VENDOR, Method.LEGS)
    }
    late = {order.id for order in arrived if (order.days_late or 0) >= scores.late_days}
    first = {
        OURS: first_warnings(foretold),
        DAY_BEFORE: on_last_morning(foretold, likely),
        ALL_OUT: all_out(foretold, 1),
        "all still out, 2 days before": all_out(foretold, 2),
        **{by_cost(worth): on_last_morning(foretold, least_by_cost(worth)) for worth in WORTHS},
        **by_date,
        IDEAL: dict.fromkeys(late, 1),
    }
    return {name: scores.rule(name, warned) for name, warned in first.items()}


def show_warnings(scores: WarningScores, rules: Mapping[str, RuleScore], picture: Path, out: Console) -> None:
    """Print the tables, and draw the picture."""
    late = scores.late_days
    heads = (
        "warned",
        "told of the late",
        "came by the promise",
        "by +1",
        f"by +{late - 1}",
        "told 2 days before",
        "lead",
    )
    table = _table(f"warned of before the promise, of orders {late} or more days late", "rule", *heads)
    for rule in rules.values():
        shares = (rule.told, *rule.came.values(), rule.early)
        table.add_row(rule.rule, f"{rule.warned:,}", *map(_share, shares), f"{rule.lead:.1f}")
    out.print("", table, width=WIDTH, crop=False)

    table = _table("worth, in needless apologies", "rule", *(f"1:{gain}" for gain in WORTHS))
    for rule in rules.values():
        table.add_row(rule.rule, *(_worth(worth) for worth in rule.worth.values()))
    out.print("", table, width=WIDTH, crop=False)

    measured = ("orders", "late", "AUC", "Brier skill", "log loss", "of the base rate")
    table = _table("likelihoods by day before the promise", "days before", *measured)
    for row in scores.mornings():
        measures = (_number(row.auc, 2), _number(row.skill, 2), _number(row.log_loss, 2), f"{row.base_log_loss:.2f}")
        table.add_row(f"{row.before}", f"{row.cases:,}", f"{row.late:,}", *measures)
    out.print("", table, width=WIDTH, crop=False)

    for title, arrived_only in (("all orders", False), ("only those that arrived", True)):
        table = _table(f"said and came: {title}", "said", "came", "off by", "forecasts")
        for tenth in scores.tenths(arrived_only=arrived_only):
            off = f"{100 * (tenth.said - tenth.came.value):+.0f}"
            table.add_row(f"{tenth.said:.0%}", _share(tenth.came), off, f"{tenth.cases:,}")
        out.print("", table, width=WIDTH, crop=False)
    draw_warnings(scores, rules, RULES, picture)
    out.print(f"\nThe chart of warnings is {picture}.", soft_wrap=True)


def warnings_data(scores: WarningScores, rules: Mapping[str, RuleScore]) -> dict[str, object]:
    """Return all that was measured as data."""
    tenths: dict[str, list[TenthScore]] = {
        name: scores.tenths(arrived_only=only) for name, only in (("all", False), ("arrived", True))
    }
    sources: dict[str, int] = {}
    for each in scores.foretold:
        sources[each.source] = sources.get(each.source, 0) + 1
    return {
        "late": scores.late,
        "sources": sources,
        "rules": [asdict(rule) for rule in rules.values()],
        "mornings": [asdict(row) for row in scores.mornings()],
        "tenths": {name: [asdict(row) for row in rows] for name, rows in tenths.items()},
    }


def _share(measured: Measured) -> str:
    return f"{100 * measured.value:.1f} % [{100 * measured.low:.0f}-{100 * measured.high:.0f}]"


def _worth(measured: Measured) -> str:
    return f"{measured.value:+,.0f} [{measured.low:+,.0f} to {measured.high:+,.0f}]"


def _number(measured: Measured, digits: int) -> str:
    return f"{measured.value:.{digits + 1}f} [{measured.low:.{digits}f}-{measured.high:.{digits}f}]"


def _table(title: str, first: str, *heads: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, header_style="bold", pad_edge=False)
    table.add_column(first, no_wrap=True)
    for head in heads:
        table.add_column(head, justify="right")
    return table
