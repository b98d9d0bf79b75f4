"""Publish the storefront's notices as files, for a shop that serves them from a folder."""

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from channels.atomic_files import replace_files
from models.errors import ForewarnError
from models.storefront import Published, StorefrontNotice
from tasks.context import Context
from tasks.db.sql import read_only
from tasks.storefront import payloads
from tasks.storefront.assets import load_script
from tasks.storefront.names import MAX_NAME_BYTES, slug_of
from tasks.storefront.notices import SHORT_FILTER, list_notices

MARKER = ".forewarn"
"""The file that marks a folder whose files may be removed."""


def publish(context: Context, now: datetime, folder: Path) -> Published:
    """Write the storefront's files, each of them atomically, and remove those of products that are back in stock.

    Raises TemplateError, and ForewarnError where the folder cannot be written or holds other files.
    """
    try:
        with _marked_folder(folder / payloads.FOLDER) as product_folder:
            with read_only(context.engine) as connection:
                notices = list(list_notices(context, connection, now, SHORT_FILTER))
                feed = payloads.product_feed(context, list_notices(context, connection, now), now)
            return _publish(context, notices, feed, folder, product_folder)
    except OSError as error:
        raise ForewarnError(f"{error.filename or folder} cannot be written: {error.strerror}") from error


def _publish(
    context: Context, notices: list[StorefrontNotice], feed: bytes, folder: Path, product_folder: Path
) -> Published:
    locale = context.renderer.storefront.choose_language(())
    by_slug = {slug: each for each in notices if len(slug := slug_of(each.product.id)) <= MAX_NAME_BYTES}
    # Outdated files go before new ones come, so that no shopper reads both.
    removed = _remove_outdated(product_folder, by_slug)
    shop_files = {
        folder / payloads.SCRIPT: load_script(),
        folder / "404.html": payloads.product_page(context, None, locale),
        folder / "feed.csv": feed,
        folder / "stock.json": payloads.as_json(payloads.short_products_payload(context, notices, locale)[0]),
    }
    written = sum(_write_if_changed(*file) for file in _product_files(context, by_slug, product_folder, locale))
    written += sum(_write_if_changed(*file) for file in shop_files.items())
    # The feed holds no time: its readers tell its age by that of the file.
    (folder / "feed.csv").touch()
    return Published(len(notices), written, removed, len(notices) - len(by_slug))


def _remove_outdated(product_folder: Path, by_slug: Mapping[str, StorefrontNotice]) -> int:
    """Remove the files of products without a notice; return how many products those are."""
    current = {MARKER, *(f"{slug}{suffix}" for slug in by_slug for suffix in (".json", ".html"))}
    outdated = [file for file in product_folder.iterdir() if file.name not in current]
    for file in outdated:
        file.unlink()
    return sum(file.suffix == ".json" for file in outdated)


def _product_files(
    context: Context, by_slug: Mapping[str, StorefrontNotice], product_folder: Path, locale: str
) -> Iterator[tuple[Path, bytes]]:
    for slug, notice in by_slug.items():
        yield product_folder / f"{slug}.json", payloads.as_json(payloads.product_payload(context, notice, locale))
        yield product_folder / f"{slug}.html", payloads.product_page(context, notice, locale)


def _write_if_changed(file: Path, body: bytes) -> bool:
    """Replace a file whose content differs; return whether it did."""
    if file.is_file() and file.read_bytes() == body:
        return False
    replace_files({file: body})
    return True


@contextmanager
def _marked_folder(folder: Path) -> Iterator[Path]:
    """Create and mark a folder, and lock it against a second publisher.

    Raises ForewarnError where it holds other files.
    """
    marker = folder / MARKER
    if not marker.exists() and folder.is_dir() and any(folder.iterdir()):
        raise ForewarnError(f"{folder} holds files that Forewarn did not write: name an empty folder or a new one")
    folder.mkdir(parents=True, exist_ok=True)
    with marker.open("a") as lock_file:
        fcntl.flock(lock_file, fcntl.LOCK_EX)
        yield folder
