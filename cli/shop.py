"""Commands about the shop's folder and its templates."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.clock import make_clock
from app.composition import open_app, open_shop_source, read_settings
from app.ledger import CreateLedger
from cli import console as printing
from cli.options import AsOf, Data, Json, Shop, as_date
from models.config.shop import ShopFolder, read_shop
from models.errors import ForewarnError
from models.messages import Message

if TYPE_CHECKING:
    from sources.check_report import CheckReport

shop = typer.Typer(no_args_is_help=True, help="Make and check a shop's folder.")
templates = typer.Typer(no_args_is_help=True, help="Check message templates before anything is sent.")


@shop.command()
def init(folder: Annotated[Path, typer.Argument(help="folder to make; if it exists, it must be empty")]) -> None:
    """Write a starter folder with comments."""
    from sources.starter_folder import write_starter

    write_starter(folder, make_clock("UTC", None).as_of)
    printing.out.print(f"{folder} is ready: edit shop.toml, point sources/*.sql at your data, then run", markup=False)
    printing.out.print(f"  forewarn shop check --shop {folder}", markup=False)


@shop.command()
def deployments(
    into: Annotated[Path | None, typer.Option(help="the file \\[default: prefect.SHOP.yaml, here]")] = None,
    shop: Shop = None,
) -> None:
    """Write a prefect.yaml with names of the shop's own, so that several shops can share a server of Prefect."""
    from app.deployment_files import own_deployments, own_file_name

    folder = read_shop(read_settings({"shop": shop}).shop)
    file = into or Path(own_file_name(folder.shop))
    text = own_deployments(folder)
    try:
        file.write_text(text)
    except OSError as error:
        raise ForewarnError(f"{file} cannot be written: {error.strerror}") from error
    printing.out.print(f"{file}: prefect --no-prompt deploy --all --prefect-file {file}", markup=False)


@shop.command("check")
def check_shop(shop: Shop = None, data: Data = None, as_of: AsOf = None, *, json: Json = False) -> None:
    """Read the shop's facts without writing, and report problems."""
    from sources.check import check as check_source
    from templates.rendering.messages import Renderer

    settings = read_settings({"shop": shop, "data": data})
    folder = read_shop(settings.shop)
    with (
        open_shop_source(settings, folder) as source,
        printing.progress("Reading", quiet=json),
    ):
        day = as_date(as_of) or make_clock(folder.shop.zone, None).as_of
        report = check_source(source, day, folder.policy.promise.ship_within)
    missing_words = Renderer(folder.shop, folder.own_templates).missing_shop_language(_bucket_messages(folder))
    if json:
        printing.print_json(report.as_dict() | {"words": missing_words})
    else:
        _print_report(report, missing_words)
    if not report.ok or missing_words:
        raise typer.Exit(1)


def _print_report(report: "CheckReport", missing_words: str) -> None:
    printing.print_pairs([(table, f"{n:,} rows") for table, n in report.rows.items()])
    printing.print_pairs([("excluded", f"{rows.count:,} {rows.reason}") for rows in report.excluded])
    unknown = report.unknown_methods.items()
    printing.print_pairs([("no promise for", f"{n:,} orders by shipping method {name!r}") for name, n in unknown])
    printing.out.print(
        f"{report.late_orders:,} of {report.open_orders:,} open orders are late on {report.as_of}"
        f" ({report.late_share:.1%})"
    )
    for sentence in report.failed_selects:
        printing.out.print(f"\n{sentence}", markup=False)
    if missing_words:
        printing.out.print(missing_words, markup=False)
    if report.ok:
        printing.out.print("" if missing_words else "Nothing is wrong.")
    elif report.findings:
        _print_findings(report)


def _print_findings(report: "CheckReport") -> None:
    rows = [{"rows": f"{n:,}", "table": table, "problem": str(kind)} for (table, kind), n in report.findings.items()]
    printing.out.print()
    printing.print_table(rows, nothing="")
    printing.out.print("\nFor example:")
    for reason in report.reasons.values():
        place = f"{reason.table}, {reason.column}" if reason.column else reason.table
        printing.out.print(f"{reason.rows:,} x {place}: {reason.reason}", markup=False)
        for example in reason.examples:
            printing.out.print(f"  {example}", markup=False)


@templates.command("check")
def check_templates(
    message: Annotated[str | None, typer.Argument(help="check only this message, such as `week`")] = None,
    language: Annotated[str | None, typer.Option(help="check only this language, such as `en`")] = None,
    shop: Shop = None,
    *,
    json: Json = False,
) -> None:
    """Render every message with sample data, and report problems by file and line."""
    from templates.rendering.check import ERROR, find_problems

    folder = read_shop(read_settings({"shop": shop}).shop)
    with printing.progress("Rendering", quiet=json):
        problems = find_problems(
            folder.shop,
            folder.own_templates,
            _bucket_messages(folder),
            folder.policy.experiment,
            only=message,
            language=language,
            words=folder.policy.words,
        )
    if json:
        printing.print_json({"problems": problems})
    for problem in [] if json else problems:
        printing.out.print(str(problem), markup=False)
    if any(problem.level == ERROR for problem in problems):
        raise typer.Exit(1)
    if not json:
        printing.out.print("Every message renders." if message is None else f"{message} renders.", markup=False)


def _bucket_messages(folder: ShopFolder) -> list[str]:
    return [bucket.words for bucket in folder.policy.bucket]


def preview(
    shop: Shop = None,
    order: Annotated[str | None, typer.Option(help="render this order's messages instead of samples")] = None,
    into: Annotated[Path, typer.Option(help="folder for the page")] = Path("preview"),
    as_of: AsOf = None,
) -> None:
    """Render every message to a page for the browser."""
    from templates.rendering.gallery import write_gallery
    from templates.rendering.gallery_entries import gallery_entries

    if order is not None:
        page = write_gallery(_messages_of_order(shop, order, as_of), into)
    else:
        folder = read_shop(read_settings({"shop": shop}).shop)
        with printing.progress("Rendering", quiet=False):
            page = write_gallery(gallery_entries(folder.shop, folder.own_templates, _bucket_messages(folder)), into)
    printing.out.print(f"Open {page.resolve()}", markup=False)


def _messages_of_order(shop: Path | None, order: str, as_of: datetime | None) -> list[tuple[str, Message]]:
    from tasks.db.sql import read_only
    from tasks.reporting.message_preview import preview_messages

    with open_app(shop, create=CreateLedger.NEVER) as app:
        context = make_clock(app.folder.shop.zone, as_date(as_of), ahead=True).snapshot(app.context)
        with read_only(app.context.engine) as connection:
            messages, problems = preview_messages(context, connection, order)
    for problem in problems:
        printing.out.print(f"Left out: {problem}", markup=False)
    return messages
