"""Files that are whole or not there at all."""

import errno
import re
from contextlib import suppress
from pathlib import Path

from channels.transport import TemporaryFailure
from models.private_files import private_folder, write_private

PASSING = {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EIO, errno.EINTR}
"""What a disk may get over; anything else, such as a missing right, stops a folder until somebody mends it."""


def safe_file_name(text: str) -> str:
    """Return a text as a file's name that leads into no other folder."""
    return re.sub(r"[^A-Za-z0-9_-]", lambda odd: f"={ord(odd[0]):x}=", text) or "="


def write_atomically(files: dict[Path, bytes], what: str, *, private: bool = False) -> None:
    """Write files, each whole or not at all, in the order given; raises SendError that begins with `what`.

    `private` ones, and the folders made for them, are their owner's alone.
    """
    parts = {path.with_name(f".{path.name}.part"): path for path in files}
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
    except OSError as error:
        for part in parts:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        code = errno.errorcode.get(error.errno or 0, "")
        reason = f"{what} cannot be written: {error.strerror}"
        raise TemporaryFailure(reason, code=code, channel_down=error.errno not in PASSING) from error
