"""Write files so that each is complete or does not exist."""

import errno
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from channels.transport import TemporaryFailure
from models.private_files import private_folder, write_private

TEMPORARY_ERRNOS = {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EIO, errno.EINTR}
"""Disk errors that may pass by themselves; any other, such as a missing permission, needs a person."""


def safe_file_name(text: str) -> str:
    """Return a text as a file name without a path separator."""
    return re.sub(r"[^A-Za-z0-9_-]", lambda match: f"={ord(match[0]):x}=", text) or "="


def part_name(name: str) -> str:
    """Return the name of a file while it is written; a rename then puts it in its place."""
    return f".{name}.part"


def replace_files(files: Mapping[Path, bytes], *, private: bool = False) -> None:
    """Write files, each whole or not at all, in the order given. Raises OSError; then no partial file is left.

    `private` files, and the folders made for them, are readable by their owner only.
    """
    parts = {path.with_name(part_name(path.name)): path for path in files}
    try:
        for part, path in parts.items():
            if private:
                private_folder(part.parent)
                write_private(part, files[path])
            else:
                part.parent.mkdir(parents=True, exist_ok=True)
                part.write_bytes(files[path])
        for part, path in parts.items():
            part.replace(path)
    except OSError:
        for part in parts:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        raise


def write_atomically(files: Mapping[Path, bytes], what: str, *, private: bool = False) -> None:
    """Write files as `replace_files` does; raises TemporaryFailure, whose reason begins with `what`."""
    try:
        replace_files(files, private=private)
    except OSError as error:
        code = errno.errorcode.get(error.errno or 0, "")
        reason = f"{what} cannot be written: {error.strerror}"
        raise TemporaryFailure(reason, code=code, channel_down=error.errno not in TEMPORARY_ERRNOS) from error
