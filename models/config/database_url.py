"""Parse database addresses. Errors never show them, because they may hold a password."""

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from models.errors import ForewarnError

RIGHT = "postgresql://user:password@host/name or sqlite:///path is right"


def database_address(url: str, setting: str) -> URL:
    """Parse an address. Raises ForewarnError that names the setting and the problem, but not the address."""
    address = _parse(url)
    if address is None or (address.get_backend_name() == "sqlite" and address.host):
        raise ForewarnError(f"{setting} is no address of a database; {RIGHT}")
    if "@" in (address.host or ""):
        raise ForewarnError(f"{setting} has an @ within its password; there it is written %40")
    return address


def _parse(url: str) -> URL | None:
    # SQLAlchemy's error quotes the text at the place of the port: in `postgresql://user:password`, the password.
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        return None


def redacted(url: URL) -> str:
    """Return an address without its password and without its options, which may hold another one."""
    return url.set(query={}).render_as_string(hide_password=True)
