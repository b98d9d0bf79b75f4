"""How each vendor takes its purchase requests, and where goods for the shop go: `[vendor.ID]` and `[warehouse]`."""

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


def _private(url: str) -> str:
    """Take an address that carries no secret, and shows nobody on the way what is sent to it."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError as error:
        raise ValueError("an address such as https://vendor.example.com/orders is right") from error
    if parts.username or parts.password:
        raise ValueError("it holds a user or a password; a secret belongs into FOREWARN_VENDOR_KEYS")
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and _is_here(host))):
        raise ValueError("an address that begins with https:// is right, for it carries people's addresses")
    return url


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _key(line: str) -> str:
    """Take a server's public key as `ssh-keyscan` prints it after the host's name."""
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
    to: EmailStr | None = Field(None, description="else the vendor's own address")


class ByFolder(FrozenModel):
    """As a file in a folder that the vendor reads."""

    by: Literal["folder"]
    path: Path
    format: Format = "csv"


class BySftp(FrozenModel):
    """As a file on the vendor's SFTP server, whose key is known beforehand."""

    by: Literal["sftp"]
    host: str = Field(min_length=1)
    port: int = Field(22, ge=1, le=65_535)
    user: str = Field(min_length=1)
    path: str = Field(".", description="folder on the server")
    host_key: Annotated[str, AfterValidator(_key)]
    format: Format = "csv"


class ByHttp(FrozenModel):
    """As a signed HTTP POST of JSON."""

    by: Literal["http"]
    url: Annotated[str, AfterValidator(_private)]


VendorDoor = Annotated[ByMail | ByFolder | BySftp | ByHttp, Field(discriminator="by")]


class Warehouse(FrozenModel):
    """Where vendors send what is not for a customer directly."""

    recipient: str = Field(min_length=1)
    street: str = Field(min_length=1)
    postcode: str = ""
    city: str = Field(min_length=1)
    country: Country

    @property
    def address(self) -> Address:
        """Return it as a delivery address."""
        return Address(self.recipient, self.street, self.postcode, self.city, self.country)
