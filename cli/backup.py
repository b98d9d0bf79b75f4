"""`forewarn backup` and `forewarn restore`: copy the ledger while it is in use, and bring it back safely."""

import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.composition import open_app
from app.ledger import CreateLedger
from cli import console as printing
from cli.options import Json, Shop, Who
from models.errors import ForewarnError
from models.quantities import counted

if TYPE_CHECKING:
    from tasks.guardrails.restored import RestoredSummary

MOMENT = "%Y-%m-%d %H:%M"
File = Annotated[Path, typer.Argument(help="the backup")]
Yes = Annotated[bool, typer.Option("--yes", help="do not ask")]


def backup(file: File, shop: Shop = None, *, json: Json = False) -> None:
    """Copy the ledger to a file that does not exist yet. Everything may run meanwhile."""
    from app.backup import back_up

    where = back_up(shop, file)
    if json:
        printing.print_json({"ledger": where, "backup": str(file), "bytes": file.stat().st_size})
        return
    printing.out.print(f"Backed up {where} to {file} ({file.stat().st_size / 1024**2:.1f} MB).", markup=False)


def restore(
    who: Who,
    file: Annotated[Path | None, typer.Argument(help="the backup; none with --over")] = None,
    shop: Shop = None,
    *,
    snapshot: Annotated[
        datetime | None,
        typer.Option(
            "--from-snapshot", formats=[MOMENT], help="the database was put back by its own means, as of then (UTC)"
        ),
    ] = None,
    over: Annotated[bool, typer.Option("--over", help="say that all runs since the restore are decided on")] = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Put a backup in the ledger's place, so that nothing is sent before its provider was asked whether it has it.

    Stop the worker, `deliver --watch` and `serve` first.
    """
    from app.backup import make_safe
    from app.backup import restore as put_back

    if over:
        _end(shop, who)
        return
    if snapshot is not None:
        _show(*make_safe(shop, snapshot.replace(tzinfo=UTC), who), json=json)
        return
    if file is None:
        raise ForewarnError("name the backup, as in `forewarn restore forewarn-2025-11-24.backup`")
    if not yes:
        if not sys.stdin.isatty():
            raise ForewarnError("no terminal to ask whether the ledger may be replaced: add --yes")
        typer.confirm("The ledger is replaced. Are the worker, `deliver --watch` and `serve` stopped?", abort=True)
    _show(*put_back(shop, file, who), json=json)


def _show(where: str, summary: "RestoredSummary", *, json: bool) -> None:
    if json:
        printing.print_json({"ledger": where, **asdict(summary)})
        return
    printing.print_pairs(
        [
            ("Restored", f"{where}, as of {summary.taken_at:%Y-%m-%d %H:%M} UTC"),
            ("In doubt", f"{counted(summary.in_doubt, 'message')} that waited then; their providers are asked"),
            ("Look at", f"{counted(summary.unreachable, 'message')} that had failed; no second way is tried"),
            *(("Held", f"run {run[:8]}: drop it if it was released since") for run in summary.held_runs),
            ("Next", "start everything; each run waits for `forewarn release`, and is asked about before it leaves"),
            ("At the end", "`forewarn restore --over`, and `forewarn supervision off`"),
        ]
    )


def _end(shop: Path | None, who: str) -> None:
    from tasks.guardrails.restored import end_restored

    with open_app(shop, create=CreateLedger.NEVER) as app, app.context.engine.begin() as connection:
        end_restored(connection, datetime.now(UTC), who)
    printing.out.print("Released runs leave again without asking their providers first.")
