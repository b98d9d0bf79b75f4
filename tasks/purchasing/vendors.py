"""TODO."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, select

from models.config.shop import ShopConfig
from models.config.vendor_transports import ByMail
from models.purchasing import VendorChannel
from tasks.db.sql import in_list
from tasks.tables import VENDORS


@dataclass(frozen=True, slots=True)
class VendorFacts:
    """A vendor, as far as asking it needs it."""

    id: str
    name: str
    email: str | None = None


def load_vendors(connection: Connection, ids: Iterable[str] | None = None) -> dict[str, VendorFacts]:
    """Return vendors by their ids; all of them where none are named."""
    query = select(VENDORS.c.id, VENDORS.c.name, VENDORS.c.email).order_by(VENDORS.c.id)
    if ids is not None:
        query = query.where(in_list(connection, VENDORS.c.id, list(ids)))
    return {row.id: VendorFacts(*row) for row in connection.execute(query)}


def channel_of(shop: ShopConfig, vendor: VendorFacts) -> VendorChannel | None:
    """Return how a vendor takes purchase requests: as shop.toml says, or else by mail; None where it has no address."""
    door = shop.vendor.get(vendor.id)
    if door is None or isinstance(door, ByMail):
        return VendorChannel.MAIL if email_of(shop, vendor) else None
    return VendorChannel(door.by)


def email_of(shop: ShopConfig, vendor: VendorFacts) -> str | None:
    """Return the address that a vendor's mails go to."""
    door = shop.vendor.get(vendor.id)
    return (door.to if isinstance(door, ByMail) else None) or vendor.email
