"""A starter folder for a new shop: commented settings, SELECTs, and a handful of rows to try them on."""

import importlib.resources
import re
import secrets
import shutil
from datetime import date, timedelta
from pathlib import Path

from models.errors import BadShop
from models.identity import plain_slug

WRITTEN_FOR = date(2026, 1, 15)
"""The day on which the starter's rows are as a shop's are: some late, none old."""
DAY = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
READABLE = 40
"""Characters of an id that are read by people; the others are drawn."""


def write_starter(folder: Path, today: date = WRITTEN_FOR) -> list[Path]:
    """Write the starter into a new or empty folder, with an id of its own, and return its files.

    The days of its rows are moved to `today`: a run refuses facts that are months old. Raises BadShop where there is
    anything.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadShop(f"{folder} is not empty; nothing was written. Name a folder that is empty, or not there yet")
    with importlib.resources.as_file(importlib.resources.files("sources") / "starter") as starter:
        # A package may be installed read-only; the shop's own copy is for writing.
        shutil.copytree(starter, folder, dirs_exist_ok=True, copy_function=shutil.copyfile)
    for file in (folder / "data").iterdir():
        file.write_text(_moved(file.read_text("utf-8"), today - WRITTEN_FOR), "utf-8")
    config = folder / "shop.toml"
    config.write_text(with_id(config.read_text("utf-8"), new_id(folder.resolve().name)), "utf-8")
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def _moved(rows: str, by: timedelta) -> str:
    """Return rows with every day in them so much later."""
    return DAY.sub(lambda found: str(date.fromisoformat(found[0]) + by), rows)


def new_id(name: str) -> str:
    """Draw a shop's id, which begins with a name that people know it by."""
    return f"{plain_slug(name)[:READABLE].strip('-')}-{secrets.token_hex(4)}"


def with_id(config: str, key: str) -> str:
    """Return the text of a shop.toml with an id above its name."""
    line = f'id = "{key}"  # which shop this is, for its ledger: leave it, also when the name changes'
    return re.sub(r"^name = ", f"{line}\nname = ", config, count=1, flags=re.MULTILINE)
