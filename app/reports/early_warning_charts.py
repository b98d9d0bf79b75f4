"""Draw what was said of late orders and what came."""

from collections.abc import Sequence
from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from app.reports.stock_chart import AXIS, BACKGROUND, TEXT
from rules.early_warning.drift import OFF_POINTS, Compared

GRID, SAID, CAME, NEAR = "#e4e0d6", "#d99a2b", "#3b6ea5", "#e8eef5"
MONTHS_SHOWN = 13
ALL_CASES = 400
"""A point of so many forecasts, or more, has its full size."""


def draw_compared(tenths: Sequence[Compared], months: Sequence[Compared]) -> bytes:
    """Return a PNG: a point for each tenth of what was said, and two columns for each month."""
    figure = Figure(figsize=(9, 3.8), facecolor=BACKGROUND, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    draw_tenths(left, tenths)
    _draw_months(right, months[-MONTHS_SHOWN:])
    for axes in (left, right):
        style(axes)
    out = BytesIO()
    figure.savefig(out, format="png", dpi=110, pil_kwargs={"optimize": True})
    return out.getvalue()


def draw_tenths(axes: Axes, tenths: Sequence[Compared], label: str = "came late") -> None:
    """Draw what came against what was said, with the band in which it may be off."""
    axes.fill_between([0, 100], [-OFF_POINTS, 100 - OFF_POINTS], [OFF_POINTS, 100 + OFF_POINTS], color=NEAR)
    axes.plot([0, 100], [0, 100], color=AXIS, linewidth=0.9, linestyle=":")
    sizes = [20 + 120 * min(1, row.cases / ALL_CASES) for row in tenths]
    axes.scatter(
        [100 * row.said for row in tenths], [100 * row.came for row in tenths], s=sizes, color=CAME, label=label
    )
    axes.set(xlim=(0, 100), ylim=(0, 100), xlabel="said, in 100", ylabel="came late, in 100")


def _draw_months(axes: Axes, months: Sequence[Compared]) -> None:
    at = range(len(months))
    axes.bar([n - 0.2 for n in at], [100 * row.said for row in months], width=0.38, color=SAID, label="said")
    axes.bar([n + 0.2 for n in at], [100 * row.came for row in months], width=0.38, color=CAME, label="came late")
    step = 1 if len(months) <= 6 else 2
    axes.set_xticks(list(at)[::step], [row.key for row in months][::step], rotation=35, ha="right")
    axes.set(ylim=(0, 100), ylabel="in 100 forecasts")
    axes.legend(frameon=False, labelcolor=TEXT, fontsize=9, loc="upper right", ncols=2)


def style(axes: Axes) -> None:
    """Give a picture the look of the other ones."""
    axes.set_facecolor(BACKGROUND)
    axes.grid(color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(colors=TEXT, length=0, labelsize=9)
    for text in (axes.xaxis.label, axes.yaxis.label):
        text.set_color(TEXT)
        text.set_fontsize(9.5)
    for spine in axes.spines.values():
        spine.set_visible(False)
