"""Notice that the files of a shop's folder changed."""

from contextlib import suppress
from pathlib import Path

FileStates = dict[Path, tuple[int, int, int]]
"""By file: its time of change in nanoseconds, its size and its inode."""


def file_states(shop: Path) -> FileStates:
    """Return the states of the files that a deliver run reads: `shop.toml`, `policy.toml` and the templates."""
    states: FileStates = {}
    for file in (shop / "shop.toml", shop / "policy.toml", *(shop / "templates").rglob("*")):
        with suppress(FileNotFoundError):  # an editor may be replacing it
            found = file.stat()
            states[file] = (found.st_mtime_ns, found.st_size, found.st_ino)
    return states
