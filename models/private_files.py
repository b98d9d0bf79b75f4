"""Create files and folders that only their owner can read: they hold personal data and discount codes."""

import os
from pathlib import Path

FOLDER_MODE, FILE_MODE = 0o700, 0o600


def private_folder(folder: Path) -> None:
    """Create a folder and its missing parents for their owner alone, and restrict an existing folder.

    A folder of another owner stays as it is.
    """
    for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
        missing.mkdir(mode=FOLDER_MODE, exist_ok=True)
    _restrict(folder, FOLDER_MODE)


def private_file(file: Path) -> None:
    """Create an empty file for its owner alone, or restrict an existing file and keep its content."""
    os.close(os.open(file, os.O_CREAT | os.O_WRONLY, FILE_MODE))
    _restrict(file, FILE_MODE)


def write_private(file: Path, content: bytes) -> None:
    """Write a file for its owner alone."""
    with os.fdopen(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, FILE_MODE), "wb") as stream:
        stream.write(content)


def _restrict(path: Path, mode: int) -> None:
    status = path.stat()
    if status.st_uid == os.geteuid() and status.st_mode & 0o077:
        path.chmod(mode)
