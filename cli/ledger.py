"""Commands that show, create and adopt a ledger."""

import sys
from typing import Annotated

import typer

from app.composition import open_app, read_settings
from app.ledger import CreateLedger, adopt_ledger, ledger_owner, open_ledger
from cli import console as printing
from cli.options import Json, Shop, Who
from models.config.shop import read_shop
from models.errors import ForewarnError, NoLedger
from tasks.db.sql import read_only

ledger = typer.Typer(no_args_is_help=True, help="Show, create, check or adopt a ledger.")
checks = typer.Typer(no_args_is_help=True, help="Checks that change nothing.")


@checks.command("ledger")
@ledger.command()
def check(shop: Shop = None, *, json: Json = False) -> None:
    """Check that the ledger's states, references and counters agree. Fails, and says where, if they do not."""
    from tasks.reporting.check_ledger import INVARIANTS, check_ledger

    with (
        open_app(shop, create=CreateLedger.NEVER) as app,
        printing.progress("Checking", quiet=json),
        read_only(app.context.engine) as connection,
    ):
        violations = check_ledger(connection)
    if json:
        printing.print_json({"violations": violations})
    elif not violations:
        printing.out.print(f"The ledger is consistent: it keeps all {len(INVARIANTS) + 2} rules.")
    for violation in () if json else violations:
        examples = ", ".join(violation.examples)
        printing.out.print(f"Broken {violation.count:,} times: {violation.rule}. See {examples}", markup=False)
    if violations:
        raise typer.Exit(1)


@ledger.command()
def show(shop: Shop = None, *, json: Json = False) -> None:
    """Show where the ledger is and which shop owns it, even if that is another shop."""
    settings = read_settings({"shop": shop})
    folder = read_shop(settings.shop)
    where, owner = ledger_owner(settings, folder)
    if json:
        printing.print_json({"ledger": where, "owner": owner})
        return
    printing.print_pairs([("Ledger", where), ("Belongs to", str(owner or "nobody known, until a command opens it"))])


@ledger.command()
def create(shop: Shop = None) -> None:
    """Create a new ledger at the place in the settings. Fails if one exists there."""
    settings = read_settings({"shop": shop})
    folder = read_shop(settings.shop)
    try:
        where, _ = ledger_owner(settings, folder)
    except NoLedger:
        open_ledger(settings, folder, CreateLedger.ANYWHERE).dispose()
        return
    raise ForewarnError(f"there is a ledger at {where} already; nothing was changed")


@ledger.command()
def adopt(
    who: Who,
    shop: Shop = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Make this shop the ledger's owner, after a new name, folder or id. All records stay."""
    settings = read_settings({"shop": shop})
    folder = read_shop(settings.shop)
    where, before = ledger_owner(settings, folder)
    if before == folder.identity:
        printing.out.print(f"The ledger at {where} already belongs to {before}.", markup=False)
        return
    change = f"at {where} goes from {before or 'nobody known'} to {folder.identity}"
    if not yes:
        if not sys.stdin.isatty():
            raise ForewarnError(f"no terminal to ask whether the ledger {change}: add --yes")
        typer.confirm(f"The ledger {change}, with its orders and what was told of them. Is that right?", abort=True)
    adopt_ledger(settings, folder, who)
    printing.out.print(f"The ledger now belongs to {folder.identity}.", markup=False)
