"""Show the promise clock's duties by deadline: rows for a terminal, and a page. They name no customer."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from app.safe_text import markdown_cell, markdown_table
from tasks.promise_clock.duties import LineDuty
from tasks.promise_clock.walk import Missed

MAX_ROWS = 200
COLUMNS = ("deadline", "days_left", "act_by", "order", "line", "country", "what")


def duty_row(duty: LineDuty, today: date) -> dict[str, Any]:
    """Return a duty's values by COLUMNS."""
    values = (
        duty.deadline,
        duty.days_left(today),
        duty.act_by_from(today),
        duty.order,
        duty.line,
        duty.country,
        duty.what,
    )
    return dict(zip(COLUMNS, values, strict=True))


def clock_markdown(
    shop: str, today: date, duties: Sequence[LineDuty], warnings: Sequence[LineDuty], missed: Sequence[Missed]
) -> str:
    """Return the page of a day: what was missed, what staff are warned of, and every duty by its deadline."""
    parts = [f"# {markdown_cell(shop)}: legal deadlines on {today:%A, %d %B %Y}\n"]
    if missed:
        rows = [(markdown_cell(one.order), markdown_cell(one.line), markdown_cell(one.what)) for one in missed]
        parts.append(f"## Missed since the last run\n\n{markdown_table(('order', 'line', 'what'), rows[:MAX_ROWS])}")
    if warnings:
        parts.append(f"## Coming up\n\n{_table(warnings, today)}")
    parts.append(f"## Open, by deadline: {len(duties):,}\n\n{_table(duties, today)}")
    return "\n".join(parts)


def _table(duties: Sequence[LineDuty], today: date) -> str:
    rows = [[markdown_cell(_shown(value)) for value in duty_row(duty, today).values()] for duty in duties[:MAX_ROWS]]
    more = f"\n{len(duties) - MAX_ROWS:,} more.\n" if len(duties) > MAX_ROWS else ""
    return markdown_table([column.replace("_", " ") for column in COLUMNS], rows) + more


def _shown(value: object) -> str:
    return "–" if value is None else str(value)
