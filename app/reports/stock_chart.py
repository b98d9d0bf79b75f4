"""A picture of the most urgent products: what is available of each, as a share of its reorder point."""

from collections.abc import Sequence
from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from tasks.replenishment.reorder_list import StockPosition
from templates.rendering.names import strip_control_chars, truncate

NAME_SHOWN = 30
PAPER, INK, QUIET = "#fbfaf7", "#2b2a27", "#77736a"
FULL, ENOUGH, SHORT, SAFE = "#e4e0d6", "#3b6ea5", "#b5472f", "#d99a2b"
"""The picture brings its own paper, so that it reads on a light page and on a dark one."""
LEAST = -0.3
"""How far a bar goes to the left where more is wanted than there is; the figure beside it is exact."""


def draw_chart(positions: Sequence[StockPosition]) -> bytes:
    """Return a PNG of a bar a product, the first on top."""
    figure = Figure(figsize=(9, 1.3 + 0.34 * len(positions)), facecolor=PAPER, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(facecolor=PAPER)
    for place, one in enumerate(positions):
        _bar(axes, place, one)
    axes.set_yticks(range(len(positions)), [truncate(strip_control_chars(one.name), NAME_SHOWN) for one in positions])
    axes.set_xticks([0, 1], ["none", "reorder point"])
    axes.set_xlim(LEAST - 0.02, 1.55)
    axes.set_ylim(len(positions) - 0.4, -0.6)
    axes.tick_params(colors=INK, length=0, labelsize=10)
    axes.axvline(0, color=QUIET, linewidth=0.8)
    for side in axes.spines.values():
        side.set_visible(False)
    figure.legend(handles=_legend(), loc="outside upper left", ncols=4, frameon=False, labelcolor=INK, fontsize=9.5)
    out = BytesIO()
    figure.savefig(out, format="png", dpi=100, pil_kwargs={"optimize": True})
    return out.getvalue()


def _bar(axes: Axes, place: int, position: StockPosition) -> None:
    level = position.level
    full = float(max(level.reorder_point, 1))
    safe = float(level.safety_stock) / full
    axes.barh(place, 1, height=0.62, color=FULL)
    axes.barh(place, max(LEAST, float(level.available) / full), height=0.62, color=_colour(position))
    axes.plot([safe, safe], [place - 0.31, place + 0.31], color=SAFE, linewidth=2.5, solid_capstyle="butt")
    said = f"{level.available:,} of {level.reorder_point:,}, order {level.order_quantity:,}"
    axes.text(1.03, place, said.replace("-", "−"), va="center", color=INK, fontsize=9.5)


def _colour(position: StockPosition) -> str:
    return SHORT if position.level.available < position.level.safety_stock else ENOUGH


def _legend() -> list[Patch | Line2D]:
    return [
        Patch(color=ENOUGH, label="available"),
        Patch(color=SHORT, label="available, below the safety stock"),
        Line2D([], [], color=SAFE, linewidth=2.5, label="safety stock"),
        Patch(color=FULL, label="up to the reorder point"),
    ]
