"""Show what to order, for people: rows for a terminal, a file or a page, and a picture."""

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

SHOWN, DRAWN = 50, 12
NAME_SHOWN = 40
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
MOST = COLUMNS[:-1]
FEW = ("product", "name", "order_now", "available", "reorder_point", "lasts_days")
"""Those that a narrow terminal has room for."""


def row(position: StockPosition) -> dict[str, Any]:
    """Return a product's row, by COLUMNS."""
    level = position.level
    days = days_of_cover(level)
    said = (
        level.product_id,
        position.name,
        *map(as_number, (level.order_quantity, level.available)),
        *map(as_number, (position.on_hand, position.inbound, position.waiting)),
        *map(as_number, (level.safety_stock, level.reorder_point)),
        None if days is None else max(0, round(days)),
        position.next_on,
        position.vendor,
        level.why,
    )
    return dict(zip(COLUMNS, said, strict=True))


def short_row(position: StockPosition, columns: Sequence[str] = MOST) -> dict[str, Any]:
    """Return some columns of a product's row, its name shortened."""
    full = row(position) | {"name": truncate(strip_control_chars(position.name), NAME_SHOWN)}
    return {column: full[column] for column in columns}


def write_sheet(file: Path, positions: Sequence[StockPosition]) -> None:
    """Write every product's row as CSV. Raises ForewarnError where the file cannot be written."""
    write_csv(file, COLUMNS, (row(position).values() for position in positions))


def left_out(unstocked: int) -> str:
    """Return the line that says how many products were not looked at; empty where all were."""
    return f"\n{unstocked:,} left out: the source tells of no stock of them, and of no delivery.\n" if unstocked else ""


def summary(shop: str, as_of: date, products: int, positions: Sequence[StockPosition], unstocked: int = 0) -> str:
    """Return what to order as markdown: a picture of the most urgent products, and a table."""
    head = f"# {markdown_cell(shop)}: what to order, {as_of}\n\n"
    if not positions:
        return f"{head}Of {products:,} products none is to be ordered now.\n{left_out(unstocked)}"
    png = base64.b64encode(draw_chart(positions[:DRAWN])).decode()
    rows = [short_row(one) for one in positions[:SHOWN]]
    names = [name.replace("_", " ") for name in rows[0]]
    table = markdown_table(names, ([_said(value) for value in one.values()] for one in rows))
    more = len(positions) - len(rows)
    return (
        f"{head}{len(positions):,} of {products:,} products have come to their reorder point.\n\n"
        f"![What is available of the most urgent products, and how much should be](data:image/png;base64,{png})\n\n"
        f"{table}"
        + (f"\n{more:,} more: `forewarn stock --csv FILE` writes all of them.\n" if more else "")
        + left_out(unstocked)
    )


def _said(value: Any) -> str:
    return "" if value is None else markdown_cell(str(value))
