"""Write a starter folder for a new shop: commented settings, SELECTs, and a few rows to try them on."""

import importlib.resources
import re
import secrets
import shutil
from datetime import date, timedelta
from pathlib import Path

from models.errors import BadShop
from models.identity import plain_slug

WRITTEN_FOR = date(2026, 1, 15)
"""The day that the starter's dates are written for: on it some orders are late and none is old."""
DAY = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
MAX_ID_NAME_LENGTH = 40
"""Characters of a new id that come from the name; random ones follow."""


def write_starter(folder: Path, today: date = WRITTEN_FOR) -> list[Path]:
    """Write the starter into a new or empty folder, with a new id. Return its files.

    The dates of its rows are shifted to `today`, because a run refuses facts that are months old. Raises BadShop when
    the folder is not empty.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadShop(f"{folder} is not empty; nothing was written. Name a new or empty folder")
    with importlib.resources.as_file(importlib.resources.files("sources") / "starter") as starter:
        # Installed files may be read-only; the shop must be able to write its copy.
        shutil.copytree(starter, folder, dirs_exist_ok=True, copy_function=shutil.copyfile)
    for file in (folder / "data").iterdir():
        file.write_text(_shift_dates(file.read_text("utf-8"), today - WRITTEN_FOR), "utf-8")
    config = folder / "shop.toml"
    config.write_text(with_id(config.read_text("utf-8"), new_id(folder.resolve().name)), "utf-8")
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def _shift_dates(rows: str, by: timedelta) -> str:
    """Return rows with every date in them moved by `by`."""
    return DAY.sub(lambda match: str(date.fromisoformat(match[0]) + by), rows)


def new_id(name: str) -> str:
    """Return a new random id that begins with the shop's name."""
    return f"{plain_slug(name)[:MAX_ID_NAME_LENGTH].strip('-')}-{secrets.token_hex(4)}"


def with_id(config: str, key: str) -> str:
    """Return the text of a shop.toml with an id added above its name."""
    line = f'id = "{key}"  # identifies the shop in its ledger: keep it, even when the name changes'
    return re.sub(r"^name = ", f"{line}\nname = ", config, count=1, flags=re.MULTILINE)
