"""Read the versions of a subject, and those that wait for a second person."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from models.versions import Version, VersionState
from tasks.tables import SHOP_VERSIONS

PAGE = 50


def versions(
    connection: Connection, area: str, subject: str, *, before: int | None = None, limit: int = PAGE
) -> list[Version]:
    """Return the newest versions of a subject, those before the number `before` where it is given."""
    query = _of(area, subject).order_by(SHOP_VERSIONS.c.number.desc()).limit(limit)
    if before is not None:
        query = query.where(SHOP_VERSIONS.c.number < before)
    return _read(connection.execute(query).all())


def version(connection: Connection, area: str, subject: str, number: int) -> Version | None:
    """Return a version by its number; None for an unknown one."""
    found = _read(connection.execute(_of(area, subject).where(SHOP_VERSIONS.c.number == number)).all())
    return found[0] if found else None


def newest(connection: Connection, area: str, subject: str) -> Version | None:
    """Return the latest version of a subject, whatever its state; None without any."""
    return next(iter(versions(connection, area, subject, limit=1)), None)


def in_use(connection: Connection, area: str, subject: str) -> Version | None:
    """Return the version that the shop's files have, as far as the ledger knows; None without any."""
    return _in_state(connection, area, subject, VersionState.IN_USE)


def used_at(connection: Connection, area: str, subject: str, moment: datetime) -> Version | None:
    """Return the version that was in use at a moment, as far as the ledger knows; None for an earlier moment."""
    states = (VersionState.IN_USE, VersionState.REPLACED)
    query = _of(area, subject).where(SHOP_VERSIONS.c.approved_at <= moment, SHOP_VERSIONS.c.state.in_(states))
    latest = query.order_by(SHOP_VERSIONS.c.approved_at.desc(), SHOP_VERSIONS.c.number.desc()).limit(1)
    return next(iter(_read(connection.execute(latest).all())), None)


def waiting(connection: Connection, area: str, subject: str) -> Version | None:
    """Return the version that waits for a second person; None without one."""
    return _in_state(connection, area, subject, VersionState.WAITS)


def all_in_use(connection: Connection, area: str) -> dict[str, Version]:
    """Return the version in use of each subject of an area that has one."""
    return _by_subject(connection, area, VersionState.IN_USE)


def all_waiting(connection: Connection, area: str) -> dict[str, Version]:
    """Return the version of each subject of an area that waits for a second person."""
    return _by_subject(connection, area, VersionState.WAITS)


def _of(area: str, subject: str) -> Any:
    return select(SHOP_VERSIONS).where(SHOP_VERSIONS.c.area == area, SHOP_VERSIONS.c.subject == subject)


def _in_state(connection: Connection, area: str, subject: str, state: VersionState) -> Version | None:
    query = _of(area, subject).where(SHOP_VERSIONS.c.state == state).order_by(SHOP_VERSIONS.c.number.desc()).limit(1)
    return next(iter(_read(connection.execute(query).all())), None)


def _by_subject(connection: Connection, area: str, state: VersionState) -> dict[str, Version]:
    query = select(SHOP_VERSIONS).where(SHOP_VERSIONS.c.area == area, SHOP_VERSIONS.c.state == state)
    return {each.subject: each for each in _read(connection.execute(query.order_by(SHOP_VERSIONS.c.number)).all())}


def _read(rows: Sequence[Row[Any]]) -> list[Version]:
    return [Version(**{**row._asdict(), "state": VersionState(row.state)}) for row in rows]
