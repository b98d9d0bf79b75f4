"""Draw what can be had by warning, and whether what was said came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from benchmarks.warning_scores import LEAST_CASES, RuleScore, TenthScore, WarningScores, on_last_morning

OURS, OTHERS, LINE = "tab:red", "tab:gray", "tab:blue"


@dataclass(frozen=True, slots=True)
class Mark:
    """The name of a rule in the picture, and where it stands from its point."""

    name: str
    right: int
    up: int


SWEEP = tuple(n / 100 for n in range(20, 72, 2))


def draw_warnings(scores: WarningScores, rules: Mapping[str, RuleScore], marks: Mapping[str, Mark], to: Path) -> None:
    """Draw the frontier of the day before with each rule, and the calibration; `marks` name the rules."""
    figure = Figure(figsize=(13, 5), layout="constrained")
    frontier, calibration = figure.subplots(1, 2)
    _frontier(frontier, scores, rules, marks)
    _calibration(calibration, scores.tenths(arrived_only=False))
    for axes in (frontier, calibration):
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8, loc="lower right")
    to.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(to, dpi=80, metadata={"Software": None})


def _frontier(axes: Axes, scores: WarningScores, rules: Mapping[str, RuleScore], marks: Mapping[str, Mark]) -> None:
    sweep = [scores.rule("", on_last_morning(scores.foretold, least)) for least in SWEEP]
    points = [(each.came[0].value, each.told.value) for each in sweep if each.warned]
    axes.plot(*zip(*points, strict=True), color=LINE, linewidth=1.5, label="the day before, by likelihood")
    for name, mark in marks.items():
        rule = rules[name]
        x, y, ours = rule.came[0], rule.told, mark.name.startswith("Forewarn")
        colour = OURS if ours else OTHERS
        axes.errorbar(
            x.value, y.value, xerr=[[x.value - x.low], [x.high - x.value]],
            yerr=[[y.value - y.low], [y.high - y.value]],
            fmt="s" if ours else "o", markersize=5, color=colour, elinewidth=0.7,
        )  # fmt: skip
        axes.annotate(
            mark.name, (x.value, y.value), (mark.right, mark.up), textcoords="offset points", fontsize=8, color=colour
        )
    axes.set(xlim=(0, 1), ylim=(0, 1.1), title="Late orders told before the promised day")
    axes.set_xlabel("of those warned: came by the promised day")


def _calibration(axes: Axes, tenths: Sequence[TenthScore]) -> None:
    axes.fill_between([0, 1], [-0.1, 0.9], [0.1, 1.1], color=LINE, alpha=0.08, linewidth=0)
    axes.plot([0, 1], [0, 1], color="black", linewidth=0.8, linestyle=":", label="as said")
    for many, label in ((True, f"{LEAST_CASES} forecasts or more"), (False, "fewer")):
        rows = [each for each in tenths if (each.cases >= LEAST_CASES) is many]
        values = [each.came.value for each in rows]
        error = [
            [each.came.value - each.came.low for each in rows],
            [each.came.high - each.came.value for each in rows],
        ]
        axes.errorbar(
            [each.said for each in rows], values, yerr=error, fmt="o", markersize=5 if many else 3, elinewidth=0.8,
            color=LINE if many else OTHERS, label=label,
        )  # fmt: skip
    axes.set(xlim=(0, 1), ylim=(0, 1.04), title="Said and came, 1 to 5 days before the promise")
    axes.set_xlabel("said to end late")
