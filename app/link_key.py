"""Read the secret of the links to order pages, and create it where there is none."""

from app.ledger import state_folder
from app.state_secret import create_secret, read_secret
from models.config.settings import Settings
from models.config.shop import ShopFolder

FILE = "link-secret"
WHAT = "the secret of order links"


def link_key(settings: Settings, folder: ShopFolder) -> bytes:
    """Return the secret of links: FOREWARN_LINK_SECRET, else that of the state folder.

    A shop with order pages gets one created. One without them keeps what there is, for messages with a link that still
    wait, or has none: then it is empty. Raises ForewarnError where the file cannot be read or written.
    """
    if settings.link_secret is not None:
        return settings.link_secret.get_secret_value().encode()
    file = state_folder(settings, folder) / FILE
    return read_secret(file, WHAT) or (create_secret(file, WHAT) if folder.shop.order_pages else b"")
