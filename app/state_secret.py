"""Read a secret of the installation from the state folder, and create it where there is none."""

import os
import secrets
from pathlib import Path

from models.errors import ForewarnError
from models.private_files import FILE_MODE, private_folder

SECRET_BYTES = 32


def read_secret(file: Path, what: str) -> bytes:
    """Return a secret, empty where there is none; raises ForewarnError where the file cannot be read."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise ForewarnError(f"{file}: {what} cannot be read: {error.strerror}") from error


def create_secret(file: Path, what: str) -> bytes:
    """Write a new secret, and return it; of two processes that begin at once, the first one's secret stays."""
    draft = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    try:
        private_folder(file.parent)
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE), "wb") as stream:
            stream.write(secrets.token_hex(SECRET_BYTES).encode())
        # By a link and not a rename, which would replace the first one's.
        try:
            os.link(draft, file)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        return file.read_bytes()
    except OSError as error:
        raise ForewarnError(f"{file}: {what} cannot be written: {error.strerror}") from error
