"""A starter folder for a new shop: commented settings, SELECTs, and a handful of rows to try them on."""

import importlib.resources
import shutil
from pathlib import Path

from models.errors import BadShop


def write_starter(folder: Path) -> list[Path]:
    """Write the starter into a new or empty folder, and return its files; raises BadShop where there is anything."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadShop(f"{folder} is not empty; nothing was written. Name a folder that is empty, or not there yet")
    with importlib.resources.as_file(importlib.resources.files("sources") / "starter") as starter:
        # A package may be installed read-only; the shop's own copy is for writing.
        shutil.copytree(starter, folder, dirs_exist_ok=True, copy_function=shutil.copyfile)
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
