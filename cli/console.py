"""Print lines for people, JSON for scripts, and progress on a terminal only."""

import dataclasses
import io
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from app.safe_text import escape_control
from models.batches import Progress, no_progress
from models.run_report import Report


class Terminal(Console):
    """A console that escapes control characters and markup of foreign text."""

    def render_str(self, text: str, **how: Any) -> Text:
        """Return a string as rich text. Every string passes here, also the cells of a table."""
        return super().render_str(escape_control(text), **how)


out = Terminal(highlight=False, soft_wrap=True)
err = Terminal(stderr=True, highlight=False, soft_wrap=True)
UNLIMITED = 100_000
"""Columns of a table that no terminal shows."""
SILENCE_SECONDS = 2.0
"""Seconds without output before progress is shown on a terminal."""


def print_json(data: Any) -> None:
    """Print one JSON object."""
    sys.stdout.write(escape_control(json.dumps(data, default=plain, ensure_ascii=False, indent=2)) + "\n")


def plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def print_pairs(pairs: Iterable[tuple[str, str]]) -> None:
    """Print labels and values, one pair a line."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in pairs:
        grid.add_row(escape(label), escape(value))
    _print_columns(grid)


def print_table(rows: Sequence[Mapping[str, Any]], *, nothing: str) -> None:
    """Print mappings as a table."""
    if not rows:
        out.print(nothing)
        return
    shown = Table(box=None, header_style="bold", pad_edge=False)
    for name in rows[0]:
        zone = " (UTC)" if any(isinstance(row[name], datetime) for row in rows) else ""
        shown.add_column(str(name).replace("_", " ") + zone, overflow="fold")
    for row in rows:
        shown.add_row(*(escape(format_value(value)) for value in row.values()))
    _print_columns(shown)


def _print_columns(table: Table) -> None:
    """Print a table within the terminal's width. A file and a program get each row in one line, without padding."""
    if out.is_terminal or "COLUMNS" in os.environ:
        out.print(table)
        return
    whole = Terminal(file=io.StringIO(), width=UNLIMITED, highlight=False, soft_wrap=True)
    with whole.capture() as printed:
        whole.print(table)
    sys.stdout.write("\n".join(line.rstrip() for line in printed.get().split("\n")))


def print_runs(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print runs, each with the beginning of its id, by which commands take it."""
    shown = [{"run": row["id"][:8]} | {name: value for name, value in row.items() if name != "id"} for row in rows]
    print_table(shown, nothing="No run yet: `forewarn run --import` makes the first.")


def format_value(value: Any) -> str:
    """Return a value as the text of a cell."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, list | tuple):
        return ", ".join(map(format_value, value))
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


@contextmanager
def progress(doing: str, *, quiet: bool) -> Iterator[Progress]:
    """Show the progress of a long command on a terminal; print nothing for scripts."""
    if quiet or not err.is_terminal:
        yield no_progress
        return
    begun = time.monotonic()
    with err.status(doing) as status:

        def progress(what: str, n: int) -> None:
            if time.monotonic() - begun > SILENCE_SECONDS / 4:
                status.update(f"{doing}: {n:,} {what}")

        yield progress


EXIT_WAITING = 3
"""The exit code of a run that needs a person: it is held, or a channel is not live."""


def fail_if_not_ok(report: Report) -> None:
    """Exit with 3 if the run is held or a channel is not live, and with 1 if the run had problems."""
    if report.held and not report.dry_run:
        raise typer.Exit(EXIT_WAITING)
    if not report.ok:
        raise typer.Exit(1)
    if report.not_live:
        raise typer.Exit(EXIT_WAITING)
