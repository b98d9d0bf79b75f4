"""How a command ends, for scripts: 0 where all is well."""

import typer

from models.report import Report

WAITS = 3
"""The exit code of a run that waits for a person: it is held, or a channel is not live."""


def fail_if_not_ok(report: Report) -> None:
    """End the command with a code of its own where its run is held, or something went wrong."""
    if report.held and not report.dry_run:
        raise typer.Exit(WAITS)
    if not report.ok:
        raise typer.Exit(1)
    if report.not_live:
        raise typer.Exit(WAITS)
