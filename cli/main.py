"""The command `forewarn`."""

import asyncio
import errno
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.exc import DBAPIError

from app.composition import open_app
from app.ledger import CreateLedger
from app.safe_text import escape_control
from cli import alerts as cli_alerts
from cli import allocation as cli_allocation
from cli import backup as cli_backup
from cli import callbacks as cli_callbacks
from cli import choices as cli_choices
from cli import console as printing
from cli import evidence as cli_evidence
from cli import explain as cli_explain
from cli import going_live as cli_going_live
from cli import in_doubt as cli_in_doubt
from cli import learn as cli_learn
from cli import ledger as cli_ledger
from cli import links as cli_links
from cli import posts as cli_posts
from cli import privacy as cli_privacy
from cli import promise_clock as cli_promise_clock
from cli import reasons as cli_reasons
from cli import restock as cli_restock
from cli import results as cli_results
from cli import retention as cli_retention
from cli import runs as cli_runs
from cli import send_again as cli_send_again
from cli import shipments as cli_shipments
from cli import shop as cli_shop
from cli import staff as cli_staff
from cli import stock as cli_stock
from cli import storefront as cli_storefront
from cli import suppressions as cli_suppressions
from cli import vendors as cli_vendors
from cli.console import fail_if_not_ok
from cli.offers import offers
from cli.options import AsOf, Data, Json, Shop, as_date
from cli.renamed_commands import new_name
from cli.run_day import run
from cli.runs import release
from cli.serve import PORT, serve
from cli.status import doctor, status
from models.errors import ForewarnError

command_line = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Tell customers about late orders before they ask, offer a remedy, and never send the same message twice.",
)
BEGIN, DAILY, ONE, WORDS, GOODS, UPKEEP = PARTS = (
    "Begin",
    "Each day",
    "One order, one customer",
    "Words, offers and posts",
    "Goods and vendors",
    "Upkeep",
)
"""The parts of `forewarn --help`, in its order."""
COMMANDS = {
    BEGIN: (run, serve, doctor, cli_shop.preview, cli_going_live.send_test, cli_going_live.go_live),
    DAILY: (status, release),
    ONE: (
        cli_explain.explain,
        cli_evidence.evidence,
        cli_allocation.expect,
        cli_send_again.send_again,
        cli_suppressions.suppress,
        cli_privacy.export,
        cli_privacy.erase,
    ),
    WORDS: (cli_results.results,),
    GOODS: (cli_allocation.allocate, cli_restock.restock, cli_stock.stock, cli_learn.learn),
    UPKEEP: (cli_backup.backup, cli_backup.restore, cli_retention.prune),
}
GROUPS = {
    BEGIN: {"shop": cli_shop.shop, "staff": cli_staff.staff, "ledger": cli_ledger.ledger},
    DAILY: {
        "runs": cli_runs.runs,
        "supervision": cli_going_live.supervision,
        "in-doubt": cli_in_doubt.in_doubt,
        "choices": cli_choices.choices,
        "callbacks": cli_callbacks.callbacks,
        "promise-clock": cli_promise_clock.promise_clock,
    },
    ONE: {"suppressions": cli_suppressions.suppressions, "links": cli_links.links},
    WORDS: {
        "templates": cli_shop.templates,
        "reasons": cli_reasons.reasons,
        "posts": cli_posts.posts,
        "offers": offers,
        "storefront": cli_storefront.storefront,
    },
    GOODS: {"vendors": cli_vendors.vendors, "shipments": cli_shipments.shipments},
    UPKEEP: {"alerts": cli_alerts.alerts, "check": cli_ledger.checks},
}
for part in PARTS:
    for command in COMMANDS[part]:
        command_line.command(rich_help_panel=part)(command)
    for name, group in GROUPS[part].items():
        command_line.add_typer(group, name=name, rich_help_panel=part)


def _print_version(asked: bool) -> None:  # noqa: FBT001 - typer calls it
    if asked:
        printing.out.print(f"forewarn {version('forewarn')}")
        raise typer.Exit


@command_line.callback()
def options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="print the version and exit")
    ] = False,
) -> None:
    """Tell customers about late orders before they ask, offer a remedy, and never send the same message twice."""


