"""Files and folders that only their owner can read: they hold names, addresses and codes."""

import os
from pathlib import Path

FOLDER_MODE, FILE_MODE = 0o700, 0o600


def private_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for their owner alone; one that is there is closed as well.

    One that belongs to somebody else stays as it is.
    """
    for missing in reversed([one for one in (folder, *folder.parents) if not one.exists()]):
        missing.mkdir(mode=FOLDER_MODE, exist_ok=True)
    _close(folder, FOLDER_MODE)


def private_file(file: Path) -> None:
    """Make an empty file for its owner alone; one that is there is closed to others, and keeps its content."""
    os.close(os.open(file, os.O_CREAT | os.O_WRONLY, FILE_MODE))
    _close(file, FILE_MODE)


def write_private(file: Path, content: bytes) -> None:
    """Write a file for its owner alone."""
    with os.fdopen(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, FILE_MODE), "wb") as stream:
        stream.write(content)


def _close(path: Path, mode: int) -> None:
    found = path.stat()
    if found.st_uid == os.geteuid() and found.st_mode & 0o077:
        path.chmod(mode)
