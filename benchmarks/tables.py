"""Tables of measurements in Markdown, as they stand in docs/performance.md."""

from collections.abc import Mapping, Sequence


def markdown(rows: Sequence[Mapping[str, float | str]]) -> str:
    """Return a table of rows that have the same keys: words to the left, numbers to the right."""
    heads = list(rows[0])
    columns = [_column(head, [row[head] for row in rows]) for head in heads]
    return "\n".join(f"| {' | '.join(line)} |" for line in zip(*columns, strict=True))


def _column(head: str, values: Sequence[float | str]) -> list[str]:
    """Return a column's cells, all of one width, with the rule below its head."""
    words = any(isinstance(value, str) and value for value in values)
    cells = [head, *map(_said, values)]
    width = max(map(len, cells))
    first, *rest = [cell.ljust(width) if words else cell.rjust(width) for cell in cells]
    return [first, "-" * width if words else "-" * (width - 1) + ":", *rest]


def _said(value: float | str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) or value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value else "0"
