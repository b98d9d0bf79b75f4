"""Where the staff pages of a shop run, so that reports can link to them."""

import re
import unicodedata
from urllib.parse import quote

from app.composition import App
from models.config.shop import ShopConfig

DESK = "/desk"


def desk_url(app: App) -> str | None:
    """Return the address of the staff pages: at FOREWARN_DESK_URL, or beside the order pages; None without either."""
    pages = app.folder.shop.order_pages
    server = app.settings.desk_url or (str(pages.url) if pages else None)
    return f"{server.rstrip('/').removesuffix(DESK)}{DESK}" if server else None


def desk_run_url(app: App, run: str | None) -> str | None:
    """Return the address of a run's page on the desk; None without a desk or a run."""
    desk = desk_url(app)
    return f"{desk}/runs/{quote(run, safe='')}" if desk and run else None


def shop_key(shop: ShopConfig) -> str:
    """Return what tells a shop from others on the same server: its id, or its name in small letters and hyphens."""
    if shop.id:
        return shop.id
    plain = unicodedata.normalize("NFKD", shop.name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "shop"
