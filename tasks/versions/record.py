"""Record versions: one that somebody proposes, and one that somebody made by changing the files themselves.

The files in the shop's folder are the truth. Each function gets them as they are now, in `on_disk`, and works in the
transaction at whose end the caller writes the files of a version that is then in use.
"""

import hashlib
import json
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from models.errors import ForewarnError
from models.versions import BY_FILES, Author, Files, Version, VersionState
from tasks.db.sql import AdvisoryLock, insert, lock
from tasks.tables import SHOP_VERSIONS
from tasks.versions.history import in_use, newest, version, waiting


class SavedMeanwhile(ForewarnError):
    """Raised where somebody saved since the page was opened; `by` is the version that they made."""

    def __init__(self, by: Version) -> None:
        super().__init__(f"version {by.number} was saved meanwhile, by {by.author}")
        self.by = by


class ChangedOutside(ForewarnError):
    """Raised where the files changed outside the desk since the page was opened."""

    def __init__(self) -> None:
        super().__init__("the files of the shop were changed outside the desk meanwhile")


class NothingChanged(ForewarnError):
    """Raised for a version that says what the one in use says already."""

    def __init__(self, same: Version) -> None:
        super().__init__(f"nothing was changed: version {same.number} says the same")
        self.same = same


def digest_of(files: Files) -> str:
    """Return the digest of texts by file."""
    return hashlib.sha256(json.dumps(dict(files), sort_keys=True).encode()).hexdigest()[:32]


def is_as_recorded(connection: Connection, area: str, subject: str, on_disk: Files) -> bool:
    """Return whether the version in use says what the files say."""
    current = in_use(connection, area, subject)
    return current is not None and current.digest == digest_of(on_disk)


def adopt(connection: Connection, area: str, subject: str, on_disk: Files, at: datetime) -> Version:
    """Return the version in use; where the files say something else, record it as a version made by the files."""
    lock(connection, AdvisoryLock.VERSIONS)
    current = in_use(connection, area, subject)
    if current is not None and current.digest == digest_of(on_disk):
        return current
    based_on = None if current is None else current.number
    return _add(connection, area, subject, on_disk, Author(BY_FILES, None, at), VersionState.IN_USE, "", based_on)


def propose(
    connection: Connection,
    area: str,
    subject: str,
    files: Files,
    *,
    act: Author,
    note: str,
    based_on: int,
    needs_second: bool,
    on_disk: Files,
) -> Version:
    """Record a new version: it waits for a second person, or is in use and its files are to be written.

    `based_on` is the newest version that its author saw. Raises SavedMeanwhile, ChangedOutside or NothingChanged.
    """
    current = _unchanged(connection, area, subject, on_disk, act.at)
    latest = newest(connection, area, subject) or current
    if latest.number != based_on:
        raise SavedMeanwhile(latest)
    for same in filter(None, (current, waiting(connection, area, subject))):
        if same.digest == digest_of(files):
            raise NothingChanged(same)
    state = VersionState.WAITS if needs_second else VersionState.IN_USE
    return _add(connection, area, subject, files, act, state, note, based_on)


def use_again(
    connection: Connection,
    area: str,
    subject: str,
    number: int,
    *,
    act: Author,
    note: str,
    based_on: int,
    needs_second: bool,
    on_disk: Files,
) -> Version:
    """Record a new version with the files of an earlier one. Raises as `propose` does, and ForewarnError."""
    earlier = version(connection, area, subject, number)
    if earlier is None:
        raise ForewarnError(f"there is no version {number}")
    return propose(
        connection,
        area,
        subject,
        earlier.files,
        act=act,
        note=note or f"version {number} again",
        based_on=based_on,
        needs_second=needs_second,
        on_disk=on_disk,
    )


def _unchanged(connection: Connection, area: str, subject: str, on_disk: Files, at: datetime) -> Version:
    """Return the version in use; raises ChangedOutside where the files say something else."""
    lock(connection, AdvisoryLock.VERSIONS)
    current = in_use(connection, area, subject)
    if current is None:
        return adopt(connection, area, subject, on_disk, at)
    if current.digest != digest_of(on_disk):
        raise ChangedOutside
    return current


def _add(
    connection: Connection,
    area: str,
    subject: str,
    files: Files,
    author: Author,
    state: VersionState,
    note: str,
    based_on: int | None,
) -> Version:
    of_subject = (SHOP_VERSIONS.c.area == area) & (SHOP_VERSIONS.c.subject == subject)
    # One version waits at most; one is in use.
    replace(connection, area, subject, state)
    highest = select(func.max(SHOP_VERSIONS.c.number)).where(of_subject)
    number = (connection.execute(highest).scalar() or 0) + 1
    row = {
        "area": area,
        "subject": subject,
        "number": number,
        "state": state,
        "files": dict(files),
        "digest": digest_of(files),
        "author": author.name,
        "author_id": author.person_id,
        "at": author.at,
        "note": note,
        "approved_at": author.at if state is VersionState.IN_USE else None,
        "reply": "",
        "based_on": based_on,
    }
    connection.execute(insert(connection, SHOP_VERSIONS).values(row))
    added = version(connection, area, subject, number)
    if added is None:
        raise RuntimeError("a version that was added is not there")
    return added


def replace(connection: Connection, area: str, subject: str, state: VersionState) -> None:
    """Replace the version of a subject that is in a state, if there is one."""
    which = (SHOP_VERSIONS.c.area == area) & (SHOP_VERSIONS.c.subject == subject) & (SHOP_VERSIONS.c.state == state)
    connection.execute(update(SHOP_VERSIONS).where(which).values(state=VersionState.REPLACED))
