"""A chart of the most urgent products: the available pieces of each, as a share of its reorder point."""

from collections.abc import Sequence
from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from tasks.replenishment.reorder_list import StockPosition
from templates.rendering.names import strip_control_chars, truncate

MAX_NAME_CHARS = 30
BACKGROUND, TEXT, AXIS = "#fbfaf7", "#2b2a27", "#77736a"
REORDER_POINT, AVAILABLE, BELOW_SAFETY, SAFETY_STOCK = "#e4e0d6", "#3b6ea5", "#b5472f", "#d99a2b"
"""The chart has its own background, so that it is readable on a light page and on a dark one."""
MIN_SHARE = -0.3
"""The lowest share drawn where open lines need more than there is; the figure beside the bar is exact."""


def draw_chart(positions: Sequence[StockPosition]) -> bytes:
    """Return a PNG with a bar for each product, the first on top."""
    figure = Figure(figsize=(9, 1.3 + 0.34 * len(positions)), facecolor=BACKGROUND, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(facecolor=BACKGROUND)
    for y, position in enumerate(positions):
        _draw_bar(axes, y, position)
    names = [truncate(strip_control_chars(position.name), MAX_NAME_CHARS) for position in positions]
    axes.set_yticks(range(len(positions)), names)
    axes.set_xticks([0, 1], ["none", "reorder point"])
    axes.set_xlim(MIN_SHARE - 0.02, 1.55)
    axes.set_ylim(len(positions) - 0.4, -0.6)
    axes.tick_params(colors=TEXT, length=0, labelsize=10)
    axes.axvline(0, color=AXIS, linewidth=0.8)
    for side in axes.spines.values():
        side.set_visible(False)
    figure.legend(handles=_legend(), loc="outside upper left", ncols=4, frameon=False, labelcolor=TEXT, fontsize=9.5)
    out = BytesIO()
    figure.savefig(out, format="png", dpi=100, pil_kwargs={"optimize": True})
    return out.getvalue()


def _draw_bar(axes: Axes, y: int, position: StockPosition) -> None:
    level = position.level
    reorder_point = float(max(level.reorder_point, 1))
    safety = float(level.safety_stock) / reorder_point
    axes.barh(y, 1, height=0.62, color=REORDER_POINT)
    axes.barh(y, max(MIN_SHARE, float(level.available) / reorder_point), height=0.62, color=_colour(position))
    axes.plot([safety, safety], [y - 0.31, y + 0.31], color=SAFETY_STOCK, linewidth=2.5, solid_capstyle="butt")
    figures = f"{level.available:,} of {level.reorder_point:,}, order {level.order_quantity:,}"
    axes.text(1.03, y, figures.replace("-", "−"), va="center", color=TEXT, fontsize=9.5)


def _colour(position: StockPosition) -> str:
    return BELOW_SAFETY if position.level.available < position.level.safety_stock else AVAILABLE


def _legend() -> list[Patch | Line2D]:
    return [
        Patch(color=AVAILABLE, label="available"),
        Patch(color=BELOW_SAFETY, label="available, below the safety stock"),
        Line2D([], [], color=SAFETY_STOCK, linewidth=2.5, label="safety stock"),
        Patch(color=REORDER_POINT, label="up to the reorder point"),
    ]
