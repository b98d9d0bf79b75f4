"""`forewarn reasons`: why deliveries, products, vendors and order lines are late."""

from typing import Annotated, Any

import typer

from app.composition import open_app
from app.ledger import CreateLedger
from cli import console as printing
from cli.options import Json, Shop, Who, now_of
from models.reasons import SCOPE_NAMES, DelayReason, ReasonScope
from rules.delays.reasons import ReasonKey
from tasks.db.sql import read_only

reasons = typer.Typer(no_args_is_help=True, help="Why something is late, as customers read it.")
Line = Annotated[str | None, typer.Option(help="an order line, as 1041/2")]
Delivery = Annotated[str | None, typer.Option(help="a delivery's id: for the lines that wait for it")]
Product = Annotated[str | None, typer.Option(help="a product's id")]
Vendor = Annotated[str | None, typer.Option(help="a vendor's id")]


def _subject(*given_by_scope: str | None) -> ReasonKey:
    given = dict(zip(ReasonScope, given_by_scope, strict=True))
    subjects = [(scope, subject) for scope, subject in given.items() if subject is not None]
    if len(subjects) != 1:
        raise typer.BadParameter("give one of --line, --delivery, --product and --vendor")
    return subjects[0]


def _texts(texts: list[str]) -> dict[str, str]:
    from templates.rendering.formats import parse_locale

    found = {}
    for text in texts:
        language, _, words = text.partition("=")
        locale = parse_locale(language.strip())
        if locale is None or not words.strip():
            raise typer.BadParameter(f'{text!r} is not a text; write a language and its words, as en="a machine broke"')
        found[str(locale)] = words.strip().rstrip(".")
    return found


@reasons.command("set")
def set_one(
    code: Annotated[str, typer.Argument(help="the reason's code: `forewarn reasons codes` lists them")],
    who: Who,
    line: Line = None,
    delivery: Delivery = None,
    product: Product = None,
    vendor: Vendor = None,
    text: Annotated[list[str], typer.Option(help='own words in a language, as en="a machine broke"')] = [],  # noqa: B006
    shop: Shop = None,
) -> None:
    """Give the reason why something is late. It is part of messages from now on; nobody is told again because of it."""
    from tasks.orders.staff_reasons import set_reason

    scope, subject = _subject(line, delivery, product, vendor)
    with open_app(shop, create=CreateLedger.NEVER) as app:
        rechecked = set_reason(now_of(app), (scope, subject), DelayReason(code, _texts(text)), who)
    printing.out.print(f"Set for {SCOPE_NAMES[scope]} {subject}: {code}.{_rechecked(rechecked)}", markup=False)


@reasons.command()
def clear(
    who: Who,
    line: Line = None,
    delivery: Delivery = None,
    product: Product = None,
    vendor: Vendor = None,
    shop: Shop = None,
) -> None:
    """Clear a reason that staff gave."""
    from tasks.orders.staff_reasons import clear_reason

    scope, subject = _subject(line, delivery, product, vendor)
    with open_app(shop, create=CreateLedger.NEVER) as app:
        rechecked = clear_reason(now_of(app), (scope, subject), who)
    printing.out.print(f"Cleared for {SCOPE_NAMES[scope]} {subject}.{_rechecked(rechecked)}", markup=False)


@reasons.command("list")
def list_them(shop: Shop = None, *, json: Json = False) -> None:
    """Show the reasons that staff gave, newest first."""
    from tasks.orders.staff_reasons import list_reasons

    with open_app(shop, create=CreateLedger.NEVER) as app, read_only(app.context.engine) as connection:
        found = list_reasons(connection)
    if json:
        printing.print_json({"reasons": found})
    else:
        printing.print_table([_shown(row) for row in found], nothing="Staff gave no reason.")


@reasons.command()
def codes(shop: Shop = None, *, json: Json = False) -> None:
    """Show the codes of reasons, and what customers read in each language."""
    with open_app(shop, create=CreateLedger.NEVER) as app:
        words = app.context.renderer.reasons
    found = [{"code": code} | words.clauses_of(code) for code in words.codes]
    if json:
        printing.print_json({"codes": found})
    else:
        languages = dict.fromkeys(name for row in found for name in row)
        printing.print_table([{name: row.get(name, "") for name in languages} for row in found], nothing="")


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    names = {"scope": SCOPE_NAMES[ReasonScope(row["scope"])]}
    return row | names | {"texts": "; ".join(f"{language}: {text}" for language, text in row["texts"].items())}


def _rechecked(orders: int) -> str:
    return f" Messages of {orders} orders that have not left are written again." if orders else ""
