"""Measure Forewarn on this machine: `python -m benchmarks [--quick] [--against COMMIT] [--json FILE] [NAME ...]`."""

import json
import os
import platform
import sqlite3
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.asked import Asked
from benchmarks.fresh import workplace
from benchmarks.runs import COMPARED, QUICK, RUNS, SIZES, Row
from benchmarks.tables import markdown

err = Console(stderr=True, highlight=False)


def main(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help=", ".join(RUNS))] = None,
    to: Annotated[Path | None, typer.Option("--json", help="also write what was measured to this file")] = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="COMMIT", help=f"measure this commit's own code in turn with ours: {', '.join(COMPARED)}"),
    ] = None,
    *,
    quick: Annotated[bool, typer.Option("--quick", help="one round of the smaller sizes")] = False,
) -> None:
    """Measure, in temporary folders, and report tables in Markdown; nothing is judged."""
    chosen = names or list(RUNS)
    if unknown := set(chosen) - RUNS.keys():
        raise typer.BadParameter(f"{unknown.pop()!r} is not measured; {', '.join(RUNS)} are")
    machine = _machine()
    typer.echo(", ".join(f"{name} {said}" for name, said in machine.items()))
    found: dict[str, list[Row]] = {}
    file = to and to.resolve()
    with workplace() as folder:
        for name in chosen:
            sizes = (QUICK if quick else SIZES)[name]
            found[name] = _measured(name, Asked(folder / name, sizes, quick, against if name in COMPARED else None))
            typer.echo(f"\n{name}\n\n{markdown(found[name])}")
            if file:
                file.write_text(json.dumps({"machine": machine, **found}, indent=2) + "\n")


def _measured(name: str, asked: Asked) -> list[Row]:
    rows: list[Row] = []
    with err.status(name) as status:
        for row in RUNS[name](asked):
            rows.append(row)
            status.update(f"{name}: {len(rows)} rows")
    return rows


def _machine() -> dict[str, str]:
    cores = f"{os.cpu_count()} cores"
    return {"Python": platform.python_version(), "SQLite": sqlite3.sqlite_version, platform.system(): cores}


if __name__ == "__main__":
    typer.run(main)
