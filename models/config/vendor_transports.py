"""Define how each vendor receives purchase requests, `[vendor.ID]`, and the shop's warehouse, `[warehouse]`."""

import base64
import binascii
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, EmailStr, Field

from models.fields import Country, FrozenModel
from models.purchasing import Address

Format = Literal["csv", "json"]


def _check_url(url: str) -> str:
    """Return an address if it is encrypted, or local, and holds no password. Raises ValueError."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError as error:
        raise ValueError("an address such as https://vendor.example.com/orders is right") from error
    if parts.username or parts.password:
        raise ValueError("it holds a user or a password; a secret belongs in FOREWARN_VENDOR_KEYS")
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and _is_local(host))):
        raise ValueError("an address that begins with https:// is right, because requests carry customers' addresses")
    return url


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _check_host_key(line: str) -> str:
    """Return a server's public key, as `ssh-keyscan` prints it after the host name. Raises ValueError."""
    words = line.split()
    try:
        whole = len(words) >= 2 and words[0].encode() in base64.b64decode(words[1], validate=True)[:64]
    except binascii.Error:
        whole = False
    if not whole:
        raise ValueError(
            "the server's public key, as 'ssh-ed25519 AAAAC3Nza...', is right; `ssh-keyscan HOST` shows it"
        )
    return " ".join(words[:2])


class ByMail(FrozenModel):
    """By mail, with the lines as an attached CSV file."""

    by: Literal["mail"]
    to: EmailStr | None = Field(None, description="address; by default the vendor's own")


class ByFolder(FrozenModel):
    """As a file in a folder that the vendor reads."""

    by: Literal["folder"]
    path: Path
    format: Format = "csv"


class BySftp(FrozenModel):
    """As a file on the vendor's SFTP server, whose public key is configured."""

    by: Literal["sftp"]
    host: str = Field(min_length=1)
    port: int = Field(22, ge=1, le=65_535)
    user: str = Field(min_length=1)
    path: str = Field(".", description="folder on the server")
    host_key: Annotated[str, AfterValidator(_check_host_key)]
    format: Format = "csv"


class ByHttp(FrozenModel):
    """As a signed HTTP POST of JSON."""

    by: Literal["http"]
    url: Annotated[str, AfterValidator(_check_url)]


VendorTransport = Annotated[ByMail | ByFolder | BySftp | ByHttp, Field(discriminator="by")]


class Warehouse(FrozenModel):
    """Where vendors ship goods that are not drop-shipped."""

    recipient: str = Field(min_length=1)
    street: str = Field(min_length=1)
    postcode: str = ""
    city: str = Field(min_length=1)
    country: Country

    @property
    def address(self) -> Address:
        """Return the delivery address."""
        return Address(self.recipient, self.street, self.postcode, self.city, self.country)
