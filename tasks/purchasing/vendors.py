"""Load vendors, and tell on which channel and at which address each one receives purchase requests."""

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
    """A vendor, as purchase requests need it."""

    id: str
    name: str
    email: str | None = None


def load_vendors(connection: Connection, ids: Iterable[str] | None = None) -> dict[str, VendorFacts]:
    """Return vendors by id: those of `ids`, or all of them. Unknown ids are left out."""
    query = select(VENDORS.c.id, VENDORS.c.name, VENDORS.c.email).order_by(VENDORS.c.id)
    if ids is not None:
        query = query.where(in_list(connection, VENDORS.c.id, list(ids)))
    return {row.id: VendorFacts(*row) for row in connection.execute(query)}


def channel_of(shop: ShopConfig, vendor: VendorFacts) -> VendorChannel | None:
    """Return the channel that shop.toml sets for a vendor, else mail; None for mail without an address."""
    transport = shop.vendor.get(vendor.id)
    if transport is None or isinstance(transport, ByMail):
        return VendorChannel.MAIL if email_of(shop, vendor) else None
    return VendorChannel(transport.by)


def email_of(shop: ShopConfig, vendor: VendorFacts) -> str | None:
    """Return the address for a vendor's mails: the one in shop.toml, else the vendor's own."""
    transport = shop.vendor.get(vendor.id)
    return (transport.to if isinstance(transport, ByMail) else None) or vendor.email
