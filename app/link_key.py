"""Read the secret of the links to order pages, and create it where there is none."""

import os
import secrets

from app.ledger import state_folder
from models.config.settings import Settings
from models.config.shop import ShopFolder
from models.errors import ForewarnError
from models.private_files import FILE_MODE, private_folder

FILE = "link-secret"
SECRET_BYTES = 32


def link_key(settings: Settings, folder: ShopFolder) -> bytes:
    """Return the secret of links: FOREWARN_LINK_SECRET, else that of the state folder.

    A shop with order pages gets one created. One without them keeps what there is, for messages with a link that still
    wait, or has none: then it is empty. Raises ForewarnError where the file cannot be read or written.
    """
    if settings.link_secret is not None:
        return settings.link_secret.get_secret_value().encode()
    file = state_folder(settings, folder) / FILE
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return _create(settings, folder) if folder.shop.order_pages else b""
    except OSError as error:
        raise ForewarnError(f"{file}: the secret of order links cannot be read: {error.strerror}") from error


def _create(settings: Settings, folder: ShopFolder) -> bytes:
    state = state_folder(settings, folder)
    file, draft = state / FILE, state / f"{FILE}.{secrets.token_hex(8)}"
    try:
        private_folder(state)
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE), "wb") as stream:
            stream.write(secrets.token_hex(SECRET_BYTES).encode())
        # By a link and not a rename: of two processes that begin at once, the first one's secret stays.
        try:
            os.link(draft, file)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        return file.read_bytes()
    except OSError as error:
        raise ForewarnError(f"{file}: the secret of order links cannot be written: {error.strerror}") from error
