"""The storefront's notices as files, for a shop that serves them from a folder."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from channels.atomic_files import replace_files
from models.errors import ForewarnError
from models.storefront import Published, StorefrontNotice
from tasks.context import Context
from tasks.db.sql import read_only
from tasks.storefront import payloads as stock
from tasks.storefront.assets import load_script
from tasks.storefront.names import MAX_NAME_BYTES, slug_of
from tasks.storefront.notices import SHORT, list_notices

OURS = ".forewarn"
"""The file that says that a folder's files are ours to remove."""


def publish(context: Context, now: datetime, folder: Path) -> Published:
    """Write the storefront's files, each whole at any moment, and remove those of products that are back.

    Raises TemplateError, and ForewarnError where the folder cannot be written or holds files that are not ours.
    """
    try:
        with _is_ours(folder / stock.FOLDER) as place:
            with read_only(context.engine) as connection:
                found = list(list_notices(context, connection, now, SHORT))
                feed = stock.product_feed(context, list_notices(context, connection, now), now)
            return _write(context, found, feed, folder, place)
    except OSError as error:
        raise ForewarnError(f"{error.filename or folder} cannot be written: {error.strerror}") from error


def _write(context: Context, found: list[StorefrontNotice], feed: bytes, folder: Path, place: Path) -> Published:
    locale = context.renderer.storefront.choose_language(())
    named = {name: one for one in found if len(name := slug_of(one.product.id)) <= MAX_NAME_BYTES}
    wanted = {OURS, *(f"{name}{ending}" for name in named for ending in (".json", ".html"))}
    # What is no longer so goes first, before what is new comes.
    gone = [file for file in place.iterdir() if file.name not in wanted]
    for file in gone:
        file.unlink()
    whole = {
        folder / stock.SCRIPT: load_script(),
        folder / "404.html": stock.product_page(context, None, locale),
        folder / "feed.csv": feed,
        folder / "stock.json": stock.as_json(stock.short_products_payload(context, found, locale)[0]),
    }
    written = sum(_write_if_changed(file, body) for file, body in _each(context, named, place, locale))
    written += sum(_write_if_changed(file, body) for file, body in whole.items())
    # It says nothing of its time; its age does, though it be the same as before.
    (folder / "feed.csv").touch()
    back = sum(file.suffix == ".json" for file in gone)
    return Published(len(found), written, back, len(found) - len(named))


def _each(
    context: Context, named: dict[str, StorefrontNotice], place: Path, locale: str
) -> Iterator[tuple[Path, bytes]]:
    for name, notice in named.items():
        yield place / f"{name}.json", stock.as_json(stock.product_payload(context, notice, locale))
        yield place / f"{name}.html", stock.product_page(context, notice, locale)


def _write_if_changed(file: Path, body: bytes) -> bool:
    """Replace a file whose content differs; return whether it did."""
    if file.is_file() and file.read_bytes() == body:
        return False
    replace_files({file: body})
    return True


@contextmanager
def _is_ours(place: Path) -> Iterator[Path]:
    """Make sure that a folder is ours, and that nobody else writes into it meanwhile."""
    mark = place / OURS
    if not mark.exists() and place.is_dir() and any(place.iterdir()):
        raise ForewarnError(
            f"{place} holds files that are not ours; an empty folder, or one that is not there, is right"
        )
    place.mkdir(parents=True, exist_ok=True)
    with mark.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield place
