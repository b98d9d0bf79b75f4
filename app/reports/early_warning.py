"""Report what was learnt of late orders: how likely they are, and how far earlier forecasts were off."""

import base64

from app.reports.early_warning_charts import draw_compared
from app.safe_text import markdown_cell, markdown_table
from models.early_warning import Source
from rules.early_warning.drift import LEAST_ORDERS, OFF_POINTS, WINDOW_DAYS, Compared
from rules.early_warning.model import MIN_ARRIVED, MIN_LATE
from tasks.early_warning.learn import Learnt

DECIDES = {
    Source.MODEL: "The model decides.",
    Source.AGE: f"How long orders usually take decides: the model needs {MIN_LATE} late orders.",
    Source.BASE_RATE: "How many orders were late in the last 90 days decides, until what the model says holds again.",
}


def learnt_sentence(learnt: Learnt) -> str:
    """Return in a sentence or two what was learnt, what decides, and how far it was off."""
    if learnt.source is None:
        return f"{learnt.arrived:,} orders have arrived: from {MIN_ARRIVED} on it is foretold which may be late."
    learnt_from = (
        f"Of {learnt.orders:,} past orders {learnt.late:,} ended {learnt.late_days} or more days late; "
        f"{learnt.foretold:,} open ones were foretold."
    )
    return f"{learnt_from} {DECIDES[Source(learnt.source)]} {off_sentence(learnt.drift.off_points)}"


def off_sentence(off_points: float | None) -> str:
    """Return how far what was said lately was off."""
    if off_points is None:
        return f"Fewer than {LEAST_ORDERS} orders ended in the last {WINDOW_DAYS} days of which something was said."
    more = "more" if off_points > 0 else "fewer"
    off = f"In the last {WINDOW_DAYS} days {abs(off_points):.0f} in 100 {more} late orders were foretold than came"
    return f"{off}: too far off." if abs(off_points) > OFF_POINTS else f"{off}."


def drift_markdown(off_points: float | None, *, drifted: bool) -> str:
    """Return for the digest that what was said of late orders was too far off; empty where it holds."""
    if not drifted:
        return ""
    return f"\n## How likely orders are late\n\n{off_sentence(off_points)} {DECIDES[Source.BASE_RATE]}\n"


def learnt_markdown(shop: str, learnt: Learnt) -> str:
    """Return the page of a morning: what was learnt, and what was said and came by tenth and by month."""
    page = (
        f"# {markdown_cell(shop)}: how likely orders are late, {learnt.as_of:%d %B %Y}\n\n{learnt_sentence(learnt)}\n"
    )
    if not learnt.tenths:
        return f"{page}\nWhat was said and what came follows as soon as orders have ended that were foretold.\n"
    words = "each point is a tenth of what was said, and each column a month"
    picture = base64.b64encode(draw_compared(learnt.tenths, learnt.months)).decode()
    return (
        f"{page}\n![What was said and what came: {words}](data:image/png;base64,{picture})\n"
        f"\n## By what was said\n\n{_table('said, in 100', learnt.tenths)}"
        f"\n## By month\n\n{_table('month', learnt.months)}"
    )


def _table(first: str, rows: list[Compared]) -> str:
    header = (first, "said on average", "came late", "off by", "forecasts", "orders")
    cells = (
        (
            row.key,
            f"{100 * row.said:.0f}",
            f"{100 * row.came:.0f}",
            f"{row.off:+.0f}",
            f"{row.cases:,}",
            f"{row.orders:,}",
        )
        for row in rows
    )
    return markdown_table(header, cells)
