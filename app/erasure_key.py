"""Read the secret by which erased customers are recognised; the first erasure creates it."""

from app.ledger import state_folder
from app.state_secret import create_secret, read_secret
from models.config.settings import Settings
from models.config.shop import ShopFolder

FILE = "erasure-secret"
WHAT = "the secret of erased customers"


def erasure_key(settings: Settings, folder: ShopFolder, *, create: bool = False) -> bytes:
    """Return FOREWARN_ERASURE_SECRET, else the secret of the state folder; empty where there is none.

    `create` makes one. Raises ForewarnError where the file cannot be read or written.
    """
    if settings.erasure_secret is not None:
        return settings.erasure_secret.get_secret_value().encode()
    file = state_folder(settings, folder) / FILE
    return read_secret(file, WHAT) or (create_secret(file, WHAT) if create else b"")
