"""Notice that the files with a shop's facts changed, without reading them."""

import os
from collections.abc import Iterator
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from models.config.settings import Settings
from models.config.shop import ShopFolder


def source_state(settings: Settings, folder: ShopFolder) -> int | None:
    """Return the state of the shop's files and SELECTs: a number above 0 that changes when one of them does.

    None for a source that is a database. A file counts by its name, its size and its time of change.
    """
    if folder.shop.source.kind != "files":
        return None
    state = blake2b(digest_size=8)
    for name, file in sorted(_files(settings.data or folder.data, folder.selects)):
        with suppress(OSError):  # it is being replaced, or cannot be read: the import says so
            found = file.stat()
            state.update(f"{name}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
    # 63 bits: a counter has a sign.
    return int.from_bytes(state.digest()) >> 1 | 1


def _files(data: Path, selects: Path) -> Iterator[tuple[str, Path]]:
    for folder, _, names in os.walk(data):
        for name in names:
            file = Path(folder, name)
            yield file.relative_to(data).as_posix(), file
    for file in selects.glob("*.sql"):
        yield file.name, file
