"""Remake the pictures of the docs from the sample shop: `python -m benchmarks.pictures`; needs Debian's chromium."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from threading import Thread

import uvicorn
from sqlalchemy import select

from app.composition import App, open_app
from cli.demo_site import use_local_links
from cli.run_day import run_day
from sources.sample import write_sample
from tasks.customers.links import mint_link, order_page_url
from tasks.tables import ORDERS
from templates.rendering.gallery import write_gallery
from templates.rendering.gallery_entries import gallery_entries
from web.server import server_config
from web.service import build_service

DAY = date(2025, 11, 24)
PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
ORDER, PORT = "1041", 8080
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=3000")


def main() -> None:
    """Live the sample shop's day in a folder of its own, and picture its outbox, a mail and the gallery."""
    browser = shutil.which("chromium")
    if browser is None:
        sys.exit("no chromium on this machine: apt-get install chromium")
    for name in [name for name in os.environ if name.startswith("FOREWARN_")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        write_sample(place / "shop", orders=400, seed=7, as_of=DAY)
        use_local_links(place / "shop", PORT)
        with open_app(place / "shop") as app:
            asyncio.run(run_day(app, DAY, import_first=True))
            gallery = write_gallery(gallery_entries(app.folder.shop, None), place / "gallery")
            with _served(app) as address:
                _shoot(browser, address, PICTURES / "order-page.png", 500, 1130)
        (outbox,) = place.rglob("outbox/index.html")
        mail = place / "mail.html"
        mail.write_text(_mail(outbox.parent))
        _shoot(browser, outbox.as_uri(), PICTURES / "outbox.png", 1000, 620)
        _shoot(browser, mail.as_uri(), PICTURES / "mail.png", 680, 1240)
        _shoot(browser, gallery.as_uri(), PICTURES / "gallery.png", 1200, 900)


def _mail(outbox: Path) -> str:
    """Return the first mail about the order that the docs tell of."""
    records = (json.loads(file.read_bytes()) for file in sorted(outbox.glob("email/*/*.json")))
    return str(next(one["html"] for one in records if f" {ORDER}" in one["subject"]))


@contextmanager
def _served(app: App) -> Iterator[str]:
    """Serve the order pages on the shop's day, and give the address of the order that the docs tell of."""
    noon = app.context.start_of(DAY) + timedelta(hours=12)
    with app.context.engine.begin() as connection:
        owner = connection.execute(select(ORDERS.c.customer_id).where(ORDERS.c.id == ORDER)).scalar_one()
        _, token = mint_link(replace(app.context, started_at=noon), connection, ORDER, owner)
    with socket.create_server(("127.0.0.1", PORT)) as listening:
        server = uvicorn.Server(server_config(build_service(app, lambda: noon)))
        thread = Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        yield order_page_url(app.context, token)
        server.should_exit = True
        thread.join()


def _shoot(browser: str, page: str, into: Path, width: int, height: int) -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        made = (f"--user-data-dir={profile}", f"--screenshot={into}", f"--window-size={width},{height}")
        subprocess.run([browser, *FLAGS, *made, page], check=True, capture_output=True, timeout=120)  # noqa: S603 - our own pages
    print(into)


if __name__ == "__main__":
    main()
