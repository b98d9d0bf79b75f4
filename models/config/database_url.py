"""The address of a database, which may hold a password and is therefore never repeated in an error."""

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from models.errors import ForewarnError

RIGHT = "postgresql://user:password@host/name or sqlite:///path is right"


def database_address(url: str, setting: str) -> URL:
    """Read an address; raises ForewarnError that names the setting and what is wrong, and shows nothing of it."""
    found = _parsed(url)
    if found is None or (found.get_backend_name() == "sqlite" and found.host):
        raise ForewarnError(f"{setting} is no address of a database; {RIGHT}")
    if "@" in (found.host or ""):
        raise ForewarnError(f"{setting} has an @ within its password; there it is written %40")
    return found


def _parsed(url: str) -> URL | None:
    # SQLAlchemy's error quotes what stands where the port would be: in `postgresql://user:password`, the password.
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        return None


def redacted(url: URL) -> str:
    """Return an address without its password, and without its options, which may hold another."""
    return url.set(query={}).render_as_string(hide_password=True)
