"""`forewarn storefront`: the notices on product pages."""

from pathlib import Path
from typing import Annotated

import typer

from app.clock import make_clock
from app.composition import open_app
from app.ledger import CreateLedger
from cli import console as printing
from cli.options import Json, Shop
from models.errors import ForewarnError
from models.storefront import StorefrontNotice
from tasks.db.sql import read_only
from tasks.storefront.notices import SHORT_FILTER, find_notice, list_notices

storefront = typer.Typer(no_args_is_help=True, help="Notices on product pages about products not in stock.")


@storefront.command()
def show(
    product: Annotated[str | None, typer.Argument(help="product id \\[default: all products with a notice]")] = None,
    shop: Shop = None,
    *,
    json: Json = False,
) -> None:
    """Show the notice of one product, or of all products that a new order would not get from stock."""
    from tasks.storefront.payloads import product_payload, short_products_payload

    with open_app(shop, create=CreateLedger.NEVER) as app, read_only(app.context.engine) as connection:
        context, now = app.context, make_clock(app.folder.shop.zone, None).now()
        locale = context.renderer.storefront.choose_language(())
        if product is None:
            notices = list(list_notices(context, connection, now, SHORT_FILTER))
        elif notice := find_notice(context, connection, product, now):
            notices = [notice]
        else:
            raise ForewarnError(f"product {product!r} has no availability; `forewarn allocate` computes it")
        if json:
            printing.print_json(
                product_payload(context, notices[0], locale)
                if product
                else short_products_payload(context, notices, locale)[0]
            )
            return
        rows = [_row(each, context.renderer.storefront.render_text(each.available, locale).text) for each in notices]
    printing.print_table(rows, nothing="No product has a notice.")


def _row(notice: StorefrontNotice, text: str) -> dict[str, object]:
    return {
        "product": notice.product.id,
        "name": notice.product.name,
        "state": str(notice.available.state).replace("_", " "),
        "text": text,
        "valid_until": notice.valid_until,
    }


@storefront.command()
def publish(
    to: Annotated[Path | None, typer.Option(help="folder to write to \\[default: $FOREWARN_STOREFRONT_DIR]")] = None,
    shop: Shop = None,
    *,
    json: Json = False,
) -> None:
    """Write the notices as files for a web server, and remove those of products back in stock."""
    from tasks.storefront.publish import publish as publish_files

    with open_app(shop, create=CreateLedger.NEVER) as app, printing.progress("Writing", quiet=json):
        folder = to or app.settings.storefront_dir
        if folder is None:
            raise ForewarnError("no folder is set; use --to FOLDER or FOREWARN_STOREFRONT_DIR")
        published = publish_files(app.context, make_clock(app.folder.shop.zone, None).now(), folder)
    if json:
        printing.print_json(published)
        return
    printing.print_pairs(
        [
            ("Short", f"{published.notices:,} products"),
            ("Written", f"{published.written:,} files in {folder}"),
            ("Removed", f"{published.removed:,} products that are back in stock, or no longer known"),
        ]
        + ([("Left out", f"{published.left_out:,} with ids too long for a file name")] if published.left_out else [])
    )
