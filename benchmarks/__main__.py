"""Measure Forewarn on this machine: `python -m benchmarks [--quick] [--json FILE] [NAME ...]`."""

import json
import os
import platform
import sqlite3
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.fresh import workplace
from benchmarks.runs import QUICK, RUNS, SIZES, Row

WIDE = 120
"""Columns where nobody looks on: all of a table, for a file."""
out = Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)
err = Console(stderr=True, highlight=False)


def main(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help=", ".join(RUNS))] = None,
    to: Annotated[Path | None, typer.Option("--json", help="also write what was measured to this file")] = None,
    *,
    quick: Annotated[bool, typer.Option("--quick", help="leave the largest sizes out")] = False,
) -> None:
    """Measure, in temporary folders, and report; nothing is judged."""
    chosen = names or list(RUNS)
    if unknown := set(chosen) - RUNS.keys():
        raise typer.BadParameter(f"{unknown.pop()!r} is not measured; {', '.join(RUNS)} are")
    machine = _machine()
    out.print(", ".join(f"{name} {said}" for name, said in machine.items()))
    found: dict[str, list[Row]] = {}
    file = to and to.resolve()
    with workplace() as folder:
        for name in chosen:
            found[name] = _measured(name, folder / name, quick=quick)
            _show(name, found[name])
            if file:
                file.write_text(json.dumps({"machine": machine, **found}, indent=2) + "\n")


def _measured(name: str, folder: Path, *, quick: bool) -> list[Row]:
    sizes = (QUICK if quick else SIZES)[name]
    rows: list[Row] = []
    with err.status(f"{name}: {sizes[0]:,}") as status:
        for row, following in zip(RUNS[name](folder, sizes), (*sizes[1:], None), strict=True):
            rows.append(row)
            if following:
                status.update(f"{name}: {following:,}")
    return rows


def _machine() -> dict[str, str]:
    cores = f"{os.cpu_count()} cores"
    return {"Python": platform.python_version(), "SQLite": sqlite3.sqlite_version, platform.system(): cores}


def _show(name: str, rows: list[Row]) -> None:
    table = Table(title=name, title_justify="left", title_style="bold", box=None, header_style="bold", pad_edge=False)
    for head in rows[0]:
        table.add_column(head, justify="right")
    for row in rows:
        table.add_row(*map(_said, row.values()))
    out.print("", table)


def _said(value: float | str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) or value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3f}" if value < 1 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


if __name__ == "__main__":
    typer.run(main)
