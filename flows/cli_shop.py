"""Commands about the shop's folder and its words."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from flows import printing
from flows.house import clock, open_house, read_settings
from flows.options import AsOf, Data, Json, Shop, day_of
from models.shopfolder import ShopFolder, read_shop
from models.values import Message

shop = typer.Typer(no_args_is_help=True, help="Make and check a shop's folder.")
check = typer.Typer(no_args_is_help=True, help="Check words before they reach anybody.")


@shop.command()
def init(folder: Annotated[Path, typer.Argument(help="folder to make; it must be empty or not there")]) -> None:
    """Write a commented starter folder."""
    from sources.newshop import write_starter

    write_starter(folder)
    printing.out.print(f"{folder} is ready: edit shop.toml, point sources/*.sql at your data, then run", markup=False)
    printing.out.print(f"  forewarn shop check --shop {folder}", markup=False)


@shop.command("check")
def check_shop(shop: Shop = None, data: Data = None, as_of: AsOf = None, *, json: Json = False) -> None:
    """Read the shop's facts without writing, and say what is wrong with them."""
    from sources.check import check as check_source
    from sources.source import open_source

    settings = read_settings({"shop": shop, "data": data})
    folder = read_shop(settings.shop)
    secret = settings.source_url
    with (
        open_source(folder, settings.data, secret.get_secret_value() if secret else None) as source,
        printing.working("Reading", quiet=json),
    ):
        day = day_of(as_of) or clock(folder.shop.zone, None).as_of
        report = check_source(source, day, folder.policy.promise.ship_within)
    if json:
        printing.as_json(report.as_dict())
    else:
        _print(report)
    if report.found:
        raise typer.Exit(1)


def _print(report: Any) -> None:
    printing.pairs([(table, f"{n:,} rows") for table, n in report.rows.items()])
    printing.pairs([("left out", f"{one.count:,} {one.reason}") for one in report.left_out])
    unknown = report.unknown_methods.items()
    printing.pairs([("no promise for", f"{n:,} orders by shipping method {name!r}") for name, n in unknown])
    printing.out.print(
        f"{report.late_orders:,} of {report.open_orders:,} open orders are late on {report.as_of}"
        f" ({report.late_share:.1%})"
    )
    if not report.found:
        printing.out.print("Nothing is wrong.")
        return
    found = [{"rows": f"{n:,}", "table": table, "what": str(kind)} for (table, kind), n in report.found.items()]
    printing.out.print()
    printing.rows(found, nothing="")
    printing.out.print("\nFor example:")
    for _, example in report.examples:
        printing.out.print(f"  {example}", markup=False)


@check.command()
def templates(shop: Shop = None, *, json: Json = False) -> None:
    """Render every message with sample data; fail on an unknown name, with file and line."""
    from templates.check import problems

    folder = read_shop(read_settings({"shop": shop}).shop)
    with printing.working("Rendering", quiet=json):
        found = problems(folder.shop, _own(folder), [bucket.words for bucket in folder.policy.bucket])
    if json:
        printing.as_json({"problems": found})
    for problem in [] if json else found:
        printing.out.print(str(problem), markup=False)
    if found:
        raise typer.Exit(1)
    if not json:
        printing.out.print("Every message renders.")


def _own(folder: ShopFolder) -> Path | None:
    return folder.templates if folder.templates.is_dir() else None


def preview(
    shop: Shop = None,
    order: Annotated[str | None, typer.Option(help="show one order's real messages instead of samples")] = None,
    into: Annotated[Path, typer.Option(help="folder for the page")] = Path("preview"),
    as_of: AsOf = None,
) -> None:
    """Render every message into a page to open in a browser."""
    from templates.gallery import write_gallery
    from templates.samples import entries
    from templates.words import Words

    if order is not None:
        page = write_gallery(_real(shop, order, as_of), into)
    else:
        folder = read_shop(read_settings({"shop": shop}).shop)
        with printing.working("Rendering", quiet=False):
            page = write_gallery(entries(Words(folder.shop, _own(folder))), into)
    printing.out.print(f"Open {page.resolve()}", markup=False)


def _real(shop: Path | None, order: str, as_of: datetime | None) -> list[tuple[str, Message]]:
    from tasks.db import reading
    from tasks.rehearsal import messages_for

    with open_house(shop) as house:
        now = clock(house.folder.shop.zone, day_of(as_of), ahead=True).read()
        with reading(house.desk.engine) as connection:
            return messages_for(house.desk, connection, order, now)