@command_line.command("import", rich_help_panel=BEGIN)
def take_in(shop: Shop = None, data: Data = None, as_of: AsOf = None, *, json: Json = False) -> None:
    """Import the shop's facts. Only changes are written; rejected rows go to the rejects file."""
    from dataclasses import asdict

    from app.reports.run import imported, missing
    from tasks.imports.load import import_all
    from tasks.runs.records import last_run_date

    with (
        open_app(shop, data=data, create=CreateLedger.ANYWHERE) as app,
        printing.progress("Importing", quiet=json) as progress,
    ):
        day = as_date(as_of) or last_run_date(app.context.engine)
        with app.source() as source:
            counts = import_all(
                app.context.engine, source, day, app.rejects, progress=progress, erasure_key=app.context.erasure_key
            )
            excluded = {rows.reason: rows.count for rows in source.excluded()}
        rejects = str(app.rejects) if any(stats.rejected for stats in counts.values()) else None
    if json:
        named = {"missing": list(counts.missing)}
        printing.print_json({"imported": counts, "excluded": excluded, "rejects": rejects} | named)
    else:
        pairs = [(table, imported(asdict(stats))) for table, stats in counts.items()]
        pairs += [(label.lower(), value) for label, value in missing(counts.missing, counts["orders"].missing)]
        pairs += [("excluded", f"{n:,} {reason}") for reason, n in excluded.items()]
        pairs += [("rejects", rejects)] if rejects else []
        printing.print_pairs(pairs)
    if unread := [table for table, stats in counts.items() if stats.read and stats.rejected == stats.read]:
        raise ForewarnError(
            f"every row of {', '.join(unread)} was rejected; {rejects} names each value and what is right"
        )


@command_line.command(rich_help_panel=DAILY)
def deliver(
    shop: Shop = None,
    as_of: AsOf = None,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="stay, and send what becomes due until stopped")] = False,
    json: Json = False,
) -> None:
    """Send the messages that are due, each once."""
    from app.reports.run import lines
    from flows.deliver import run_deliver

    if watch:
        if as_of is not None or json:
            raise ForewarnError("--watch sends what becomes due today, and reports line by line: leave the rest out")
        from cli.deliver_watch import watch_deliveries

        watch_deliveries(shop)
        return
    with open_app(shop) as app, printing.progress("Sending", quiet=json) as progress:
        report = asyncio.run(run_deliver(app, as_date(as_of), progress=progress))
    if json:
        printing.print_json(report)
    else:
        printing.print_pairs(lines(report))
    fail_if_not_ok(report)


@command_line.command(rich_help_panel=BEGIN)
def demo(
    into: Annotated[Path, typer.Option(help="folder for the sample shop and its state")] = Path("demo"),
    orders: Annotated[int, typer.Option(min=1, help="number of orders in the shop")] = 400,
    seed: Annotated[int, typer.Option(help="seed of the random data")] = 7,
    as_of: AsOf = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="port of the links in its messages")] = PORT,
    *,
    serve: Annotated[
        bool,
        typer.Option("--serve", help="serve its order pages, shop, outbox and desk; make it if there is none"),
    ] = False,
) -> None:
    """Make a sample shop and run one day of it, without an account or a server. Nothing leaves this machine."""
    from cli.demo import is_demo, run_demo

    if not (serve and is_demo(into)):
        run_demo(into, orders, seed, as_date(as_of), port)
    if serve:
        from cli.demo_site import serve_demo

        serve_demo(into.resolve(), port)


FULL = (errno.ENOSPC, errno.EDQUOT)


def main() -> None:
    """Run the command. An error that a person can correct is printed as one sentence, with a non-zero exit code."""
    if renamed := new_name(sys.argv[1:]):
        sys.exit(f"forewarn: {renamed}")
    try:
        command_line()
    except ForewarnError as error:
        sys.exit(escape_control(f"forewarn: {error}"))
    except DBAPIError as error:
        sys.exit(escape_control(f"forewarn: the database did not do it: {str(error.orig).splitlines()[0]}"))
    except RuntimeError as error:
        # Prefect says so of a server that is set and away; any other RuntimeError is a fault of ours and shows itself.
        if "Failed to reach API" not in str(error):
            raise
        sys.exit(f"forewarn: Prefect's server does not answer at {os.environ.get('PREFECT_API_URL')}; start it")
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        if error.errno in FULL:
            place = f" at {error.filename}" if error.filename else ""
            sys.exit(
                escape_control(
                    f"forewarn: the disk is full{place}; make room and run it again: nothing is lost by that"
                )
            )
        # A file or folder that somebody named; any other OSError is a fault of ours and shows itself.
        if error.filename is None:
            raise
        sys.exit(escape_control(f"forewarn: {error.filename}: {error.strerror}"))
