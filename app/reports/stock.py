"""Show what to order: rows for a terminal, a CSV file or a page, and a chart."""

import base64
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from app.reports.stock_chart import draw_chart
from app.safe_text import markdown_cell, markdown_table
from models.quantities import as_number
from rules.replenishment.levels import days_of_cover
from tasks.csv_files import write_csv
from tasks.replenishment.reorder_list import StockPosition
from templates.rendering.names import strip_control_chars, truncate

MAX_ROWS, MAX_BARS = 50, 12
MAX_NAME_CHARS = 40
COLUMNS = (
    "product",
    "name",
    "order_now",
    "available",
    "on_hand",
    "inbound",
    "waiting",
    "safety_stock",
    "reorder_point",
    "lasts_days",
    "next_delivery",
    "vendor",
    "why",
)
WIDE_COLUMNS = COLUMNS[:-1]
NARROW_COLUMNS = ("product", "name", "order_now", "available", "reorder_point", "lasts_days")
"""The columns that a narrow terminal has room for."""


def row(position: StockPosition) -> dict[str, Any]:
    """Return a product's values by COLUMNS."""
    level = position.level
    days = days_of_cover(level)
    values = (
        level.product_id,
        position.name,
        *map(as_number, (level.order_quantity, level.available)),
        *map(as_number, (position.on_hand, position.inbound, position.waiting)),
        *map(as_number, (level.safety_stock, level.reorder_point)),
        None if days is None else max(0, round(days)),
        position.next_delivery_on,
        position.vendor,
        level.why,
    )
    return dict(zip(COLUMNS, values, strict=True))


def short_row(position: StockPosition, columns: Sequence[str] = WIDE_COLUMNS) -> dict[str, Any]:
    """Return some columns of a product's row, with its name truncated."""
    full = row(position) | {"name": truncate(strip_control_chars(position.name), MAX_NAME_CHARS)}
    return {column: full[column] for column in columns}


def write_positions(file: Path, positions: Sequence[StockPosition]) -> None:
    """Write every product's row as CSV. Raises ForewarnError where the file cannot be written."""
    write_csv(file, COLUMNS, (row(position).values() for position in positions))


def unstocked_line(unstocked: int) -> str:
    """Return the line that counts the products left out; empty where there are none."""
    return f"\n{unstocked:,} left out: the shop's data has no stock of them, and no delivery.\n" if unstocked else ""


def summary(shop: str, as_of: date, products: int, positions: Sequence[StockPosition], unstocked: int = 0) -> str:
    """Return what to order as markdown: a chart of the most urgent products, and a table."""
    head = f"# {markdown_cell(shop)}: what to order, {as_of}\n\n"
    if not positions:
        return f"{head}Of {products:,} products none has to be ordered now.\n{unstocked_line(unstocked)}"
    png = base64.b64encode(draw_chart(positions[:MAX_BARS])).decode()
    rows = [short_row(position) for position in positions[:MAX_ROWS]]
    names = [name.replace("_", " ") for name in rows[0]]
    table = markdown_table(names, ([_cell(value) for value in row.values()] for row in rows))
    more = len(positions) - len(rows)
    return (
        f"{head}{len(positions):,} of {products:,} products have reached their reorder point.\n\n"
        f"![What is available of the most urgent products, and how much should be](data:image/png;base64,{png})\n\n"
        f"{table}"
        + (f"\n{more:,} more: `forewarn stock --csv FILE` writes all of them.\n" if more else "")
        + unstocked_line(unstocked)
    )


def _cell(value: Any) -> str:
    return "" if value is None else markdown_cell(str(value))
