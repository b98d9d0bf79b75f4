"""Draw how often forecasts were kept."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from benchmarks.forecast_replay import Method, Stage
from benchmarks.forecast_scores import PROBABILITIES, Scores

STAGE_COLOURS = {Stage.BOUGHT: "tab:blue", Stage.HANDED: "tab:orange", Stage.WEEKLY: "tab:green"}
METHOD_COLOURS = {Method.VENDOR: "tab:gray", Method.LEGS: "tab:blue"}


def draw(scores: Scores, to: Path) -> None:
    """Draw what was kept, by probability and by month, and who was warned."""
    figure = Figure(figsize=(12, 3.8), layout="constrained")
    for axes, panel in zip(figure.subplots(1, 3), (_kept, _months, _warned), strict=True):
        panel(axes, scores)
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.set_ylim(0, 1.02)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8, loc="center left" if panel is _warned else "lower right")
    to.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(to, dpi=80, metadata={"Software": None})


def _kept(axes: Axes, scores: Scores) -> None:
    axes.plot([0, 1], [0, 1], color="black", linewidth=0.8, linestyle=":", label="as forecast")
    for stage, colour in STAGE_COLOURS.items():
        axes.plot(scores.shares, scores.kept(stage, Method.LEGS), "o-", markersize=3, color=colour, label=stage)
    axes.set_xlim(0, 1.02)
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.set(title="Dates kept, by legs", xlabel="probability of the date")


def _months(axes: Axes, scores: Scores) -> None:
    months = scores.months(Method.LEGS)
    _, quantile, _ = scores.shown
    axes.axhline(quantile, color="black", linewidth=0.8, linestyle=":", label=f"{quantile:.0%}, as forecast")
    axes.plot(
        [f"{month.month:%m/%y}" for month in months], [month.kept for month in months], "o-", markersize=3, label="kept"
    )
    axes.set_xticks(range(0, len(months), 3))
    axes.set(title="The first date kept, by legs", xlabel="month of the order")


def _warned(axes: Axes, scores: Scores) -> None:
    _, shown, _ = scores.shown
    for method, colour in METHOD_COLOURS.items():
        warned = [scores.warned(method, probability) for probability in PROBABILITIES]
        axes.plot([each.false for each in warned], [each.of_late for each in warned], color=colour, label=method)
        for probability, mark in ((shown, "s"), (0.5, "o")):
            at_probability = scores.warned(method, probability)
            label = f"at {probability:.0%}" if method is Method.LEGS else None
            axes.plot(at_probability.false, at_probability.of_late, mark, color=colour, markersize=6)
            axes.annotate(
                label or "", (at_probability.false, at_probability.of_late), (7, -12), textcoords="offset points"
            )
    axes.set_xlim(0, 1.02)
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.set(
        title="Late orders warned of before the promise", xlabel=f"warned of, and less than {scores.late} days late"
    )
